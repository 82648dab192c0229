/** Where things are, and whether what was said of them still holds. Called in a component, it watches just what it needs. */
import type { Cluster } from "$lib/api";
import { clusters, figures, nodes } from "$lib/stores";
import { clusters as texts } from "$lib/texts/clusters";

/** Where something can live: also those that do not answer now, not those that were never reached. */
export function connectedClusters(): Cluster[] {
  return clusters.rows.filter(({ status }) => status === "connected" || status === "unreachable");
}

/** The node, and its cluster where there are several: each may have a node of that name. */
export function placeOf(clusterId: string, node: string): string {
  const cluster = clusters.count > 1 ? clusters.get(clusterId)?.name : undefined;
  return cluster === undefined ? node : texts.nodeOf(node, cluster);
}

/** Who does not answer, its cluster or the node itself; undefined: both do. */
export function silentOf(clusterId: string, node: string | null): string | undefined {
  const cluster = clusters.get(clusterId);
  if (cluster?.status === "unreachable") return cluster.name;
  return node === null || nodes.get(`${clusterId}/${node}`)?.online !== false ? undefined : placeOf(clusterId, node);
}

export function isReachable(clusterId: string, node: string | null): boolean {
  return silentOf(clusterId, node) === undefined;
}

/** When the node was measured last, ISO 8601. */
export function seenAt(clusterId: string, node: string | null): string | undefined {
  return figures.nodes.get(`${clusterId}/${node ?? ""}`)?.at;
}
