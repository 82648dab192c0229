/** Rows that a component can watch one by one: a change of one is no news to whoever shows another. */

class Cell<R> {
  row: R = $state.raw() as R;

  constructor(row: R) {
    this.row = row;
  }
}

export class Cells<R> {
  readonly #cells = new Map<string, Cell<R>>();
  // which ids there are
  #members = $state.raw(0);

  /** Watched: the row, or that there is none yet. */
  get(id: string): R | undefined {
    const cell = this.#cells.get(id);
    if (cell) return cell.row;
    void this.#members;
    return undefined;
  }

  /** Watched: the row, not the ids. */
  ids(): string[] {
    void this.#members;
    return [...this.#cells.keys()];
  }

  /** `undefined` takes it away. Returns whether the ids are others now. */
  set(id: string, row: R | undefined): boolean {
    const cell = this.#cells.get(id);
    if (row === undefined) {
      if (!cell) return false;
      this.#cells.delete(id);
      // who watches this very row learns by it that it is gone
      cell.row = undefined as R;
      this.#members += 1;
      return true;
    }
    if (cell) {
      cell.row = row;
      return false;
    }
    this.#cells.set(id, new Cell(row));
    this.#members += 1;
    return true;
  }
}
