/** A line of the rack, with what is known of it right now. Called in a component, it watches just what it shows. */
import { isReachable, placeOf } from "$lib/clusters/place";
import { applications, clusters, figures, guestId, guests, nodes } from "$lib/stores";
import { nodes as nodeTexts } from "$lib/texts/nodes";
import { rackTexts as texts } from "$lib/texts/rack";
import { ofApplication, ofGuest } from "$lib/nodes/units";
import { bytes } from "$lib/ui/format";
import type { RackNode, Unit } from "$lib/ui/rack";

import type { Entry, Group } from "./groups";

export function unitOf({ id, ours }: Entry, group: Group): Unit | undefined {
  const reachable = isReachable(group.clusterId, group.node);
  const application = ours ? applications.get(id) : undefined;
  if (application) return ofApplication(application, figures.guests.get(guestId(application) ?? ""), reachable);
  const guest = guests.get(id);
  return guest && ofGuest(guest, figures.guests.get(id), reachable);
}

export function headerOf(group: Group): RackNode {
  const { id, clusterId, node, entries } = group;
  const cluster = clusters.get(clusterId)?.name ?? "";
  if (node === null) {
    return { id, name: texts.unplaced, state: "starting", word: cluster, guests: entries.length, href: "/apps" };
  }
  const row = nodes.get(id);
  const now = figures.nodes.get(id);
  const name = placeOf(clusterId, node);
  const shown = { id, name, guests: entries.length, href: `/nodes/${clusterId}/${encodeURIComponent(node)}` };
  if (!isReachable(clusterId, node)) {
    return { ...shown, state: "unknown", word: texts.unreachable, unreachableSince: now?.at };
  }
  const used = now?.memory_used ?? null;
  const memory = used !== null && row?.memory ? { used, whole: row.memory } : null;
  return {
    ...shown,
    state: "running",
    word: nodeTexts.online,
    cpu: now?.cpu ?? undefined,
    memory: memory ? memory.used / memory.whole : undefined,
    memoryText: memory ? texts.ofMemory(bytes(memory.used), bytes(memory.whole)) : undefined,
  };
}
