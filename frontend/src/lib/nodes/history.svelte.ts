import { body, client, type Metric, type Node, Problem } from "$lib/api";
import { STEP, type Timeframe } from "$lib/applications/measured.svelte";
import { figures } from "$lib/stores";

export interface Wanted {
  node: Node;
  timeframe: Timeframe;
}

/** The figures of a node over time. Made in a component; asked for anew when the stream shows that there are newer ones
 * than those that are held. */
export class NodeHistory {
  readonly #of: () => Wanted;
  #points = $state.raw<readonly Metric[]>([]);
  // what the points, or the problem, are of
  #held = $state.raw("");
  #problem = $state.raw<Problem | null>(null);
  readonly #frame = $derived.by(() => `${this.#of().node.id} ${this.#of().timeframe}`);
  // Proxmox measures once a step
  readonly #due = $derived.by(() => {
    const { node, timeframe } = this.#of();
    const seen = figures.nodes.get(node.id)?.at;
    return `${this.#frame} ${seen ? Math.floor(Date.parse(seen) / 1000 / STEP[timeframe]) : ""}`;
  });

  constructor(of: () => Wanted) {
    this.#of = of;
    $effect(() => {
      if (this.#due) void this.ask();
    });
  }

  get points(): readonly Metric[] {
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
    const { node, timeframe } = this.#of();
    const params = { path: { cluster_id: node.cluster_id, node: node.name }, query: { timeframe } };
    let points: readonly Metric[] = [];
    let problem: Problem | null = null;
    try {
      points = await body(client.GET("/api/v1/nodes/{cluster_id}/{node}/metrics", { params }));
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
