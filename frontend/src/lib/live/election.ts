/**
 * Which of several tabs leads, where there is neither a SharedWorker nor, on plain http, a lock. Tabs only hear each other.
 *
 * The highest term leads, among equals the smallest id. Two leaders for a moment do no harm: frames may come twice.
 */
export type Vote = { kind: "who" } | { kind: "lead"; term: number; id: string } | { kind: "resign"; id: string };

export interface Electorate {
  send(vote: Vote): void;
  /** This tab leads, or does no longer. */
  onLeading(leading: boolean): void;
  /** Another one leads. */
  onLeader(id: string): void;
  random(): number;
}

// a tab in the background may be slow to answer
export const ANSWER = 200;
export const BEAT = 2_000;
export const SILENCE = 6_000;

export class Election {
  readonly #id: string;
  readonly #others: Electorate;
  #term = 0;
  #leader: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string, others: Electorate) {
    this.#id = id;
    this.#others = others;
  }

  get leading(): boolean {
    return this.#leader === this.#id;
  }

  /** Asks who leads; nobody answers: this tab does. */
  stand(): void {
    this.#leader = null;
    this.#others.send({ kind: "who" });
    this.#after(ANSWER * (1 + this.#others.random()), () => this.#lead());
  }

  hear(vote: Vote): void {
    if (vote.kind === "who") {
      if (this.leading) this.#announce();
    } else if (vote.kind === "resign") {
      if (vote.id === this.#leader) this.#after(ANSWER * this.#others.random(), () => this.stand());
    } else if (this.#beats(vote)) {
      this.#follow(vote);
    } else if (this.leading && vote.id !== this.#id) {
      this.#announce();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.leading) this.#others.send({ kind: "resign", id: this.#id });
    this.#leader = null;
  }

  #beats({ term, id }: { term: number; id: string }): boolean {
    if (term !== this.#term) return term > this.#term;
    return this.#leader === null || id <= this.#leader;
  }

  #follow({ term, id }: { term: number; id: string }): void {
    const led = this.leading;
    const changed = this.#leader !== id;
    this.#term = term;
    this.#leader = id;
    if (led) this.#others.onLeading(false);
    if (changed) this.#others.onLeader(id);
    this.#after(SILENCE * (1 + this.#others.random() / 3), () => this.stand());
  }

  #lead(): void {
    this.#term += 1;
    this.#leader = this.#id;
    this.#announce();
    this.#others.onLeading(true);
  }

  #announce(): void {
    this.#others.send({ kind: "lead", term: this.#term, id: this.#id });
    this.#after(BEAT, () => this.#announce());
  }

  #after(wait: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, wait);
  }
}
