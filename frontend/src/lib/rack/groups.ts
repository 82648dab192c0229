/** What stands on which node: pure. */
import type { Application, Guest } from "$lib/api";

export interface Entry {
  id: string;
  /** An application; else a guest that no application has. */
  ours: boolean;
}

/** A node and what is on it. `node` is null for what has no place yet. */
export interface Group {
  id: string;
  clusterId: string;
  node: string | null;
  entries: Entry[];
}

export interface Standing {
  nodes: readonly { id: string; cluster_id: string; name: string }[];
  /** In the order in which they are to stand; applications come before guests. */
  applications: readonly Application[];
  guests: readonly Guest[];
  /** Of a guest; asked for only where words are looked for. */
  addresses: (guestId: string) => readonly string[];
}

const idOf = (clusterId: string, node: string | null): string => `${clusterId}/${node ?? ""}`;

/** All nodes in their order, then places that no node is known of, then what has none. With a filter, only what has
 * something that fits. */
export function groupsOf({ nodes, applications, guests, addresses }: Standing, words: string): Group[] {
  const groups = new Map<string, Group>();
  const at = (clusterId: string, node: string | null): Group => {
    const id = idOf(clusterId, node);
    let group = groups.get(id);
    if (!group) groups.set(id, (group = { id, clusterId, node, entries: [] }));
    return group;
  };
  for (const { cluster_id, name } of nodes) at(cluster_id, name);
  const all = words.trim() === "";
  for (const row of applications) {
    if (all || fits([row.name, row.recipe, row.vmid, row.node, row.address], words))
      at(row.cluster_id, row.node).entries.push({ id: row.id, ours: true });
  }
  for (const row of guests) {
    if (all || fits([row.name, row.app, row.vmid, row.node, ...addresses(row.id)], words))
      at(row.cluster_id, row.node).entries.push({ id: row.id, ours: false });
  }
  const sorted = [...groups.values()].sort((a, b) => Number(a.node === null) - Number(b.node === null));
  return all ? sorted : sorted.filter(({ entries }) => entries.length > 0);
}

/** `before`, if everything still stands where it stood then: who is given the same draws nothing anew. */
export function settled(before: Group[], now: Group[]): Group[] {
  const same = (a: Group, b: Group | undefined): boolean =>
    a.id === b?.id &&
    a.entries.length === b.entries.length &&
    a.entries.every(({ id, ours }, at) => id === b.entries[at]?.id && ours === b.entries[at].ours);
  return before.length === now.length && before.every((group, at) => same(group, now[at])) ? before : now;
}

/** All words are somewhere in what a person knows of it. */
export function fits(known: readonly unknown[], words: string): boolean {
  if (words === "") return true;
  const text = known.join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
