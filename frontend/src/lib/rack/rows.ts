/** A line of the rack, with what is known of it right now. Called in a component, it watches just what it shows. */
import { diskOf, memoryOf, share, shown } from "$lib/clusters/capacity";
import { isReachable, placeOf } from "$lib/clusters/place";
import { addressesOf } from "$lib/guests/addresses";
import { applications, clusters, figures, guestId, guests, nodes } from "$lib/stores";
import { nodes as nodeTexts } from "$lib/texts/nodes";
import { rackTexts as texts } from "$lib/texts/rack";
import { ofApplication, ofGuest } from "$lib/nodes/units";
import { bytesPerSecond } from "$lib/ui/format";
import type { RackNode, Unit } from "$lib/ui/rack";

import type { Entry, Group } from "./groups";

export function unitOf({ id, ours }: Entry, group: Group): Unit | undefined {
  const reachable = isReachable(group.clusterId, group.node);
  const application = ours ? applications.get(id) : undefined;
  if (application) return ofApplication(application, figures.guests.get(guestId(application) ?? ""), reachable);
  const guest = guests.get(id);
  const now = figures.guests.get(id);
  return guest && ofGuest(guest, now, reachable, addressesOf(figures.addresses.get(id), now));
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
  const known = { id, name, guests: entries.length, href: `/nodes/${clusterId}/${encodeURIComponent(node)}` };
  if (!isReachable(clusterId, node)) {
    return { ...known, state: "unknown", word: texts.unreachable, unreachableSince: now?.at };
  }
  const memory = memoryOf([{ memory: row?.memory ?? null, figures: now }]);
  return {
    ...known,
    state: "running",
    word: nodeTexts.online,
    cpu: now?.cpu ?? undefined,
    memory: share(memory),
    disk: share(diskOf(now)),
    memoryText: memory ? shown(memory).text : undefined,
    trafficText:
      now?.netin == null || now.netout == null
        ? undefined
        : texts.traffic(bytesPerSecond(now.netin), bytesPerSecond(now.netout)),
  };
}
