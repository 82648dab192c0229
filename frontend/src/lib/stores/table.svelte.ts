import { Cells } from "./cells.svelte";

/**
 * The rows of one kind, in an order. A list of thousands watches `ids`, which change when rows come, go or move, and each
 * line watches its own row; a short list watches `rows`.
 */
export class LiveTable<R extends { id: string }> {
  readonly #cells = new Cells<R>();
  readonly #plain = new Map<string, R>();
  readonly #order: (a: R, b: R) => number;
  readonly #place: (row: R) => string;
  #ids = $state.raw<readonly string[]>([]);
  readonly #rows = $derived.by(() => this.#ids.flatMap((id) => this.#cells.get(id) ?? []));

  /** `place`: a text of everything that decides where a row stands, in the order and in any grouping. */
  constructor(order: (a: R, b: R) => number, place: (row: R) => string) {
    this.#order = order;
    this.#place = place;
  }

  /** Watched: the row, or that there is none. */
  get(id: string): R | undefined {
    return this.#cells.get(id);
  }

  /** Not watched: for what is derived from `ids` alone. */
  peek(id: string): R | undefined {
    return this.#plain.get(id);
  }

  /** Watched: which rows there are, in order; what is derived from it may `peek` at what decides the place. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Watched: all rows, in order. */
  get rows(): readonly R[] {
    return this.#rows;
  }

  get count(): number {
    return this.#ids.length;
  }

  /** `undefined` takes a row away. */
  commit(changes: Iterable<readonly [string, R | undefined]>): void {
    const moved = new Set<string>();
    let regrouped = false;
    for (const [id, row] of changes) {
      const before = this.#plain.get(id);
      if (row === undefined) this.#plain.delete(id);
      else this.#plain.set(id, row);
      if (this.#cells.set(id, row)) moved.add(id);
      else if (before && row && this.#place(before) !== this.#place(row)) {
        regrouped = true;
        if (this.#order(before, row) !== 0) moved.add(id);
      }
    }
    if (moved.size > 0) this.#arrange(moved);
    else if (regrouped) this.#ids = [...this.#ids];
  }

  #arrange(moved: ReadonlySet<string>): void {
    // the others are in order already, which makes sorting thousands of them cheap
    const ids = [...this.#ids.filter((id) => !moved.has(id)), ...moved];
    const rows = ids.flatMap((id) => this.#plain.get(id) ?? []);
    this.#ids = rows.sort(this.#order).map(({ id }) => id);
  }
}
