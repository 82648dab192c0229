import type { Cluster } from "$lib/api";
import { clusters } from "$lib/texts/clusters";
import type { Shape } from "$lib/texts/states";

const SHAPES: Record<Cluster["status"], Shape> = {
  connecting: "starting",
  connected: "running",
  unreachable: "error",
  failed: "error",
  removed: "stopped",
};

/** How a StateDot shows it. */
export function stateOf({ status }: Pick<Cluster, "status">): { state: Shape; word: string } {
  return { state: SHAPES[status], word: clusters.status[status] };
}
