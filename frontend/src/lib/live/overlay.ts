/**
 * What a person asked for, shown before the server says so.
 *
 * An expectation belongs to an operation, whose id is the Idempotency-Key and the correlation id of all that follows. Its
 * values give way as soon as the server's row names the operation; the operation itself is waited for until it has ended,
 * or its failure would go by unseen.
 */
import type { Application, Operation } from "$lib/api";

import type { Rows, Table } from "./tables";

export interface Expectation<T extends Table = Table> {
  table: T;
  id: string;
  values: Partial<Rows[T]>;
}

interface Awaited {
  expected: Expectation | null;
  /** The server shows it itself. */
  shown: boolean;
}

const ENDED = new Set<Operation["status"]>(["succeeded", "failed", "rejected", "cancelled", "undecided"]);

export function hasEnded({ status }: Pick<Operation, "status">): boolean {
  return ENDED.has(status);
}

export class Overlay {
  readonly #awaited = new Map<string, Awaited>();

  expect(operationId: string, expected: Expectation | null): void {
    this.#awaited.set(operationId, { expected, shown: false });
  }

  /** It never came to be: whatever was expected is not to be seen any more. True: it was awaited. */
  forget(operationId: string): boolean {
    return this.#awaited.delete(operationId);
  }

  awaits(operationId: string): boolean {
    return this.#awaited.has(operationId);
  }

  /** The server's row of an application: true if an expectation gave way to it. */
  seenApplication({ operation_id }: Application): boolean {
    const awaited = operation_id === null ? undefined : this.#awaited.get(operation_id);
    if (!awaited || awaited.shown) return false;
    awaited.shown = true;
    return true;
  }

  /** The server's row of an operation: true if it was awaited, and is over. */
  seenOperation(operation: Operation): boolean {
    return hasEnded(operation) && this.#awaited.delete(operation.id);
  }

  /** The row as it is to be shown. */
  over<T extends Table>(table: T, row: Rows[T]): Rows[T] {
    let shown = row;
    for (const { expected, shown: given } of this.#awaited.values()) {
      if (!given && expected?.table === table && expected.id === row.id) shown = { ...shown, ...expected.values };
    }
    return shown;
  }

  /** The awaited operation of a thing; null: there is none. */
  pending(table: Table, id: string): string | null {
    for (const [operationId, { expected }] of this.#awaited) {
      if (expected?.table === table && expected.id === id) return operationId;
    }
    return null;
  }
}
