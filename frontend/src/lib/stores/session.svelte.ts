/** Who is signed in. Everything that needs a user waits for `me`. */
import { body, client, type Me, onSignedOut, Problem } from "$lib/api";

/** `unknown`: not asked yet, or nobody answered. `new`: the installation has no user yet. */
export type SessionState = "unknown" | "new" | "signed_out" | "signed_in";

const KEEPER = "keeper";

class Session {
  #state = $state.raw<SessionState>("unknown");
  #me = $state.raw<Me | null>(null);
  #trouble = $state.raw<Problem | null>(null);

  constructor() {
    onSignedOut(() => this.lost());
  }

  get state(): SessionState {
    return this.#state;
  }

  get me(): Me | null {
    return this.#me;
  }

  /** Why it is not known who is signed in. */
  get trouble(): Problem | null {
    return this.#trouble;
  }

  /** Viewers look, operators act, admins also connect. */
  may(role: Me["role"]): boolean {
    const ranks: Me["role"][] = ["viewer", "operator", "admin"];
    return this.#me !== null && ranks.indexOf(this.#me.role) >= ranks.indexOf(role);
  }

  /** Asks who is signed in. */
  async look(): Promise<void> {
    this.#trouble = null;
    try {
      const me = await whoever();
      if (me) this.#enter(me);
      else await this.#nobody();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#trouble = error;
    }
  }

  /** Throws the Problem that it was refused with. */
  async signIn(username: string, password: string): Promise<void> {
    this.#enter(await body(client.POST("/api/v1/session", { body: { username, password } })));
  }

  async setUp(setupToken: string, username: string, password: string): Promise<void> {
    this.#enter(await body(client.POST("/api/v1/setup", { body: { setup_token: setupToken, username, password } })));
  }

  async signOut(): Promise<void> {
    await body(client.DELETE("/api/v1/session"));
    this.lost();
  }

  /** The session is over, wherever it was ended. */
  lost(): void {
    // who was never signed in lost nothing: `look` finds out whether there is a user at all
    if (this.#state !== "signed_in") return;
    this.#me = null;
    this.#state = "signed_out";
  }

  #enter(me: Me): void {
    // what a tab keeps, such as what somebody is about to deploy, is for nobody else
    if (sessionStorage.getItem(KEEPER) !== me.id) sessionStorage.clear();
    sessionStorage.setItem(KEEPER, me.id);
    this.#me = me;
    this.#state = "signed_in";
  }

  async #nobody(): Promise<void> {
    const { done } = await body(client.GET("/api/v1/setup"));
    this.#me = null;
    this.#state = done ? "signed_out" : "new";
  }
}

/** null: nobody is signed in. */
async function whoever(): Promise<Me | null> {
  try {
    return await body(client.GET("/api/v1/me"));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

export const session = new Session();
