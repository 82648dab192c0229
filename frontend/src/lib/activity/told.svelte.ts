import { type Activity, body, client, Problem } from "$lib/api";
import { activity, link } from "$lib/stores";

interface Page {
  items: Activity[];
  next?: string | null | undefined;
}
type Ask = (cursor: string | null) => Promise<Page>;

const AT_ONCE = 50;

/** What was told, newest first: live, and as far back as somebody asked for. Made in a component. */
export class Told {
  readonly #ask: Ask;
  readonly #about: () => string | null;
  #held = $state.raw<ReadonlyMap<string, Activity>>(new Map());
  // null: that was the first event of all
  #next = $state.raw<string | null>(null);
  #state = $state.raw<"new" | "asking" | "there">("new");
  #problem = $state.raw<Problem | null>(null);
  readonly #rows = $derived.by(() => {
    const about = this.#about();
    const all = new Map<string, Activity>();
    // what is held may still be another's
    for (const row of [...this.#held.values(), ...activity.rows]) {
      if (about === null || row.aggregate_id === about) all.set(row.id, row);
    }
    return [...all.values()].sort((a, b) => b.position - a.position);
  });

  /** `about`: the application it is about; null: everything. */
  constructor(about: () => string | null) {
    this.#about = about;
    this.#ask = (cursor) => page(about(), cursor);
    // also after a break: what was told meanwhile has come by no stream
    $effect(() => {
      void this.#about();
      if (link.state === "live") void this.newest();
    });
  }

  get rows(): readonly Activity[] {
    return this.#rows;
  }

  get loading(): boolean {
    return this.#state !== "there" && this.#rows.length === 0;
  }

  get asking(): boolean {
    return this.#state === "asking";
  }

  get hasOlder(): boolean {
    return this.#next !== null;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  async newest(): Promise<void> {
    const answer = await this.#take(null);
    if (!answer) return;
    // nothing in common with what is held: in between is a hole, so what is held is let go
    const joined = answer.items.some((row) => this.#held.has(row.id));
    if (!joined) this.#next = answer.next ?? null;
    this.#hold(joined ? this.#held : new Map(), answer.items);
  }

  async older(): Promise<void> {
    if (this.#next === null || this.#state === "asking") return;
    const answer = await this.#take(this.#next);
    if (!answer) return;
    this.#next = answer.next ?? null;
    this.#hold(this.#held, answer.items);
  }

  #hold(held: ReadonlyMap<string, Activity>, items: Activity[]): void {
    this.#held = new Map([...held, ...items.map((row) => [row.id, row] as const)]);
  }

  async #take(cursor: string | null): Promise<Page | null> {
    const about = this.#about();
    this.#state = "asking";
    this.#problem = null;
    try {
      const answer = await this.#ask(cursor);
      return about === this.#about() ? answer : null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#problem = error;
      return null;
    } finally {
      this.#state = "there";
    }
  }
}

function page(about: string | null, cursor: string | null): Promise<Page> {
  const query = cursor === null ? { limit: AT_ONCE } : { limit: AT_ONCE, cursor };
  if (about === null) return body(client.GET("/api/v1/activity", { params: { query } }));
  const params = { path: { application_id: about }, query };
  return body(client.GET("/api/v1/applications/{application_id}/history", { params }));
}
