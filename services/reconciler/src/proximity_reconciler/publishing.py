"""Passes figures on as observations: of nodes, storages and guests."""

from collections.abc import Iterator
from datetime import datetime

from proximity.messaging import observations
from proximity.messaging.connection import Bus
from proximity.proxmox.observe import Resources
from proximity_reconciler.figures import GuestFigures, OfNode
from proximity_reconciler.inventory import Storages
from proximity_reconciler.picture import Picture
from proximity_reconciler.traffic import NodeTraffic

# Guests in one message: figures of one take at most 250 bytes, and NATS carries 1 MiB unless it is told otherwise.
PAGE = 2000


def pages(guests: OfNode) -> Iterator[OfNode]:
    """By VMID; one at least, for it also tells that a node has no guest."""
    listed = sorted(guests.items(), key=lambda guest: int(guest[0]))
    for begin in range(0, max(1, len(listed)), PAGE):
        yield dict(listed[begin : begin + PAGE])


class Publisher:
    def __init__(self, cluster_id: str, bus: Bus, traffic: NodeTraffic) -> None:
        self._cluster_id = cluster_id
        self._bus = bus
        self._traffic = traffic
        self._figures = GuestFigures()

    async def inventory(self, seen: Resources, storages: Storages) -> None:
        for node in seen.nodes:
            # also that it tells none, as to a token that lost the right: those it told before are not how it is now
            if node.online:
                traffic = self._traffic.of(node.node)
                body = {
                    "cpu": node.cpu,
                    "memory_used": node.memory_used,
                    "disk": node.disk,
                    "disk_used": node.disk_used,
                    "netin": traffic.netin if traffic else None,
                    "netout": traffic.netout if traffic else None,
                    "uptime": node.uptime,
                }
                await observations.publish(self._bus, "node", f"{self._cluster_id}/{node.node}", body)
        for name, storage in storages:
            if storage.active:
                body = {"used": storage.total - storage.available, "available": storage.available}
                await observations.publish(self._bus, "storage", f"{self._cluster_id}/{name}/{storage.storage}", body)

    def saw(self, vmid: int, at: datetime, running: bool) -> None:
        """By a direct look: the list knows it later."""
        self._figures.saw(vmid, at, running)

    async def guests(self, picture: Picture) -> None:
        for node, body in self._figures.news(self._bus.clock.now(), picture.listed.values(), picture.away):
            for number, page in enumerate(pages(body)):
                key = f"{self._cluster_id}/{node}" + (f"/{number + 1}" if number else "")
                await observations.publish(self._bus, "guests", key, page)
