"""One look at a cluster: its nodes, and in turn the storages of each node. Two requests, never one per guest."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from proximity.domain.cluster.events import StorageSeen
from proximity.domain.cluster.inventory import Inventory, NodeSeen
from proximity.proxmox import observe
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import Observer, StorageOnNode
from proximity_reconciler.budget import Budget

log = structlog.get_logger(__name__)

# Storages of nodes never asked before are asked at once, of so many nodes in one look.
NEW_NODES = 5


@dataclass(frozen=True)
class Look:
    """`nodes`, `storages`: with their figures."""

    nodes: tuple[observe.NodeSeen, ...]
    storages: tuple[tuple[str, StorageOnNode], ...]

    @property
    def inventory(self) -> Inventory:
        return Inventory(
            tuple(NodeSeen(n.node, n.online, n.cpus, n.memory) for n in self.nodes),
            tuple(_storage(node, storage) for node, storage in self.storages),
        )


@dataclass
class Looker:
    """Looks again and again at one cluster. `asked`: the nodes in the order in which their storages were asked last."""

    cluster_id: str
    budget: Budget
    asked: list[str] = field(default_factory=list)

    async def look(self, proxmox: Observer) -> Look | None:
        """None: there were too many requests in the last minute. Raises ProxmoxError: nothing is known."""
        if not self.budget.take():
            return None
        nodes = await proxmox.nodes()
        storages: list[tuple[str, StorageOnNode]] = []
        for node in self._turn([n.node for n in nodes if n.online]):
            if not self.budget.take():
                break
            storages += [(node, storage) for storage in await self._storages(proxmox, node)]
        return Look(tuple(nodes), tuple(storages))

    def _turn(self, online: Sequence[str]) -> list[str]:
        """Whose storages are asked now: those never asked, else the one asked longest ago."""
        self.asked = [node for node in self.asked if node in online]
        new = [node for node in online if node not in self.asked]
        return new[:NEW_NODES] if new else self.asked[:1]

    async def _storages(self, proxmox: Observer, node: str) -> list[StorageOnNode]:
        if node in self.asked:
            self.asked.remove(node)
        self.asked.append(node)
        try:
            return await proxmox.storages(node)
        except ProxmoxError as error:
            # one node's trouble is not the cluster's, and says nothing about the storages
            log.warning("storages not seen", cluster=self.cluster_id, node=node, error=str(error))
            return []


def _storage(node: str, seen: StorageOnNode) -> StorageSeen:
    return StorageSeen(
        node=node,
        storage=seen.storage,
        type=seen.type,
        content=tuple(sorted(seen.content)),
        shared=seen.shared,
        active=seen.active,
        total=seen.total if seen.active else None,
    )
