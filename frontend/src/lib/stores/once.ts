import { uuid } from "$lib/api";

/** Who got no answer does not know whether it was heard: the same, asked again, goes under the same id, and is done once. */
export class Once {
  #asked = { id: "", request: "" };

  /** `request`: all that is asked for. */
  async ask<T>(request: unknown, call: (id: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(request);
    if (text !== this.#asked.request) this.#asked = { id: uuid(), request: text };
    const asked = this.#asked;
    const answer = await call(asked.id);
    if (asked === this.#asked) this.#asked = { id: "", request: "" };
    return answer;
  }
}
