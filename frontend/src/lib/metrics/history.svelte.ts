import { Problem } from "$lib/api";

export const TIMEFRAMES = ["hour", "day", "week", "month", "year"] as const;
export type Timeframe = (typeof TIMEFRAMES)[number];

/** Seconds between two measurements, as Proxmox keeps them. */
export const STEP: Record<Timeframe, number> = { hour: 60, day: 60, week: 1800, month: 1800, year: 21_600 };

export interface Wanted<P> {
  /** What is measured. */
  id: string;
  timeframe: Timeframe;
  /** When the stream last told of it, ISO 8601. */
  seen: string | undefined;
  ask: (timeframe: Timeframe) => Promise<readonly P[]>;
}

/** The figures of something over time. Made in a component; asked for anew when the stream shows that there are newer
 * ones than those that are held. */
export class History<P> {
  readonly #of: () => Wanted<P>;
  #points = $state.raw<readonly P[]>([]);
  // what the points, or the problem, are of
  #held = $state.raw("");
  #problem = $state.raw<Problem | null>(null);
  readonly #frame = $derived.by(() => `${this.#of().id} ${this.#of().timeframe}`);
  // Proxmox measures once a step
  readonly #due = $derived.by(() => {
    const { seen, timeframe } = this.#of();
    return `${this.#frame} ${seen ? Math.floor(Date.parse(seen) / 1000 / STEP[timeframe]) : ""}`;
  });

  constructor(of: () => Wanted<P>) {
    this.#of = of;
    $effect(() => {
      if (this.#due) void this.ask();
    });
  }

  get points(): readonly P[] {
    return this.#held === this.#frame ? this.#points : [];
  }

  get problem(): Problem | null {
    return this.#held === this.#frame ? this.#problem : null;
  }

  get loading(): boolean {
    return this.#held !== this.#frame;
  }

  async ask(): Promise<void> {
    const frame = this.#frame;
    const { ask, timeframe } = this.#of();
    let points: readonly P[] = [];
    let problem: Problem | null = null;
    try {
      points = await ask(timeframe);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem = error;
    }
    // another one was asked for meanwhile
    if (frame !== this.#frame) return;
    this.#points = points;
    this.#problem = problem;
    this.#held = frame;
  }
}
