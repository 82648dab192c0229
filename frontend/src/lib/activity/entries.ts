import type { Activity } from "$lib/api";
import { activityTexts } from "$lib/texts/activity";
import { errors } from "$lib/texts/errors";
import type { TimelineEntry } from "$lib/ui/Timeline.svelte";

import { actorName } from "./actor";

/** As a line of the timeline: what, who, why. */
export function entryOf(row: Activity): TimelineEntry {
  return {
    id: row.id,
    at: row.at,
    title: row.summary,
    actor: actorName(row.actor_type, row.actor_id),
    why: why(row),
    tone: toneOf(row.type),
    href: row.operation_id === null ? undefined : `/operations/${row.operation_id}`,
  };
}

/** What went wrong in Proxmox's own words, else the reason that a person gave. */
function why({ detail, reason, actor_type, type }: Activity): string | undefined {
  const words = proxmoxWords(detail);
  if (words) return `${errors.proxmoxSays}: ${words}`;
  // all that follows carries the reason, too: it is told once
  const asked = actor_type === "user" && type.includes("_requested.");
  return asked && reason ? activityTexts.said(reason) : undefined;
}

function proxmoxWords(detail: Activity["detail"]): string | undefined {
  const cause: unknown = detail["cause"];
  if (typeof cause !== "object" || cause === null || !("proxmox" in cause)) return undefined;
  return typeof cause.proxmox === "string" ? cause.proxmox : undefined;
}

const TONES: readonly [RegExp, NonNullable<TimelineEntry["tone"]>][] = [
  [/\.(operation_failed|step_failed|command_dead_lettered|unreachable)\./, "err"],
  [
    /\.(operation_undecided|finding_opened|call_unanswered|deadline_passed|task_ended_unseen|node_went_offline|command_rejected)\./,
    "warn",
  ],
  [/\.(operation_succeeded|answered|connected|reachable)\./, "ok"],
];

/** By the event's type, such as `application.operation_failed.v1`. */
export function toneOf(type: string): NonNullable<TimelineEntry["tone"]> {
  return TONES.find(([pattern]) => pattern.test(type))?.[1] ?? "neutral";
}
