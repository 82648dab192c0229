import type { Activity } from "$lib/api";
import type { Marker } from "$lib/ui/series";

/** What a line in a chart may come from: the ends of what was done, and what somebody else did. */
const TELLING = /\.(operation_succeeded|operation_failed|finding_opened|container_found_moved)\./;
const MOST = 8;

/** `from`, `to`: Unix seconds. The latest ones, oldest first. */
export function markersOf(told: readonly Activity[], from: number, to: number): Marker[] {
  return told
    .filter(({ type }) => TELLING.test(type))
    .map(({ at, summary, type }) => ({
      at: Math.floor(Date.parse(at) / 1000),
      label: summary,
      tone: /failed|finding/.test(type) ? ("err" as const) : ("neutral" as const),
    }))
    .filter(({ at }) => at >= from && at <= to + 120)
    .slice(0, MOST)
    .reverse();
}
