import { body, Problem } from "$lib/api";
import { type Init, Once } from "$lib/stores";

/** At most so many with one request, as the api has it. */
export const MOST = 200;

interface One {
  operation_id?: string | null;
  problem?: { detail: string } | null;
}

/** What was asked for of several at once: under way, refused whole, or refused of some. */
export class AskingMany<A extends One> {
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);
  #refused = $state.raw<readonly A[]>([]);
  readonly #once = new Once();

  get busy(): boolean {
    return this.#busy;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** What the last request got no operation for, and why. */
  get refused(): readonly A[] {
    return this.#refused;
  }

  /** `request`: all that is asked for. What was accepted, in its order; null: it was refused, or not answered. */
  async ask(
    request: unknown,
    call: (init: Init) => Promise<{ data?: { operations: A[] } | undefined }>,
  ): Promise<A[] | null> {
    this.#busy = true;
    this.#problem = null;
    try {
      const { operations } = await this.#once.ask(request, (id) => body(call({ headers: { "Idempotency-Key": id } })));
      this.#refused = operations.filter(({ problem }) => problem);
      return operations.filter(({ problem }) => !problem);
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
