/** What of the activity is shown; kept in the page's address. */
import type { Activity } from "$lib/api";

export const ABOUTS = ["all", "application", "cluster", "guest", "identity"] as const;
export const WHOMS = ["all", "people", "proximity"] as const;
export type About = (typeof ABOUTS)[number];
export type Whom = (typeof WHOMS)[number];

export interface Filter {
  words: string;
  about: About;
  whom: Whom;
}

const one = <T extends string>(known: readonly T[], given: string | null, otherwise: T): T =>
  known.find((value) => value === given) ?? otherwise;

export function filterOf(parameters: URLSearchParams): Filter {
  return {
    words: parameters.get("q") ?? "",
    about: one(ABOUTS, parameters.get("about"), "all"),
    whom: one(WHOMS, parameters.get("by"), "all"),
  };
}

/** All words must be in its sentence or its subject's name, in any order. */
export function fits(row: Activity, { words, about, whom }: Filter): boolean {
  if (about !== "all" && row.category !== about) return false;
  if (whom !== "all" && (row.actor_type === "user") !== (whom === "people")) return false;
  const text = `${row.summary} ${row.subject_name}`.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
