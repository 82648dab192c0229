"""May it be done to the cluster connection, and what follows. Pure."""

from datetime import timedelta

from proximity.domain.claim.claim import Wish
from proximity.domain.cluster import commands as cmd
from proximity.domain.cluster import events as ev
from proximity.domain.cluster.commands import ClusterCommand
from proximity.domain.cluster.events import ClusterEvent, Findings
from proximity.domain.cluster.state import Absent, Cluster, Operation, State
from proximity.domain.errors import Rejected
from proximity.domain.ids import slug
from proximity.domain.operation.cause import Cause

# How long connecting to or checking a cluster may take before it fails.
DEADLINE = timedelta(minutes=2)
OLDEST_MAJOR = 8


def decide(command: ClusterCommand, state: State) -> list[ClusterEvent]:
    """The facts that follow from the command. Empty: it was handled before. Raises Rejected."""
    if command.operation_id in state.handled:
        return []
    if isinstance(command, cmd.ConnectCluster):
        return _connect(command, state)
    if isinstance(state, Absent) or state.removed or (state.failed and not isinstance(command, cmd.RemoveCluster)):
        raise Rejected("cluster_not_found", "There is no such cluster connection.")
    if state.operation:
        raise Rejected("operation_in_flight", "The cluster is being looked at right now. Try again in a moment.")
    op = command.operation_id
    if isinstance(command, cmd.CheckCluster):
        return [ev.CheckRequested(operation_id=op)]
    return [ev.ClusterRemoved(operation_id=op), ev.OperationSucceeded(operation_id=op, kind="remove")]


def taken(state: State, operation_id: str, runner: str) -> list[ClusterEvent]:
    """A replica begins to look. Nothing if it has begun already."""
    op = _in_flight(state, operation_id)
    return [ev.StepTaken(operation_id=operation_id, runner=runner)] if op and op.runner != runner else []


def postponed(state: State, operation_id: str, cause: Cause) -> list[ClusterEvent]:
    """It does not answer. Said once for each reason."""
    op = _in_flight(state, operation_id)
    if op is None or (op.postponed_because and op.postponed_because.code == cause.code):
        return []
    return [ev.StepPostponed(operation_id=operation_id, cause=cause)]


def found(state: State, operation_id: str, findings: Findings) -> list[ClusterEvent]:
    """What follows from a look at the cluster."""
    op = _in_flight(state, operation_id)
    if op is None:
        return []
    if int(findings.version.split(".")[0]) < OLDEST_MAJOR:
        message = f"Proxmox VE {findings.version} is too old: version {OLDEST_MAJOR} or newer is needed."
        return failed(state, operation_id, Cause(code="version_unsupported", message=message))
    if op.kind == "connect":
        return [
            ev.ClusterConnected(operation_id=operation_id, findings=findings),
            ev.OperationSucceeded(operation_id=operation_id, kind="connect"),
        ]
    return [
        ev.ClusterChecked(operation_id=operation_id, findings=findings),
        ev.OperationSucceeded(operation_id=operation_id, kind="check"),
    ]


def failed(state: State, operation_id: str, cause: Cause) -> list[ClusterEvent]:
    op = _in_flight(state, operation_id)
    return [ev.OperationFailed(operation_id=operation_id, kind=op.kind, cause=cause)] if op else []


def observed(state: State, event: ClusterEvent) -> list[ClusterEvent]:
    """A correction by the reconciler: nothing while an operation is in flight, nothing that is known already."""
    if isinstance(state, Absent) or not state.connected or state.operation:
        return []
    match event:
        case ev.ClusterUnreachable(cause=cause):
            # each cause once: addresses that fail for different reasons take turns
            news = cause.code not in state.away
        case ev.ClusterReachable():
            news = not state.reachable
        case ev.RightsLost(rights=rights):
            news = rights != state.rights_lost
        case ev.RightsSettled():
            news = bool(state.rights_lost)
        case ev.NodeAppeared(node=node):
            news = node not in state.nodes
        case ev.NodeCameOnline(node=node):
            news = state.nodes.get(node) is False
        case ev.NodeWentOffline(node=node):
            news = state.nodes.get(node) is True
        case ev.NodeGone(node=node):
            news = node in state.nodes
        case ev.StorageAppeared(storage=seen):
            news = (seen.node, seen.storage) not in state.storages
        case ev.StorageReconfigured(storage=seen):
            news = state.storages.get((seen.node, seen.storage)) not in (None, seen)
        case ev.StorageGone(node=node, storage=storage):
            news = (node, storage) in state.storages
        case _:
            news = False
    return [event] if news else []


def wishes(cluster_id: str, state: State, event: ClusterEvent) -> list[Wish]:
    """What the fact needs to be unique. `state` is the one before the event."""
    match event:
        case ev.ConnectRequested(slug=slug_, operation_id=op):
            return [Wish("name", f"cluster.{slug_}", "take", cluster_id, op)]
        case ev.ClusterConnected(findings=findings, operation_id=op):
            return [Wish("fingerprint", key, "take", cluster_id, op) for key in _fingerprints(findings)]
        case ev.OperationFailed(kind="connect", operation_id=op) if isinstance(state, Cluster):
            return [Wish("name", f"cluster.{state.slug}", "release", cluster_id, op)]
        case ev.ClusterRemoved(operation_id=op) if isinstance(state, Cluster):
            known = _fingerprints(state.findings) if state.findings else []
            return [
                Wish("tenancy", cluster_id, "close", cluster_id, op, shared=True),
                Wish("name", f"cluster.{state.slug}", "release", cluster_id, op),
                *(Wish("fingerprint", key, "release", cluster_id, op) for key in known),
            ]
    return []


def _connect(command: cmd.ConnectCluster, state: State) -> list[ClusterEvent]:
    if not isinstance(state, Absent):
        raise Rejected("cluster_exists", "This cluster id is already in use.")
    unique = slug(command.name)
    if not unique:
        raise Rejected("invalid_name", "The name needs at least one letter or digit (a-z, 0-9).")
    if not command.endpoints:
        raise Rejected("no_endpoint", "At least one address of a node is needed, such as https://pve.lan:8006.")
    if not (command.fingerprint or command.ca):
        raise Rejected("no_trust", "Name the certificate to trust: its SHA-256 fingerprint, or the CA that signed it.")
    if command.last_vmid < command.first_vmid:
        raise Rejected("invalid_vmid_range", "The VMID range ends before it begins.")
    return [ev.ConnectRequested(slug=unique, **command.model_dump(exclude={"cluster_id"}))]


def _in_flight(state: State, operation_id: str) -> Operation | None:
    op = None if isinstance(state, Absent) else state.operation
    return op if op and op.id == operation_id else None


def _fingerprints(findings: Findings) -> list[str]:
    return sorted({n.fingerprint.replace(":", "").lower() for n in findings.nodes if n.fingerprint})
