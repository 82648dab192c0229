import { type Application, body, client, type Metric, Problem } from "$lib/api";
import { figures, guestId } from "$lib/stores";

export const TIMEFRAMES = ["hour", "day", "week", "month", "year"] as const;
export type Timeframe = (typeof TIMEFRAMES)[number];

/** Seconds between two measurements, as Proxmox keeps them. */
export const STEP: Record<Timeframe, number> = { hour: 60, day: 60, week: 1800, month: 1800, year: 21_600 };

/** The figures of an application over time. Made in a component; asked for anew when the stream shows that there are
 * newer ones than those that are held. */
export class Measured {
  readonly #of: () => { application: Application; timeframe: Timeframe };
  #points = $state.raw<readonly Metric[]>([]);
  #held = $state.raw("");
  #problem = $state.raw<Problem | null>(null);
  #asking = "";
  readonly #wanted = $derived.by(() => {
    const { application, timeframe } = this.#of();
    const guest = guestId(application);
    if (guest === null || application.node === null) return null;
    const seen = figures.guests.get(guest)?.at;
    const step = STEP[timeframe] * 1000;
    // a new measurement is there each step; what the container went through moves the lines, too
    return [application.id, timeframe, application.status, seen ? Math.floor(Date.parse(seen) / step) : ""].join(" ");
  });

  constructor(of: () => { application: Application; timeframe: Timeframe }) {
    this.#of = of;
    $effect(() => {
      if (this.#wanted !== null) void this.ask();
    });
  }

  /** Whether there is a container to measure. */
  get possible(): boolean {
    return this.#wanted !== null;
  }

  get points(): readonly Metric[] {
    return this.#held === this.#frame() ? this.#points : [];
  }

  get loading(): boolean {
    return this.#held !== this.#frame() && this.#problem === null;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  async ask(): Promise<void> {
    const { application, timeframe } = this.#of();
    const frame = this.#frame();
    this.#asking = frame;
    try {
      const params = { path: { application_id: application.id }, query: { timeframe } };
      const points = await body(client.GET("/api/v1/applications/{application_id}/metrics", { params }));
      if (this.#asking !== frame) return;
      this.#points = points;
      this.#held = frame;
      this.#problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.#asking === frame) this.#problem = error;
    }
  }

  #frame(): string {
    const { application, timeframe } = this.#of();
    return `${application.id} ${timeframe}`;
  }
}
