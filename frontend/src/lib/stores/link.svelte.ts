/** How the page stands to the server, as a person sees it. */
import type { Connection } from "$lib/live";

/** `reconnecting` shows after RECONNECTING, so that a blink is none; `offline`: what is shown may be old. */
export type LinkState = "connecting" | "live" | "reconnecting" | "offline" | "signed_out";

export const RECONNECTING = 3_000;
export const OFFLINE = 15_000;

export class Link {
  #state = $state.raw<LinkState>("connecting");
  #heard = $state.raw<Date | null>(null);
  #last = 0;
  #timers: ReturnType<typeof setTimeout>[] = [];

  get state(): LinkState {
    return this.#state;
  }

  /** When the server was last heard; as of then is everything that is shown while `offline`. */
  get heard(): Date | null {
    return this.#heard;
  }

  sign(): void {
    this.#last = Date.now();
  }

  connection(connection: Connection): void {
    if (connection === "down") {
      if (this.#timers.length === 0) this.#fall();
      return;
    }
    this.#clear();
    this.#become(connection === "up" ? "live" : "signed_out");
  }

  /** Everything begins anew: nobody is signed in yet. */
  reset(): void {
    this.#clear();
    this.#become("connecting");
  }

  #fall(): void {
    this.#timers = [
      setTimeout(() => this.#become("reconnecting"), RECONNECTING),
      setTimeout(() => this.#become("offline"), OFFLINE),
    ];
  }

  #become(state: LinkState): void {
    this.#heard = this.#last ? new Date(this.#last) : null;
    this.#state = state;
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}

export const link = new Link();
