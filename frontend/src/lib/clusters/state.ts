import type { Cluster, Node } from "$lib/api";
import { clusters } from "$lib/texts/clusters";
import type { Shape } from "$lib/texts/states";

const SHAPES: Record<Cluster["status"], Shape> = {
  connecting: "starting",
  connected: "running",
  unreachable: "error",
  failed: "error",
  removed: "stopped",
};

/** `reachable`: somebody tells of it. */
export function nodeState({ online }: Pick<Node, "online">, reachable: boolean): { state: Shape; word: string } {
  if (!online) return { state: "error", word: clusters.offline };
  return reachable
    ? { state: "running", word: clusters.online }
    : { state: "unknown", word: clusters.status.unreachable };
}

/** How a StateDot shows it. */
export function stateOf({ status }: Pick<Cluster, "status">): { state: Shape; word: string } {
  return { state: SHAPES[status], word: clusters.status[status] };
}
