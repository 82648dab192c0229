"""What a look at a cluster's nodes and storages corrects in the log. Pure.

Good news counts at once, bad news when it is seen twice in a row. What is not seen is not gone: nothing here ever says
that something vanished. The reconciler does, of what it can prove.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent, StorageSeen
from proximity.domain.cluster.state import NEVER, Cluster, State, evolve

# Some storages count what others have used as lost: their size moves a little all the time.
SIZE_MATTERS = 0.05


@dataclass(frozen=True)
class NodeSeen:
    """`cpus`, `memory` (bytes): None if the token may not see them, or while the node is offline."""

    name: str
    online: bool
    cpus: int | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Inventory:
    """What one look saw: all nodes, and the storages of those nodes that were asked and answered."""

    nodes: tuple[NodeSeen, ...] = ()
    storages: tuple[StorageSeen, ...] = ()

    def over(self, earlier: "Inventory") -> "Inventory":
        """This look, with what it did not ask for taken from the one before."""
        asked = {storage.node for storage in self.storages}
        kept = tuple(storage for storage in earlier.storages if storage.node not in asked)
        return replace(self, storages=(*kept, *self.storages))


def corrections(state: State, seen: Inventory, before: Inventory) -> list[ClusterEvent]:
    """The facts that bring the log to what is seen. `before`: the look before this one."""
    found: list[ClusterEvent] = []
    if not isinstance(state, Cluster):
        return found
    for candidate in (*_of_nodes(state, seen, before), *_of_storages(state, seen, before)):
        for event in observed(state, candidate):
            found.append(event)
            state = evolve(state, event, NEVER)
    return found


def _of_nodes(state: Cluster, seen: Inventory, before: Inventory) -> Iterator[ClusterEvent]:
    offline_before = {node.name for node in before.nodes if not node.online}
    for node in seen.nodes:
        if node.name not in state.nodes:
            yield ev.NodeAppeared(node=node.name, online=node.online, cpus=node.cpus, memory=node.memory)
        elif node.online:
            yield ev.NodeCameOnline(node=node.name)
        elif node.name in offline_before:
            yield ev.NodeWentOffline(node=node.name)


def _of_storages(state: Cluster, seen: Inventory, before: Inventory) -> Iterator[ClusterEvent]:
    seen_before = {(storage.node, storage.storage): storage for storage in before.storages}
    for storage in seen.storages:
        key = (storage.node, storage.storage)
        known = state.storages.get(key)
        earlier = seen_before.get(key)
        if known is None:
            yield ev.StorageAppeared(storage=storage)
        elif storage.active or (earlier is not None and not earlier.active):
            yield ev.StorageReconfigured(storage=storage.model_copy(update={"total": _size(known, storage)}))


def _size(known: StorageSeen, seen: StorageSeen) -> int | None:
    """The size that is known, unless another one is seen that differs enough; an inactive storage tells none."""
    if not seen.active or seen.total is None:
        return known.total
    if known.total is not None and abs(seen.total - known.total) <= SIZE_MATTERS * known.total:
        return known.total
    return seen.total
