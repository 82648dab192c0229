/**
 * The rows a browser holds, and how a frame changes them. Nothing here knows of time, network or screen.
 *
 * A frame says that nothing visible happened after `prev` up to `position` but its changes. So it fits whoever stands
 * anywhere from `prev` to just below `position`; who stands lower has missed something and takes a snapshot.
 */
import type {
  Activity,
  Application,
  Cluster,
  Finding,
  Guest,
  GuestAddresses,
  GuestFigures,
  Node,
  NodeFigures,
  Operation,
  Snapshot,
  Storage,
  StorageFigures,
} from "$lib/api";

export interface Rows {
  applications: Application;
  operations: Operation;
  clusters: Cluster;
  nodes: Node;
  storages: Storage;
  guests: Guest;
  findings: Finding;
  activity: Activity;
}
export type Table = keyof Rows;
export const TABLES = [
  "applications",
  "operations",
  "clusters",
  "nodes",
  "storages",
  "guests",
  "findings",
  "activity",
] as const satisfies readonly Table[];

export interface Figures {
  nodes: NodeFigures;
  storages: StorageFigures;
  guests: GuestFigures;
  addresses: GuestAddresses;
}
export type Measured = keyof Figures;
export const MEASURED = ["nodes", "storages", "guests", "addresses"] as const satisfies readonly Measured[];

/** A place in the log: positions of another epoch mean nothing. */
export interface Cursor {
  readonly epoch: string;
  readonly position: number;
}

export interface Frame {
  prev: number;
  position: number;
  changes: { table: string; id: string; row: unknown }[];
}

export type Applied = "applied" | "known" | "gap";

// of what grows without end, as many of the latest are kept; twice as many before they are thinned out
const KEPT = 200;
const UNDER_WAY = new Set<string>(["pending", "running", "parked", "undecided"]);

export class Tables {
  cursor: Cursor | null = null;
  readonly rows = perName(TABLES, () => new Map()) as unknown as { [T in Table]: Map<string, Rows[T]> };
  readonly figures = perName(MEASURED, () => new Map()) as unknown as { [M in Measured]: Map<string, Figures[M]> };
  #changed = perName(TABLES, () => new Set<string>());
  #measured = perName(MEASURED, () => new Set<string>());

  /** Merged in place: whoever looks at a row that is still there sees it change, not go and come back. */
  replace(snapshot: Snapshot): void {
    for (const table of TABLES) {
      const held = this.rows[table] as Map<string, unknown>;
      const found = new Map((snapshot[table] ?? []).map((row) => [row.id, row]));
      for (const id of held.keys()) if (!found.has(id)) this.#set(table, id, null);
      for (const [id, row] of found) this.#set(table, id, row);
    }
    for (const kind of MEASURED) this.figures[kind].clear();
    this.measure(snapshot.figures);
    this.cursor = { epoch: snapshot.epoch, position: snapshot.position };
  }

  apply(epoch: string, frame: Frame): Applied {
    if (!this.cursor || epoch !== this.cursor.epoch || frame.prev > this.cursor.position) return "gap";
    if (frame.position <= this.cursor.position) return "known";
    for (const { table, id, row } of frame.changes) if (isTable(table)) this.#set(table, id, row);
    this.cursor = { epoch, position: frame.position };
    this.#thin();
    return "applied";
  }

  /** Figures come in no order and may be missing: of each thing the newest counts. */
  measure(figures: Partial<{ [M in Measured]: Figures[M][] }>): void {
    for (const kind of MEASURED) {
      const held = this.figures[kind] as Map<string, Figures[Measured]>;
      for (const row of figures[kind] ?? []) {
        const known = held.get(row.id);
        if (known && known.at > row.at) continue;
        held.set(row.id, row);
        this.#measured[kind].add(row.id);
      }
    }
  }

  /** The ids whose rows changed since the last call. */
  takeChanged(): Record<Table, Set<string>> {
    const changed = this.#changed;
    this.#changed = perName(TABLES, () => new Set<string>());
    return changed;
  }

  takeMeasured(): Record<Measured, Set<string>> {
    const measured = this.#measured;
    this.#measured = perName(MEASURED, () => new Set<string>());
    return measured;
  }

  #set(table: Table, id: string, row: unknown): void {
    const held = this.rows[table] as Map<string, unknown>;
    if (row === null) held.delete(id);
    else held.set(id, row);
    this.#changed[table].add(id);
  }

  #thin(): void {
    const { activity, operations } = this.rows;
    thin(
      activity,
      () => true,
      (id) => this.#set("activity", id, null),
    );
    thin(
      operations,
      (row) => !UNDER_WAY.has(row.status),
      (id) => this.#set("operations", id, null),
    );
  }
}

/** A map keeps the order in which ids came: the first are the oldest. */
function thin<R>(rows: Map<string, R>, over: (row: R) => boolean, drop: (id: string) => void): void {
  if (rows.size <= 2 * KEPT) return;
  let surplus = rows.size - KEPT;
  for (const [id, row] of rows) {
    if (surplus <= 0) return;
    if (!over(row)) continue;
    drop(id);
    surplus -= 1;
  }
}

function isTable(name: string): name is Table {
  return (TABLES as readonly string[]).includes(name);
}

function perName<N extends string, V>(names: readonly N[], make: () => V): Record<N, V> {
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<N, V>;
}
