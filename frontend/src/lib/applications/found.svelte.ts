import { type Application, body, client, Problem } from "$lib/api";
import { applications, live } from "$lib/stores";

/** An application by its id: live while it is there; one that was removed is asked for. Made in a component. */
export class FoundApplication {
  readonly #id: () => string;
  #removed = $state.raw<Application | null>(null);
  #problem = $state.raw<Problem | null>(null);

  constructor(id: () => string) {
    this.#id = id;
    $effect(() => {
      if (live.ready && !applications.get(this.#id())) void this.ask();
    });
  }

  /** undefined: it did not come yet. `removed_at` tells whether it is there. */
  get row(): Application | undefined {
    const id = this.#id();
    return applications.get(id) ?? (this.#removed?.id === id ? this.#removed : undefined);
  }

  get problem(): Problem | null {
    return this.row ? null : this.#problem;
  }

  async ask(): Promise<void> {
    const id = this.#id();
    this.#problem = null;
    try {
      const path = { application_id: id };
      const found = await body(client.GET("/api/v1/applications/{application_id}", { params: { path } }));
      if (this.#id() === id) this.#removed = found;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.#id() === id) this.#problem = error;
    }
  }
}
