"""Which clusters are connected, and what can be done with them? Also the operations on them."""

from datetime import datetime

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.events import ClusterEvent
from proximity.readmodel.rows import Row
from proximity_projector.projections import steps as st
from proximity_projector.projections.operations import OVER, UNREACHABLE, asked


def project(row: Row | None, event: ClusterEvent, id_: str, at: datetime) -> Row | None:
    """The row without `position`. None: there is no such cluster."""
    if row is None:
        return _new(event, id_) if isinstance(event, ev.ConnectRequested) else None
    match event:
        case ev.ClusterConnected(findings=found) | ev.ClusterChecked(findings=found):
            missing = {feature: list(rights) for feature, rights in found.missing.items()}
            return row | {"status": "connected", "version": found.version, "missing": missing, "failure": None}
        case ev.OperationFailed(kind="connect", cause=cause):
            return row | {"status": "failed", "failure": cause.model_dump()}
        case ev.OperationFailed(cause=cause):
            return row | {"failure": cause.model_dump()}
        case ev.ClusterRemoved():
            return row | {"status": "removed", "removed_at": at}
        case ev.ClusterUnreachable(cause=cause):
            return row | {"status": "unreachable", "failure": cause.model_dump()}
        case ev.ClusterReachable():
            return row | {"status": "connected", "failure": None}
    return row


def _new(event: ev.ConnectRequested, id_: str) -> Row:
    return {
        "id": id_,
        "name": event.name,
        "slug": event.slug,
        "status": "connecting",
        "version": None,
        "endpoints": list(event.endpoints),
        "token_id": event.token_id,
        "fingerprint": event.fingerprint,
        "simulator": event.simulator,
        "first_vmid": event.first_vmid,
        "last_vmid": event.last_vmid,
        "missing": {},
        "failure": None,
        "removed_at": None,
    }


def project_operation(row: Row | None, event: ClusterEvent, cluster: Row, at: datetime) -> Row | None:
    """The operation that the event belongs to; it has one step, named as its kind."""
    kind = _KIND_OF.get(type(event))
    if row is None:
        operation_id = getattr(event, "operation_id", None)
        if kind is None or operation_id is None:
            return None
        begun = asked(operation_id, kind, at, category="cluster", target=cluster["id"], target_name=cluster["name"])
        return begun | {"steps": st.plan((kind,), at)}
    if row["status"] in OVER:
        return row
    step = row["kind"]
    match event:
        case ev.StepTaken():
            return row | {"status": "running", "cause": None, "steps": st.begun(row["steps"], step, at)}
        case ev.StepPostponed(cause=cause):
            status = "parked" if cause.code in UNREACHABLE else "running"
            told = st.told(row["steps"], step, at, cause.message, waiting=True)
            return row | {"status": status, "cause": cause.model_dump(), "steps": told}
        case ev.ClusterConnected() | ev.ClusterChecked():
            return row | {"steps": st.ended(row["steps"], step, at, "")}
        case ev.OperationSucceeded():
            done = st.ended(row["steps"], step, at, "")
            return row | {"status": "succeeded", "cause": None, "ended_at": at, "steps": done}
        case ev.OperationFailed(cause=cause):
            steps = st.over(row["steps"], at, cause.message)
            return row | {"status": "failed", "cause": cause.model_dump(), "ended_at": at, "steps": steps}
    return row


_KIND_OF: dict[type, str] = {ev.ConnectRequested: "connect", ev.CheckRequested: "check", ev.ClusterRemoved: "remove"}
