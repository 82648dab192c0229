/** Fills the tables while somebody is signed in, and knows what was asked for and has not ended. */
import { body, client, type Operation, uuid } from "$lib/api";
import {
  type Changed,
  Engine,
  type Expectation,
  type Figures,
  line,
  type Listener,
  type Measured,
  MEASURED,
  type Newer,
  Overlay,
  type Rows,
  type Table,
  type Tables,
  TABLES,
} from "$lib/live";
import { toasts } from "$lib/ui/toasts.svelte";

import { Cells } from "./cells.svelte";
import { link } from "./link.svelte";
import { session } from "./session.svelte";
import { figures, tables } from "./tables";

interface Asked {
  expected: Expectation | null;
  ended: (operation: Operation) => void;
}

class Live implements Listener {
  readonly #overlay = new Overlay();
  readonly #pending = new Cells<string>();
  readonly #asked = new Map<string, Asked>();
  // the server's rows, without what is laid over them
  #held: Tables | null = null;
  #ready = $state.raw(false);
  readonly #engine = new Engine(
    uuid(),
    {
      snapshot: () => body(client.GET("/api/v1/snapshot", { params: { query: { guests: true } } })),
      line,
      random: Math.random,
    },
    this,
  );

  /** Whether the tables have been filled. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Watched: the operation asked for from here that the thing waits for. */
  pending(table: Table, id: string): string | undefined {
    return this.#pending.get(`${table}/${id}`);
  }

  /** Until what it returns is called: while somebody is signed in, and the page is not put away. */
  start(): () => void {
    const begin = (): void => this.#engine.start();
    const pause = (): void => this.#engine.stop();
    const back = (event: PageTransitionEvent): void => {
      if (event.persisted) begin();
    };
    addEventListener("pagehide", pause);
    addEventListener("pageshow", back);
    link.reset();
    begin();
    return () => {
      removeEventListener("pagehide", pause);
      removeEventListener("pageshow", back);
      pause();
      this.#clear();
    };
  }

  /** Shows what is expected of an operation from now on; `ended` is called when it is over. */
  expect(operationId: string, expected: Expectation | null, ended: (operation: Operation) => void): void {
    this.#overlay.expect(operationId, expected);
    this.#asked.set(operationId, { expected, ended });
    this.#show(expected);
  }

  /** It was refused: nothing is to be expected of it. */
  forget(operationId: string): void {
    this.#overlay.forget(operationId);
    this.#settle(operationId);
  }

  awaits(operationId: string): boolean {
    return this.#overlay.awaits(operationId);
  }

  /** The server's word on an operation, by the stream or by asking. */
  learn(operation: Operation): void {
    if (!this.#overlay.seenOperation(operation)) return;
    this.#settle(operation.id)?.ended(operation);
  }

  onRows(held: Tables, changed: Changed): void {
    this.#held = held;
    for (const id of changed.applications) {
      const row = held.rows.applications.get(id);
      if (row) this.#overlay.seenApplication(row);
    }
    for (const table of TABLES) this.#commit(table, changed[table]);
    for (const id of changed.operations) {
      const row = held.rows.operations.get(id);
      if (row) this.learn(row);
    }
    this.#ready = true;
  }

  onFigures(held: Tables, newer: Newer): void {
    for (const kind of MEASURED) copy(kind, held.figures[kind], newer[kind]);
  }

  onConnection(connection: "up" | "down" | "signed_out"): void {
    link.connection(connection);
    if (connection === "signed_out") session.lost();
  }

  onSign(): void {
    link.sign();
  }

  onUser(id: string): void {
    // another tab signed in as somebody else: nothing of what is shown is theirs
    if (session.me && session.me.id !== id) location.reload();
  }

  #commit<T extends Table>(table: T, ids: Iterable<string>): void {
    const held = this.#held?.rows[table] as Map<string, Rows[T]> | undefined;
    const changes: [string, Rows[T] | undefined][] = [];
    for (const id of ids) {
      const row = held?.get(id);
      changes.push([id, row && this.#overlay.over(table, row)]);
    }
    if (changes.length) tables[table].commit(changes);
  }

  #settle(operationId: string): Asked | undefined {
    const asked = this.#asked.get(operationId);
    this.#asked.delete(operationId);
    this.#show(asked?.expected ?? null);
    return asked;
  }

  #show(expected: Expectation | null): void {
    if (!expected) return;
    const { table, id } = expected;
    this.#pending.set(`${table}/${id}`, this.#overlay.pending(table, id) ?? undefined);
    this.#commit(table, [id]);
  }

  /** Whoever signs in next may be somebody else. */
  #clear(): void {
    this.#held = null;
    this.#ready = false;
    for (const operationId of this.#asked.keys()) this.forget(operationId);
    toasts.clear();
    for (const table of TABLES) this.#commit(table, [...tables[table].ids]);
  }
}

function copy<M extends Measured>(kind: M, held: Map<string, Figures[M]>, ids: Iterable<string>): void {
  for (const id of ids) figures[kind].set(id, held.get(id));
}

export const live = new Live();
