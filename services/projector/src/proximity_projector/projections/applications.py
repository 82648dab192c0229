"""Which applications are there, what do they do, and where are they?"""

from datetime import datetime
from typing import Any

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent
from proximity.readmodel.rows import Row

IN_FLIGHT = {
    "deploy": "deploying",
    "start": "starting",
    "shutdown": "shutting_down",
    "stop": "stopping",
    "restart": "restarting",
    "delete": "deleting",
}
# what was asked for: kind of operation, desired state
REQUESTS: dict[type, tuple[str, str]] = {
    ev.StartRequested: ("start", "running"),
    ev.ShutdownRequested: ("shutdown", "stopped"),
    ev.StopRequested: ("stop", "stopped"),
    ev.RestartRequested: ("restart", "running"),
    ev.DeleteRequested: ("delete", "absent"),
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def project(row: Row | None, event: ApplicationEvent, id_: str, at: datetime) -> Row | None:
    """The row without `position`. None: there is no such application."""
    if row is None:
        return _new(event, id_, at) if isinstance(event, ev.DeployRequested) else None
    changes = _container(row, event) | _progress(row, event, at)
    return row | changes | {"updated_at": at} if changes else row


def _new(event: ev.DeployRequested, id_: str, at: datetime) -> Row:
    spec = event.spec
    return {
        "id": id_,
        "name": event.name,
        "slug": event.slug,
        "recipe": spec.recipe,
        "recipe_version": spec.recipe_version,
        "runtime": spec.runtime,
        "status": IN_FLIGHT["deploy"],
        "desired": "running",
        "power": None,
        "cluster_id": event.cluster_id,
        "node": event.node,
        "vmid": None,
        "address": None,
        "url": None,
        "web": spec.web and spec.web.model_dump(),
        "probed": spec.probe.kind != "none",
        "operation_id": event.operation_id,
        "operation_kind": "deploy",
        "cores": spec.resources.cores,
        "memory_mib": spec.resources.memory_mib,
        "disk_gib": spec.disk_gib,
        "failure": None,
        "created_at": at,
        "updated_at": at,
        "removed_at": None,
    }


def _container(row: Row, event: ApplicationEvent) -> Row:
    """What the event says of the container, whichever operation it belongs to."""
    match event:
        case ev.PreflightPassed(node=node):
            return {"node": node}
        case ev.VmidClaimed(node=node, vmid=vmid) | ev.StepIntended(step="create", node=node, vmid=vmid):
            return {"node": node, "vmid": vmid, "power": "stopped"}
        case ev.VmidFoundTaken():
            return {"vmid": None, "power": None}
        case ev.StepIntended(step="start" | "shutdown" | "stop") if row["vmid"] is not None:
            return {"power": "unknown"}
        case ev.ContainerStarted() | ev.OperationResolved(step="start", verdict="succeeded"):
            return {"power": "running"}
        case (
            ev.ContainerShutDown()
            | ev.ContainerStopped()
            | ev.OperationResolved(step="shutdown" | "stop", verdict="succeeded")
        ):
            return {"power": "stopped", "address": None, "url": None}
        case ev.AddressFound(address=address):
            return {"address": address, "url": web_url(row["web"], address)}
        case ev.ContainerProvenGone():
            return {"node": None, "vmid": None, "power": None, "address": None, "url": None}
    return {}


def _progress(row: Row, event: ApplicationEvent, at: datetime) -> Row:
    """What the event says of the operation in flight. One that was superseded by a delete counts no more."""
    if request := REQUESTS.get(type(event)):
        kind, desired = request
        return {
            "status": IN_FLIGHT[kind],
            "desired": desired,
            "operation_id": event.operation_id,
            "operation_kind": kind,
            "failure": None,
        }
    if event.operation_id != row["operation_id"]:
        return {}
    over = {"operation_id": None, "operation_kind": None}
    match event:
        case ev.OperationSucceeded(kind="delete"):
            return over | {"removed_at": at, "failure": None}
        case ev.OperationSucceeded(kind=kind):
            return over | {"status": "stopped" if kind in ("shutdown", "stop") else "running", "failure": None}
        case ev.OperationFailed(kind=kind, cause=cause):
            return over | {"status": _at_rest(row, kind), "failure": cause.model_dump()}
        case ev.OperationCancelled(kind="deploy"):
            words = {"code": "cancelled", "message": "The deployment was cancelled.", "proxmox": ""}
            return over | {"status": "failed", "failure": words}
        case ev.OperationCancelled(kind=kind):
            return over | {"status": _at_rest(row, kind)}
        case ev.OperationUndecided():
            return {"status": "undecided"}
    if row["status"] == "undecided" and not isinstance(event, ev.StepPostponed | ev.DeadlinePassed):
        return {"status": IN_FLIGHT[row["operation_kind"]]}
    return {}


def _at_rest(row: Row, kind: str) -> str:
    """After an operation that did not succeed: as the container was last known to be."""
    if kind != "deploy" and row["power"] in ("running", "stopped"):
        return str(row["power"])
    return "failed"


def web_url(web: dict[str, Any] | None, address: str) -> str | None:
    if web is None:
        return None
    host = f"[{address}]" if ":" in address else address
    port = "" if _DEFAULT_PORTS[web["scheme"]] == web["port"] else f":{web['port']}"
    return f"{web['scheme']}://{host}{port}{web['path']}"
