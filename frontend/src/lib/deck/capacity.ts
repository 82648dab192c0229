/** How full everything is together: pure. */
import type { Node, NodeFigures, Storage, StorageFigures } from "$lib/api";
import { type Capacity, storagesOf } from "$lib/clusters/capacity";

/** In cores. null: no node tells. */
export function cpuOf(
  nodes: readonly (Pick<Node, "cpus" | "online"> & { figures: Pick<NodeFigures, "cpu"> | undefined })[],
): Capacity | null {
  let used = 0;
  let whole = 0;
  for (const { cpus, online, figures } of nodes) {
    if (!online || cpus === null || figures?.cpu == null) continue;
    used += figures.cpu * cpus;
    whole += cpus;
  }
  return whole > 0 ? { used, whole } : null;
}

type Measured = Pick<Storage, "cluster_id" | "name" | "node" | "shared" | "total"> & {
  figures: Pick<StorageFigures, "used"> | undefined;
};

/** A shared storage counts once in its cluster; in another one, it is another one. */
export function allStoragesOf(storages: readonly Measured[]): Capacity | null {
  const clusters = new Set(storages.map(({ cluster_id }) => cluster_id));
  const known = [...clusters]
    .map((id) => storagesOf(storages.filter(({ cluster_id }) => cluster_id === id)))
    .filter((capacity) => capacity !== null);
  if (known.length === 0) return null;
  return known.reduce((all, part) => ({ used: all.used + part.used, whole: all.whole + part.whole }));
}
