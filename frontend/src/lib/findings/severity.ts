/** What a finding means for who looks at it: pure. */
import type { Finding } from "$lib/api";

export const SEVERITIES = ["err", "warn"] as const;
export type Severity = (typeof SEVERITIES)[number];

// something does not run (of a task that ended unseen: Proximity), is not there, or cannot be reached
const URGENT = new Set([
  "stopped_outside",
  "gone",
  "vmid_taken",
  "unseen",
  "task_unseen",
  "certificate_changed",
  "token_refused",
  "rights_lost",
  "cluster_away",
  "node_offline",
]);

export const severityOf = ({ kind }: Pick<Finding, "kind">): Severity => (URGENT.has(kind) ? "err" : "warn");

/** What distinguishes it among the findings of the same thing: its id is `category/thing/key`. */
export const keyOf = ({ id, category, aggregate_id }: Pick<Finding, "id" | "category" | "aggregate_id">): string =>
  id.slice(`${category}/${aggregate_id}/`.length);

type Place = Pick<Finding, "id" | "category" | "aggregate_id" | "kind" | "cluster_id">;

/** Where something is done about it. */
export function hrefOf(finding: Place): string {
  const { category, aggregate_id, cluster_id, kind } = finding;
  if (category === "application") return `/apps/${aggregate_id}`;
  if (category === "guest") return `/discovery/${aggregate_id}/adopt`;
  if (kind === "node_offline") return `/nodes/${cluster_id}/${keyOf(finding).replace("offline:", "")}`;
  return `/clusters/${cluster_id}`;
}

/** What to run on the node; undefined: nothing. */
export function commandOf({ kind, aggregate_id }: Pick<Finding, "kind" | "aggregate_id">): string | undefined {
  const vmid = aggregate_id.split("-").at(-1);
  return kind === "orphan" ? `pct destroy ${vmid}` : undefined;
}

/** Whether what is now can be taken for what it should be. */
export const isAcceptable = ({ kind }: Pick<Finding, "kind">): boolean => kind === "configuration_changed";

// of an operation of Proximity's own
const DELAYS = new Set(["deadline_passed", "task_unseen"]);

/** Whether somebody may have brought it about, by a task on Proxmox that tells of it or not. */
export const isSomebodys = ({ category, kind }: Pick<Finding, "category" | "kind">): boolean =>
  category !== "cluster" && !DELAYS.has(kind);

/** Whether it has values to compare: what is there or not is said by the message alone, what may be secret by none. */
export const isCompared = ({ expected, observed }: Pick<Finding, "expected" | "observed">): boolean =>
  expected !== "" && observed !== "";
