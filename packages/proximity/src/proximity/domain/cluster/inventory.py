"""What a look at a cluster's nodes and storages corrects in the log. Pure.

Good news counts at once, bad news when it is seen twice in a row, or more often in a row if it comes and goes. What is
not seen is not gone: nothing here ever says that something vanished. The reconciler does, of what it can prove.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent, StorageSeen
from proximity.domain.cluster.state import NEVER, Cluster, State, evolve
from proximity.domain.damping import Memory
from proximity.domain.operation.cause import Cause

# what comes and goes: the cluster is away, a node offline (its name), a storage inactive (its node and name)
Trouble = tuple[str, ...]
Damping = Memory[Trouble, bool]
AWAY: Trouble = ()

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


def corrections(
    state: State, seen: Inventory, before: Inventory, damping: Damping, at: datetime
) -> tuple[list[ClusterEvent], Damping]:
    """The facts that bring the log to what is seen, and the memory for the next look. `before`: the look before this
    one. `at`: when it was made.
    """
    if not isinstance(state, Cluster):
        return [], damping
    asked = {(storage.node, storage.storage) for storage in seen.storages}
    damping = damping.after(_told(state), _wrong(seen), at, unknown=state.storages.keys() - asked)
    found = observed(state, ev.ClusterReachable())
    for candidate in (*_of_nodes(state, seen, before, damping), *_of_storages(state, seen, before, damping)):
        for event in observed(state, candidate):
            found.append(event)
            state = evolve(state, event, NEVER)
    return found, damping


def unanswered(
    state: State, cause: Cause, damping: Damping, at: datetime, *, often: bool
) -> tuple[list[ClusterEvent], Damping]:
    """The same of a look that got no answer. `often`: neither did the last few. Nothing is known of nodes and storages
    then.
    """
    told = _told(state)
    damping = damping.after(told, {AWAY: True}, at, unknown=damping.flaps.keys() - {AWAY})
    may_be_told = often and (AWAY in told or damping.lets(AWAY))
    return observed(state, ev.ClusterUnreachable(cause=cause)) if may_be_told else [], damping


def _told(state: State) -> dict[Trouble, bool]:
    if not isinstance(state, Cluster):
        return {}
    found: dict[Trouble, bool] = {(node,): True for node, online in state.nodes.items() if not online}
    found |= {key: True for key, storage in state.storages.items() if not storage.active}
    return found if state.reachable else {**found, AWAY: True}


def _wrong(seen: Inventory) -> dict[Trouble, bool]:
    found: dict[Trouble, bool] = {(node.name,): True for node in seen.nodes if not node.online}
    return found | {(storage.node, storage.storage): True for storage in seen.storages if not storage.active}


def _of_nodes(state: Cluster, seen: Inventory, before: Inventory, damping: Damping) -> Iterator[ClusterEvent]:
    offline_before = {node.name for node in before.nodes if not node.online}
    for node in seen.nodes:
        if node.name not in state.nodes:
            yield ev.NodeAppeared(node=node.name, online=node.online, cpus=node.cpus, memory=node.memory)
        elif node.online:
            yield ev.NodeCameOnline(node=node.name)
        elif node.name in offline_before and damping.lets((node.name,)):
            yield ev.NodeWentOffline(node=node.name)


def _of_storages(state: Cluster, seen: Inventory, before: Inventory, damping: Damping) -> Iterator[ClusterEvent]:
    inactive_before = {(storage.node, storage.storage) for storage in before.storages if not storage.active}
    for storage in seen.storages:
        key = (storage.node, storage.storage)
        known = state.storages.get(key)
        if known is None:
            yield ev.StorageAppeared(storage=storage)
        elif storage.active or (key in inactive_before and (not known.active or damping.lets(key))):
            yield ev.StorageReconfigured(storage=storage.model_copy(update={"total": _size(known, storage)}))


def _size(known: StorageSeen, seen: StorageSeen) -> int | None:
    """The size that is known, unless another one is seen that differs enough; an inactive storage tells none."""
    if not seen.active or seen.total is None:
        return known.total
    if known.total is not None and abs(seen.total - known.total) <= SIZE_MATTERS * known.total:
        return known.total
    return seen.total
