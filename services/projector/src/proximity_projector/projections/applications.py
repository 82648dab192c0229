"""Which applications are there, what do they do, and where are they?"""

from datetime import datetime
from typing import Any

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent, Observed
from proximity.domain.finding import Setting
from proximity.readmodel.rows import Row
from proximity_projector.projections.delays import Delay, closed_by, key_of

IN_FLIGHT = {
    "deploy": "deploying",
    "start": "starting",
    "shutdown": "shutting_down",
    "stop": "stopping",
    "restart": "restarting",
    "delete": "deleting",
    "adopt": "adopting",
    "release": "releasing",
}
# what was asked for: kind of operation, desired state
REQUESTS: dict[type, tuple[str, str]] = {
    ev.StartRequested: ("start", "running"),
    ev.ShutdownRequested: ("shutdown", "stopped"),
    ev.StopRequested: ("stop", "stopped"),
    ev.RestartRequested: ("restart", "running"),
    ev.DeleteRequested: ("delete", "absent"),
    ev.ReleaseRequested: ("release", "absent"),
}
# what a finding tells of the container's power; the first one that is open says it
TELLS_POWER = {"gone": "unknown", "vmid_taken": "unknown", "stopped_outside": "stopped", "started_outside": "running"}
NOT_THERE = frozenset({"gone", "vmid_taken"})
# settings of a container that say how big it is
SIZES = {"cores": "cores", "memory": "memory_mib"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def project(row: Row | None, event: ApplicationEvent | Observed, id_: str, at: datetime) -> Row | None:
    """The row without `position`. None: there is no such application."""
    if row is None:
        return _new(event, id_, at) if isinstance(event, ev.DeployRequested | ev.AdoptRequested) else None
    if isinstance(event, Observed):
        changes = _found(row, event)
    elif isinstance(event, ev.ConfigurationAccepted):
        changes = {"findings": _without(row, event.key)} | _size(event.setting)
    else:
        changes = _container(row, event)
        changes = changes | _delays(row, event) | _progress(row | changes, event, at)
    return row | changes | {"updated_at": at} if changes else row


def _new(event: ev.DeployRequested | ev.AdoptRequested, id_: str, at: datetime) -> Row:
    spec = event.spec
    adopted = isinstance(event, ev.AdoptRequested)
    kind = "adopt" if adopted else "deploy"
    return {
        "id": id_,
        "name": event.name,
        "slug": event.slug,
        "recipe": spec.recipe,
        "recipe_version": spec.recipe_version,
        "runtime": spec.runtime,
        "adopted": adopted,
        "status": IN_FLIGHT[kind],
        "desired": "running",
        "power": "unknown" if adopted else None,
        "cluster_id": event.cluster_id,
        "node": event.node,
        "vmid": event.vmid if isinstance(event, ev.AdoptRequested) else None,
        "address": None,
        "url": None,
        "web": spec.web and spec.web.model_dump(),
        "probed": spec.probe.kind != "none",
        "operation_id": event.operation_id,
        "operation_kind": kind,
        "cores": spec.resources.cores,
        "memory_mib": spec.resources.memory_mib,
        "disk_gib": spec.disk_gib,
        "failure": None,
        "findings": {},
        "created_at": at,
        "updated_at": at,
        "removed_at": None,
    }


def _found(row: Row, event: Observed) -> Row:
    """What the reconciler saw. Only said while no operation is in flight."""
    match event:
        case ev.ContainerFoundMoved(node=node):
            return {"node": node}
        case ev.ConfigurationObserved():
            return {}
        case ev.FindingOpened(finding=finding):
            kind, findings = finding.kind, row["findings"] | {finding.key: finding.kind}
        case ev.FindingClosed(key=key):
            kind = row["findings"].get(key)
            findings = _without(row, key)
    if kind not in TELLS_POWER:
        return {"findings": findings}
    known = row | {"findings": findings}
    power = _power_at_rest(known)
    known["power"] = power
    # the address is likely to be the same one when it runs again
    url = web_url(row["web"], row["address"]) if power == "running" and row["address"] else None
    return {"findings": findings, "power": power, "url": url, "status": _at_rest(known, "")}


def _power_at_rest(row: Row) -> str:
    """As wanted, unless an open finding says otherwise."""
    open_ = frozenset(row["findings"].values())
    wanted = "unknown" if row["desired"] == "absent" else row["desired"]
    return next((power for kind, power in TELLS_POWER.items() if kind in open_), wanted)


def _wanted_again(row: Row, event: ev.OperationFailed | ev.OperationCancelled) -> Row:
    """What was wanted with the operation was not brought about; what is from now on?"""
    if event.desired is None:
        return {"status": _at_rest(row, event.kind)}
    row = row | {"desired": event.desired}
    power = _power_at_rest(row) if row["power"] == "unknown" else row["power"]
    return {"desired": event.desired, "power": power, "status": _at_rest(row | {"power": power}, event.kind)}


def _size(setting: Setting) -> Row:
    """What is to be shown of it from now on. One that is not set any more is whatever Proxmox takes for it."""
    column = SIZES.get(setting.field)
    return {column: int(setting.value)} if column and setting.value and setting.value.isdecimal() else {}


def _without(row: Row, key: str) -> Row:
    """Its findings but that one."""
    return {known: kind for known, kind in row["findings"].items() if known != key}


def _container(row: Row, event: ApplicationEvent) -> Row:
    """What the event says of the container, whichever operation it belongs to."""
    match event:
        case ev.PreflightPassed(node=node):
            return {"node": node}
        case ev.VmidClaimed(node=node, vmid=vmid) | ev.StepIntended(step="create", node=node, vmid=vmid):
            return {"node": node, "vmid": vmid, "power": "stopped"}
        case ev.ContainerInspected(node=node, power=power):
            mine = event.operation_id == row["operation_id"]
            return {"node": node, "power": power, "desired": power if mine else row["desired"]}
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
        case (
            ev.ContainerProvenGone()
            | ev.OperationFailed(kind="adopt", left_behind=None)
            | ev.OperationCancelled(kind="adopt", left_behind=None)
        ):
            return {"node": None, "vmid": None, "power": None, "address": None, "url": None}
    return {}


def _delays(row: Row, event: ApplicationEvent) -> Row:
    """The findings about the operation in flight. Those of what is deleted go with it."""
    known = row["findings"]
    if isinstance(event, Delay):
        return {"findings": known | {key_of(event): key_of(event)}}
    over = [key for key in closed_by(event) if key in known]
    return {"findings": {key: kind for key, kind in known.items() if key not in over}} if over else {}


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
        case ev.OperationSucceeded(kind="delete" | "release"):
            return over | {"removed_at": at, "failure": None, "findings": {}}
        case ev.OperationSucceeded(kind=kind):
            return over | {"status": _AFTER.get(kind, "running") or _at_rest(row, kind), "failure": None}
        case ev.OperationFailed(cause=cause):
            return over | _wanted_again(row, event) | {"failure": cause.model_dump()}
        case ev.OperationCancelled(kind="deploy" | "adopt" as kind):
            what = "deployment" if kind == "deploy" else "adoption"
            words = {"code": "cancelled", "message": f"The {what} was cancelled.", "proxmox": ""}
            return over | {"status": "failed", "failure": words}
        case ev.OperationCancelled():
            return over | _wanted_again(row, event)
        case ev.OperationUndecided():
            return {"status": "undecided"}
    if row["status"] == "undecided" and not isinstance(
        event, ev.StepPostponed | ev.DeadlinePassed | ev.TaskEndedUnseen
    ):
        return {"status": IN_FLIGHT[row["operation_kind"]]}
    return {}


# None: as it was found
_AFTER = {"shutdown": "stopped", "stop": "stopped", "adopt": None}


def _at_rest(row: Row, kind: str) -> str:
    """With nothing in flight: as the container was last known to be. `kind`: of the operation that ended, if any."""
    if NOT_THERE & frozenset(row["findings"].values()):
        return "gone"
    if kind != "deploy" and row["power"] in ("running", "stopped"):
        return str(row["power"])
    return "failed"


def web_url(web: dict[str, Any] | None, address: str) -> str | None:
    if web is None:
        return None
    host = f"[{address}]" if ":" in address else address
    port = "" if _DEFAULT_PORTS[web["scheme"]] == web["port"] else f":{web['port']}"
    return f"{web['scheme']}://{host}{port}{web['path']}"
