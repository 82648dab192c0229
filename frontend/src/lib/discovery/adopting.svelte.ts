import { type AdoptedMany, body, client, Problem, uuid } from "$lib/api";

type Answer = AdoptedMany["operations"][number];

/** At most so many with one request, as the api has it. */
export const MOST = 200;

/** Adopts several at once. What got no answer is asked again under the same key: it is done once. */
export class Adopting {
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);
  #refused = $state.raw<readonly Answer[]>([]);
  #asked = { key: "", ids: "" };

  get busy(): boolean {
    return this.#busy;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** What the last request got no operation for, and why. */
  get refused(): readonly Answer[] {
    return this.#refused;
  }

  /** The operations, in the order of the guests; null: it was not answered. */
  async ask(ids: readonly string[]): Promise<string[] | null> {
    if (this.#asked.ids !== ids.join()) this.#asked = { key: uuid(), ids: ids.join() };
    this.#busy = true;
    this.#problem = null;
    try {
      const guests = ids.map((id) => ({ id }));
      const headers = { "Idempotency-Key": this.#asked.key };
      const { operations } = await body(client.POST("/api/v1/guests/adopt", { body: { guests }, headers }));
      this.#refused = operations.filter(({ problem }) => problem);
      this.#asked = { key: "", ids: "" };
      return operations.flatMap(({ operation_id }) => operation_id ?? []);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
      return null;
    } finally {
      this.#busy = false;
    }
  }

  forget(): void {
    this.#refused = [];
    this.#problem = null;
  }
}
