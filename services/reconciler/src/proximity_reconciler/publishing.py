"""Passes figures on as observations: of nodes, storages and guests."""

from datetime import datetime

from proximity.messaging import observations
from proximity.messaging.connection import Bus
from proximity.proxmox.observe import Resources
from proximity_reconciler.figures import GuestFigures
from proximity_reconciler.inventory import Storages
from proximity_reconciler.picture import Picture


class Publisher:
    def __init__(self, cluster_id: str, bus: Bus) -> None:
        self._cluster_id = cluster_id
        self._bus = bus
        self._figures = GuestFigures()

    async def inventory(self, seen: Resources, storages: Storages) -> None:
        for node in seen.nodes:
            if node.online and node.cpu is not None:
                body = {"cpu": node.cpu, "memory_used": node.memory_used, "uptime": node.uptime}
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
            await observations.publish(self._bus, "guests", f"{self._cluster_id}/{node}", body)
