"""A cluster's nodes and storages out of its list. Storages that the list hides are asked for node by node, in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from proximity.domain.cluster.events import StorageSeen
from proximity.domain.cluster.inventory import Inventory, NodeSeen
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import Observer, Resources, StorageOnNode

log = structlog.get_logger(__name__)

# Storages of nodes never asked before are asked at once, of so many nodes with one list.
NEW_NODES = 5
# The others one by one, seconds apart.
ONE_NODE_EVERY = 30.0
# So long after a node came back the list does not know of its storages.
SETTLES = 30.0

Storages = list[tuple[str, StorageOnNode]]


def inventory(seen: Resources, storages: Storages) -> Inventory:
    return Inventory(
        tuple(NodeSeen(n.node, n.online, n.cpus, n.memory) for n in seen.nodes),
        tuple(_storage(node, storage) for node, storage in storages),
    )


@dataclass
class HiddenStorages:
    """A token may use a storage without auditing it: then only the node tells of it. `asked`: the nodes, those asked
    longest ago first. `may_ask`: takes a request from the budget. `away_until`: when a node was seen away last.
    """

    cluster_id: str
    may_ask: Callable[[], bool]
    monotonic: Callable[[], float]
    asked: list[str] = field(default_factory=list)
    last: float = 0.0
    away_until: dict[str, float] = field(default_factory=dict)

    async def with_hidden(self, proxmox: Observer, seen: Resources) -> Storages:
        """Those of the list and what was asked for now."""
        online = [node.node for node in seen.nodes if node.online]
        told = {node for node, _ in seen.storages}
        back = self._just_back(seen)
        storages = [(n, storage) for n, storage in seen.storages if n in online and (storage.active or n not in back)]
        for node in self._turn([node for node in online if node not in told]):
            if not self.may_ask():
                break
            storages += [(node, storage) for storage in await self._ask(proxmox, node)]
        return storages

    def _just_back(self, seen: Resources) -> set[str]:
        """Nodes that were away until lately: that their storages seem inactive only says that nobody has looked yet."""
        now = self.monotonic()
        self.away_until |= {node.node: now for node in seen.nodes if not node.online}
        self.away_until = {node: until for node, until in self.away_until.items() if now - until < SETTLES}
        return set(self.away_until)

    def _turn(self, hidden: Sequence[str]) -> list[str]:
        self.asked = [node for node in self.asked if node in hidden]
        new = [node for node in hidden if node not in self.asked]
        if new:
            return new[:NEW_NODES]
        return self.asked[:1] if self.monotonic() - self.last >= ONE_NODE_EVERY else []

    async def _ask(self, proxmox: Observer, node: str) -> list[StorageOnNode]:
        if node in self.asked:
            self.asked.remove(node)
        self.asked.append(node)
        self.last = self.monotonic()
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
