import { type Accepted, Problem } from "$lib/api";
import { ask, blocked, session, type Wish } from "$lib/stores";
import { operationTexts } from "$lib/texts/operations";
import { shell } from "$lib/texts/shell";

type Call = Parameters<typeof ask>[1];

/** What a button asked for, as long as somebody looks at the button: under way, or why it was refused. */
export class Asking {
  #busy = $state.raw(false);
  #problem = $state.raw<Problem | null>(null);

  get busy(): boolean {
    return this.#busy;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** null: it was refused, and `problem` says why. */
  async ask(wish: Wish, call: Call): Promise<Accepted | null> {
    this.#busy = true;
    this.#problem = null;
    try {
      return await ask(wish, call);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
      return null;
    } finally {
      this.#busy = false;
    }
  }

  /** Also followed to its end; for what ends within a moment. */
  async askAndFollow(about: string, call: Call): Promise<void> {
    // its end may be told before its beginning is answered
    let over = false;
    const ended: Wish["ended"] = ({ kind, status, cause }) => {
      over = true;
      this.#busy = false;
      if (status === "succeeded" || !cause) return;
      this.#problem = new Problem(409, cause.code, operationTexts.rejectedTitle(kind), cause.message);
    };
    const accepted = await this.ask({ about, ended }, call);
    this.#busy = accepted !== null && !over;
  }
}

/** Why nobody, or not this person, can ask for anything now; undefined: they can. */
export function cannotAsk(): string | undefined {
  const stopped = blocked();
  if (stopped) return shell.blocked[stopped];
  return session.may("operator") ? undefined : operationTexts.viewerReason;
}
