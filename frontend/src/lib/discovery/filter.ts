/** Which of the guests that were found are shown: pure, and in the address. */
import type { Guest } from "$lib/api";
import { fits as fitsWords } from "$lib/rack/groups";

export const SHOWS = ["new", "other", "ignored", "all"] as const;
export type Show = (typeof SHOWS)[number];

export interface Filter {
  words: string;
  show: Show;
  /** "": any. */
  cluster: string;
}

export function filterOf(search: URLSearchParams): Filter {
  return {
    words: search.get("q") ?? "",
    show: SHOWS.find((one) => one === search.get("show")) ?? "new",
    cluster: search.get("cluster") ?? "",
  };
}

const BY_SHOW: Record<Show, (guest: Guest) => boolean> = {
  new: ({ adoptable, ignored }) => adoptable && !ignored,
  other: ({ adoptable, ignored }) => !adoptable && !ignored,
  ignored: ({ ignored }) => ignored,
  all: () => true,
};

/** `addresses`: asked for only where words are looked for. */
export function fits(guest: Guest, { words, show, cluster }: Filter, addresses: () => readonly string[]): boolean {
  return (
    BY_SHOW[show](guest) &&
    (cluster === "" || guest.cluster_id === cluster) &&
    (words === "" || fitsWords([guest.name, guest.app, guest.vmid, guest.node, ...guest.tags, ...addresses()], words))
  );
}

/** Whether it can be adopted. */
export const isOffered = ({ adoptable, ignored }: Guest): boolean => adoptable && !ignored;

/** What can be asked of several at once, and of which it can be asked. */
export const ASKS = {
  adopt: isOffered,
  ignore: ({ ignored }: Guest): boolean => !ignored,
  notice: ({ ignored }: Guest): boolean => ignored,
} as const;
