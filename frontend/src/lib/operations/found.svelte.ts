import { body, client, type Operation, Problem } from "$lib/api";
import { live, operations } from "$lib/stores";

/** An operation by its id: live as long as the stream has it; an older one is asked for once. Made in a component. */
export class FoundOperation {
  readonly #id: () => string | null;
  #old = $state.raw<Operation | null>(null);
  #problem = $state.raw<Problem | null>(null);

  constructor(id: () => string | null) {
    this.#id = id;
    $effect(() => {
      const wanted = this.#id();
      if (wanted !== null && live.ready && !operations.get(wanted)) void this.ask();
    });
  }

  /** undefined: it did not come yet. */
  get row(): Operation | undefined {
    const id = this.#id();
    if (id === null) return undefined;
    return operations.get(id) ?? (this.#old?.id === id ? this.#old : undefined);
  }

  get problem(): Problem | null {
    return this.row ? null : this.#problem;
  }

  async ask(): Promise<void> {
    const id = this.#id();
    if (id === null) return;
    this.#problem = null;
    try {
      const found = await body(
        client.GET("/api/v1/operations/{operation_id}", { params: { path: { operation_id: id } } }),
      );
      if (this.#id() === id) this.#old = found;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.#id() === id) this.#problem = error;
    }
  }
}
