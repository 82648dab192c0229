import { type AdoptedMany, body, client, Problem } from "$lib/api";
import { Once } from "$lib/stores";

type Answer = AdoptedMany["operations"][number];

/** At most so many with one request, as the api has it. */
export const MOST = 200;

/** Adopts several at once. */
export class Adopting {
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);
  #refused = $state.raw<readonly Answer[]>([]);
  readonly #once = new Once();

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
    this.#busy = true;
    this.#problem = null;
    try {
      const guests = ids.map((id) => ({ id }));
      const { operations } = await this.#once.ask(guests, (id) =>
        body(client.POST("/api/v1/guests/adopt", { body: { guests }, headers: { "Idempotency-Key": id } })),
      );
      this.#refused = operations.filter(({ problem }) => problem);
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
