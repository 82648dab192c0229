/** Names of the users whose ids are met. Asked for once, and again when one is met that was not among them. */
import { body, client, Problem } from "$lib/api";

const MOST = 200;

class People {
  #names = $state.raw<ReadonlyMap<string, string>>(new Map());
  // an id is asked for once, whether somebody has it or not
  readonly #met = new Set<string>();

  /** Watched; undefined: not known, or not yet. */
  name(id: string): string | undefined {
    const name = this.#names.get(id);
    if (name === undefined && !this.#met.has(id)) {
      this.#met.add(id);
      void this.#ask();
    }
    return name;
  }

  async #ask(): Promise<void> {
    try {
      const { items } = await body(client.GET("/api/v1/users", { params: { query: { limit: MOST } } }));
      for (const { id } of items) this.#met.add(id);
      this.#names = new Map(items.map(({ id, username }) => [id, username]));
    } catch (error) {
      // without its name it is another user
      if (!(error instanceof Problem)) throw error;
    }
  }
}

export const people = new People();
