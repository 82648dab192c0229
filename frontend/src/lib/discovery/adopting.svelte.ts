import { type AdoptedMany, body, client, Problem, uuid } from "$lib/api";

export type Adopted = AdoptedMany["operations"][number];

/** At most so many with one request, as the api has it. */
export const MOST = 200;

/** Adopts several at once. What got no answer is asked again under the same key: it is done once. */
export class Adopting {
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);
  #answers = $state.raw<readonly Adopted[]>([]);
  #asked = { key: "", ids: "" };

  get busy(): boolean {
    return this.#busy;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** Of the last request, one for each guest. */
  get answers(): readonly Adopted[] {
    return this.#answers;
  }

  /** Whether it was answered. */
  async ask(ids: readonly string[]): Promise<boolean> {
    if (this.#asked.ids !== ids.join()) this.#asked = { key: uuid(), ids: ids.join() };
    this.#busy = true;
    this.#problem = null;
    try {
      const guests = ids.map((id) => ({ id }));
      const headers = { "Idempotency-Key": this.#asked.key };
      this.#answers = (await body(client.POST("/api/v1/guests/adopt", { body: { guests }, headers }))).operations;
      this.#asked = { key: "", ids: "" };
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
      return false;
    } finally {
      this.#busy = false;
    }
  }

  forget(): void {
    this.#answers = [];
    this.#problem = null;
  }
}
