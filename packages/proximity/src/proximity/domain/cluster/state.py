"""What is known of a cluster connection, folded from its events. `evolve` is total."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.events import ClusterEvent, Findings, Kind, StorageSeen
from proximity.domain.operation.cause import Cause


@dataclass(frozen=True)
class Operation:
    id: str
    kind: Kind
    since: datetime
    runner: str | None = None
    postponed: int = 0
    postponed_because: Cause | None = None


@dataclass(frozen=True)
class Absent:
    handled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cluster:
    """`connected`: it answered once and its certificate is claimed. `away`: codes of the causes that were told of not
    seeing it, since it was seen last. `nodes`: name -> online, as last seen. `rights_lost`: those of the token that
    were told to be lost; `rights_accepted`: the cluster was checked since.
    """

    name: str
    slug: str
    endpoints: tuple[str, ...]
    token_id: str
    token_secret: str
    fingerprint: str | None
    ca: str | None
    first_vmid: int
    last_vmid: int
    simulator: bool
    connected: bool = False
    removed: bool = False
    failed: bool = False
    away: frozenset[str] = frozenset()
    findings: Findings | None = None
    rights_lost: tuple[str, ...] = ()
    rights_accepted: bool = False
    nodes: dict[str, bool] = field(default_factory=dict)
    storages: dict[tuple[str, str], StorageSeen] = field(default_factory=dict)
    operation: Operation | None = None
    handled: frozenset[str] = frozenset()

    @property
    def reachable(self) -> bool:
        return not self.away

    def is_named(self, proxmox_name: str | None) -> bool:
        """Whether it is this cluster that answers: a node that was taken out of it goes on alone, under no name, and
        knows nothing of the others' guests.
        """
        known = self.findings.proxmox_name if self.findings else None
        return known is None or proxmox_name == known


NEVER = datetime.fromtimestamp(0, UTC)

State = Absent | Cluster
INITIAL = Absent()


def evolve(state: State, event: ClusterEvent, at: datetime) -> State:
    """`at` is when the log stored the event."""
    if isinstance(state, Absent):
        if not isinstance(event, ev.ConnectRequested):
            return state
        return Cluster(
            **event.model_dump(exclude={"operation_id"}),
            operation=Operation(event.operation_id, "connect", at),
            handled=state.handled | {event.operation_id},
        )
    match event:
        case ev.CheckRequested(operation_id=op):
            return replace(state, operation=Operation(op, "check", at), handled=state.handled | {op})
        case ev.StepTaken(runner=runner) if _mine(state, event.operation_id) and state.operation:
            return replace(state, operation=replace(state.operation, runner=runner))
        case ev.StepPostponed(cause=cause) if _mine(state, event.operation_id) and state.operation:
            op_ = replace(state.operation, postponed=state.operation.postponed + 1, postponed_because=cause)
            return replace(state, operation=op_)
        case ev.ClusterConnected(findings=findings):
            return replace(state, connected=True, away=frozenset(), findings=findings)
        case ev.ClusterChecked(findings=findings):
            return replace(state, rights_accepted=bool(state.rights_lost), away=frozenset(), findings=findings)
        case ev.ClusterRemoved(operation_id=op):
            return replace(state, connected=False, removed=True, handled=state.handled | {op})
        case ev.OperationSucceeded(operation_id=op) | ev.OperationFailed(operation_id=op) if _mine(state, op):
            failed = isinstance(event, ev.OperationFailed) and event.kind == "connect"
            return replace(state, operation=None, failed=state.failed or failed)
    return _observed(state, event)


def _mine(state: Cluster, operation_id: str) -> bool:
    return state.operation is not None and state.operation.id == operation_id


def _observed(state: Cluster, event: ClusterEvent) -> Cluster:
    match event:
        case ev.ClusterUnreachable(cause=cause):
            return replace(state, away=state.away | {cause.code})
        case ev.ClusterReachable():
            return replace(state, away=frozenset())
        case ev.RightsLost() | ev.RightsSettled():
            lost = event.rights if isinstance(event, ev.RightsLost) else ()
            return replace(state, rights_lost=lost, rights_accepted=False)
        case ev.NodeAppeared(node=node, online=online):
            return replace(state, nodes=state.nodes | {node: online})
        case ev.NodeCameOnline(node=node):
            return replace(state, nodes=state.nodes | {node: True})
        case ev.NodeWentOffline(node=node):
            return replace(state, nodes=state.nodes | {node: False})
        case ev.NodeGone(node=node):
            nodes = {name: online for name, online in state.nodes.items() if name != node}
            storages = {key: seen for key, seen in state.storages.items() if key[0] != node}
            return replace(state, nodes=nodes, storages=storages)
        case ev.StorageGone(node=node, storage=storage):
            return replace(state, storages={k: s for k, s in state.storages.items() if k != (node, storage)})
        case ev.StorageAppeared(storage=seen) | ev.StorageReconfigured(storage=seen):
            return replace(state, storages=state.storages | {(seen.node, seen.storage): seen})
    return state
