import type { NodeFigures, Storage, StorageFigures } from "$lib/api";
import { widgets } from "$lib/texts/widgets";
import { bytes } from "$lib/ui/format";

/** In bytes. */
export interface Capacity {
  used: number;
  whole: number;
}

/** null: nothing of it is known. */
export function share(capacity: Capacity | null): number | undefined {
  return capacity && capacity.whole > 0 ? capacity.used / capacity.whole : undefined;
}

/** As a gauge shows it. */
export function shown(capacity: Capacity | null): { share: number | undefined; text: string } {
  return { share: share(capacity), text: capacity ? widgets.used(bytes(capacity.used), bytes(capacity.whole)) : "" };
}

function sum(parts: readonly (Capacity | null)[]): Capacity | null {
  const known = parts.filter((part) => part !== null);
  if (known.length === 0) return null;
  return known.reduce((all, part) => ({ used: all.used + part.used, whole: all.whole + part.whole }));
}

/** `memory`: installed, in bytes. */
export function memoryOf(
  nodes: readonly { memory: number | null; figures: Pick<NodeFigures, "memory_used"> | undefined }[],
): Capacity | null {
  return sum(
    nodes.map(({ memory, figures }) => {
      const used = figures?.memory_used ?? null;
      return memory === null || used === null ? null : { used, whole: memory };
    }),
  );
}

/** The root file system, which the figures tell as a whole. */
export function diskOf(figures: Pick<NodeFigures, "disk" | "disk_used"> | undefined): Capacity | null {
  return figures?.disk && figures.disk_used != null ? { used: figures.disk_used, whole: figures.disk } : null;
}

// those that only their node tells of are asked for one node after the other
const OLD = 120_000;

/** Whether a storage was measured so long before its node that it may be otherwise by now: nobody is told any more, or
 * it is seldom asked. Both ISO 8601, by the same clock. */
export function isOutdated(seen: string | undefined, node: string | undefined): boolean {
  return seen !== undefined && node !== undefined && Date.parse(node) - Date.parse(seen) > OLD;
}

export function storageOf(total: number | null, figures: Pick<StorageFigures, "used"> | undefined): Capacity | null {
  const used = figures?.used ?? null;
  return total === null || used === null ? null : { used, whole: total };
}

/** A shared storage is one storage, whatever number of nodes has it: it is counted, and shown, once. */
export function distinct<S extends Pick<Storage, "name" | "node" | "shared">>(storages: readonly S[]): S[] {
  const seen = new Set<string>();
  return storages.filter(({ name, node, shared }) => {
    const key = shared ? name : `${node}/${name}`;
    return !seen.has(key) && seen.add(key);
  });
}

export function storagesOf(
  storages: readonly (Pick<Storage, "name" | "node" | "shared" | "total"> & {
    figures: Pick<StorageFigures, "used"> | undefined;
  })[],
): Capacity | null {
  return sum(distinct(storages).map(({ total, figures }) => storageOf(total, figures)));
}
