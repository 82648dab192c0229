/** What there is, as the server has it, with what was asked for laid over it. Filled by `live`. */
import type { Activity, Application, Cluster, Finding, Guest, Node, Operation, Storage } from "$lib/api";
import type { Figures, Measured, Rows, Table } from "$lib/live";

import { Cells } from "./cells.svelte";
import { LiveTable } from "./table.svelte";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

type Order<R> = (a: R, b: R) => number;
/** By texts as a person sorts them, and by numbers; then by id, so that equals never change places. */
function by<R extends { id: string }>(...keys: ((row: R) => string | number)[]): Order<R> {
  return (a, b) => {
    for (const key of keys) {
      const order = compared(key(a), key(b));
      if (order) return order;
    }
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  };
}
// asked a hundred thousand times where there are thousands of rows, mostly of what is equal
function compared(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(`${a}`, `${b}`);
}
function latest<R extends { id: string }>(at: (row: R) => string): Order<R> {
  return (a, b) => (at(a) === at(b) ? (a.id < b.id ? 1 : -1) : at(a) < at(b) ? 1 : -1);
}

const joined = (...parts: unknown[]): string => parts.join("\n");

export const applications = new LiveTable<Application>(
  by((row) => row.name),
  (row) => joined(row.name, row.cluster_id, row.node, row.vmid),
);
export const guests = new LiveTable<Guest>(
  by(
    (row) => row.cluster_id,
    (row) => row.vmid,
  ),
  (row) => joined(row.cluster_id, row.node, row.vmid, row.name, row.type, row.template, row.ignored, row.adoptable),
);
export const nodes = new LiveTable<Node>(
  by(
    (row) => row.cluster_id,
    (row) => row.name,
  ),
  (row) => joined(row.cluster_id, row.name),
);
export const storages = new LiveTable<Storage>(
  by(
    (row) => row.cluster_id,
    (row) => row.node,
    (row) => row.name,
  ),
  (row) => joined(row.cluster_id, row.node, row.name),
);
export const clusters = new LiveTable<Cluster>(
  by((row) => row.name),
  (row) => row.name,
);
/** Latest first: all that are under way, and the latest that are over. */
export const operations = new LiveTable<Operation>(
  latest((row) => row.accepted_at),
  (row) => joined(row.accepted_at, row.status, row.target),
);
export const findings = new LiveTable<Finding>(
  latest((row) => row.opened_at),
  (row) => joined(row.opened_at, row.aggregate_id),
);
/** Latest first: the last few; older ones by `GET /activity`. */
export const activity = new LiveTable<Activity>(
  latest((row) => row.at),
  (row) => row.at,
);

export const tables: { readonly [T in Table]: LiveTable<Rows[T]> } = {
  applications,
  guests,
  nodes,
  storages,
  clusters,
  operations,
  findings,
  activity,
};

/** The last figures of a thing, by its id; those of an application's container by `guestId(application)`. */
export const figures: { readonly [M in Measured]: Cells<Figures[M]> } = {
  nodes: new Cells(),
  storages: new Cells(),
  guests: new Cells(),
  addresses: new Cells(),
};

/** The id of its container among the guests' figures; null: it has none yet. */
export function guestId({ cluster_id, vmid }: Pick<Application, "cluster_id" | "vmid">): string | null {
  return vmid === null ? null : `${cluster_id}-${vmid}`;
}
