"""What is otherwise than it should be: of applications, guests and clusters. A row lives while its finding is open."""

from datetime import UTC, datetime

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.cluster.events import ClusterEvent
from proximity.domain.finding import Finding
from proximity.domain.operation.cause import Cause
from proximity.readmodel.rows import Row
from proximity_projector.projections.activity import KINDS
from proximity_projector.projections.delays import Delay, key_of

# why a cluster is not seen -> kind of finding; anything else is cluster_away
_KINDS = {
    "certificate_untrusted": "certificate_changed",
    "credentials_refused": "token_refused",
    "missing_rights": "rights_lost",
}


def finding_id(category: str, aggregate_id: str, key: str) -> str:
    return f"{category}/{aggregate_id}/{key}"


def opened(category: str, aggregate_id: str, name: str, cluster_id: str, finding: Finding, at: datetime) -> Row:
    told = finding.model_dump(exclude={"key", "setting"})
    return _row(category, aggregate_id, finding.key, name, cluster_id, at) | told


def of_operation(row: Row | None, event: Delay, application: Row, kind: str, at: datetime) -> Row:
    """What keeps the operation of that kind from ending; `row`: as that was told before."""
    key, words = key_of(event), KINDS[kind]
    begun = _row("application", application["id"], key, application["name"], application["cluster_id"], at)
    # cleaning up takes long as well, or another task ended unseen: the same finding in other words
    known = row if row is not None and row["removed_at"] is None else begun
    message = _late(event, words) if isinstance(event, app.DeadlinePassed) else _unseen(event, words)
    return known | {"kind": key, "message": message, "expected": "", "observed": ""}


def _late(event: app.DeadlinePassed, operation: str) -> str:
    what = f"The {operation}" if event.phase == "forward" else f"Cleaning up after the {operation}"
    step, _, because = event.waiting_for.partition(": ")
    waited = step.replace("_", " ") + (f" ({because.rstrip('.')})" if because else "")
    return (
        f"{what} takes longer than it may. When its time was over, it waited for: {waited}. "
        "It goes on until that has an outcome: see on Proxmox what keeps it."
    )


def _unseen(event: app.TaskEndedUnseen, operation: str) -> str:
    return (
        f"The task of the {operation} ({event.step.replace('_', ' ')}) ended on Proxmox{_when(event.ended)}: "
        f"{event.exitstatus}. "
        "Nothing has taken note of that since. Is a provisioner running? Its log says what keeps it."
    )


def _when(ended: int | None) -> str:
    """In Unix seconds, as a node says it: it may be no time at all."""
    try:
        return "" if ended is None else f" at {datetime.fromtimestamp(ended, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def closed(row: Row | None, at: datetime) -> Row | None:
    if row is None or row["removed_at"] is not None:
        return row
    return row | {"closed_at": at, "removed_at": at}


def cluster_key(event: ClusterEvent) -> str | None:
    """The key of the cluster's finding that the event may open or close."""
    match event:
        case cl.ClusterUnreachable() | cl.ClusterReachable() | cl.ClusterConnected() | cl.ClusterChecked():
            return "away"
        case cl.RightsLost() | cl.RightsSettled():
            return "rights"
        case (
            cl.NodeAppeared(node=node)
            | cl.NodeCameOnline(node=node)
            | cl.NodeWentOffline(node=node)
            | cl.NodeGone(node=node)
        ):
            return f"offline:{node}"
    return None


def of_cluster(row: Row | None, event: ClusterEvent, cluster: Row, at: datetime) -> Row | None:
    """The finding of `cluster_key`, as the event leaves it. None: there is none."""
    key, id_ = cluster_key(event), cluster["id"]
    if key is None:
        return row
    begun = _row("cluster", id_, key, cluster["name"], id_, at)
    match event:
        case cl.ClusterUnreachable(cause=cause):
            # still away, for another reason?
            known = row if row is not None and row["removed_at"] is None else begun
            return known | _away(cause)
        case cl.RightsLost(rights=rights):
            message = f"The API token has lost rights: {', '.join(rights)}. Give them back on Proxmox. If that is in "
            message += "order, check the cluster: what the token may do then is what counts."
            return begun | {"kind": "rights_lost", "message": message, "expected": "", "observed": ""}
        case cl.NodeWentOffline(node=node) | cl.NodeAppeared(node=node, online=False):
            message = f"Node {node} does not answer. What its guests do is not known until it comes back."
            return begun | {"kind": "node_offline", "message": message, "expected": "online", "observed": "offline"}
    return closed(row, at)


def _away(cause: Cause) -> Row:
    words = {"message": cause.message, "expected": "", "observed": cause.proxmox}
    return {"kind": _KINDS.get(cause.code, "cluster_away")} | words


def _row(category: str, aggregate_id: str, key: str, name: str, cluster_id: str, at: datetime) -> Row:
    return {
        "id": finding_id(category, aggregate_id, key),
        "category": category,
        "aggregate_id": aggregate_id,
        "subject_name": name,
        "cluster_id": cluster_id,
        "explained": None,
        "opened_at": at,
        "closed_at": None,
        "removed_at": None,
    }
