import { body, client, type DeployRequest, type Preflight, Problem } from "$lib/api";
import { deployTexts as texts } from "$lib/texts/deploy";

// somebody is typing until nothing changed for so long
const SETTLED = 350;

/** What the server says of a deployment before it is asked for: anew with each change. Made in a component. */
export class DryRun {
  readonly #request: () => DeployRequest | null;
  #answer = $state.raw<Preflight | null>(null);
  #problem = $state.raw<Problem | null>(null);
  // the request that the answer is to
  #answered = $state.raw("");
  readonly #wanted = $derived.by(() => {
    const request = this.#request();
    return request === null ? "" : JSON.stringify(request);
  });

  /** `request`: null while there is nothing to ask. */
  constructor(request: () => DeployRequest | null) {
    this.#request = request;
    $effect(() => {
      const wanted = this.#wanted;
      if (wanted === "" || wanted === this.#answered) return;
      const abort = new AbortController();
      const timer = setTimeout(() => void this.#ask(wanted, abort.signal), SETTLED);
      return () => {
        clearTimeout(timer);
        abort.abort();
      };
    });
  }

  get looking(): boolean {
    return this.#wanted !== "" && this.#wanted !== this.#answered;
  }

  get place(): Preflight["place"] {
    return this.#answer?.place ?? null;
  }

  get refusal(): Preflight["refusal"] {
    return this.#answer?.refusal ?? null;
  }

  /** Nobody knows: what it takes to know is away. */
  get problem(): Problem | null {
    return this.#problem && Object.keys(this.fields).length === 0 ? this.#problem : null;
  }

  /** What is wrong with what was filled in, by its path. */
  get fields(): Readonly<Record<string, string>> {
    if (this.#problem?.code === "name_taken") return { name: this.#problem.detail };
    return this.#problem?.fields ?? {};
  }

  /** Why it cannot be deployed as it is; undefined: it can. */
  get reason(): string | undefined {
    if (Object.keys(this.fields).length > 0) return texts.reasons.invalid;
    if (this.refusal) return texts.reasons.refused;
    if (this.problem) return this.problem.title;
    return this.place && !this.looking ? undefined : texts.reasons.looking;
  }

  again(): void {
    this.#answered = "";
  }

  async #ask(wanted: string, signal: AbortSignal): Promise<void> {
    const request = JSON.parse(wanted) as DeployRequest;
    try {
      this.#answer = await body(client.POST("/api/v1/applications/preflight", { body: request, signal }));
      this.#problem = null;
    } catch (error) {
      // what was typed since has made it another question
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      this.#answer = null;
      this.#problem = error;
    }
    this.#answered = wanted;
  }
}
