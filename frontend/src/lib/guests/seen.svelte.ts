import { body, client, Problem, type SeenGuest } from "$lib/api";
import { guests } from "$lib/stores";

/** A guest with a fresh look at it. Made in a component; looked at anew when its row changes. */
export class Seen {
  readonly #id: () => string;
  #guest = $state.raw<SeenGuest | null>(null);
  #problem = $state.raw<Problem | null>(null);
  #asking = $state.raw(false);
  readonly #due = $derived.by(() => `${this.#id()} ${guests.get(this.#id())?.position ?? ""}`);

  constructor(id: () => string) {
    this.#id = id;
    $effect(() => {
      if (this.#due) void this.ask();
    });
  }

  /** null: it did not come yet. One that was adopted meanwhile stays as it was seen last. */
  get guest(): SeenGuest | null {
    return this.#guest?.id === this.#id() ? this.#guest : null;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  get asking(): boolean {
    return this.#asking;
  }

  async ask(): Promise<void> {
    const id = this.#id();
    this.#asking = true;
    try {
      const found = await body(client.GET("/api/v1/guests/{guest_id}", { params: { path: { guest_id: id } } }));
      if (this.#id() !== id) return;
      this.#guest = found;
      this.#problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.#id() === id) this.#problem = error;
    } finally {
      if (this.#id() === id) this.#asking = false;
    }
  }
}
