"""What was asked for, how far is it, and how did it end? One row per operation of an application."""

from datetime import datetime
from typing import get_args

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.application.progress import COMPLETES
from proximity.domain.operation.cause import Cause
from proximity.readmodel.rows import Row
from proximity_projector.projections import steps as st
from proximity_projector.projections.applications import REQUESTS
from proximity_projector.projections.steps import Steps

# postponed because of one of these: parked until the other side is back
UNREACHABLE = frozenset({"node_unreachable", "cluster_unreachable", "unanswered"})
# runtime -> the step that fetches what the container is made of
FETCHING = {"template": "download_template", "oci": "pull_image"}
UNWIND = ("stop", "destroy", "prove_gone")
AT_ONCE = frozenset(get_args(ev.AtOnce))
OVER = frozenset({"succeeded", "failed", "rejected", "cancelled"})


def project(row: Row | None, event: ApplicationEvent, application: Row, at: datetime) -> Row | None:
    """`row`: of `event.operation_id`. `application`: its row after the event. The columns that tell who asked come
    with `asked`. None: the event is about no known operation.
    """
    if row is None:
        return _begin(event, application, at)
    if row["status"] in OVER:
        return row
    return _end(row, event, at) or _go_on(row, event, application, at)


def asked(id_: str, kind: str, at: datetime, *, category: str, target: str, target_name: str) -> Row:
    """An operation that has just been accepted."""
    return {
        "id": id_,
        "kind": kind,
        "category": category,
        "target": target,
        "target_name": target_name,
        "status": "running",
        "cause": None,
        "steps": [],
        "accepted_at": at,
        "ended_at": None,
        "cancel_requested": False,
        "deadline_passed": False,
        "resolve_command": None,
        "removed_at": None,
    }


def _begin(event: ApplicationEvent, application: Row, at: datetime) -> Row | None:
    if isinstance(event, ev.OperationSucceeded) and event.kind in AT_ONCE:
        at_once = _asked(event.operation_id, event.kind, application, at)
        return at_once | {"status": "succeeded", "ended_at": at}
    kind = _BEGINNINGS.get(type(event)) or REQUESTS.get(type(event), ("", ""))[0]
    if not kind:
        return None
    delete = event if isinstance(event, ev.DeleteRequested) else None
    row = _asked(event.operation_id, kind, application, at)
    steps = planned(kind, application, force=bool(delete and delete.force), destroy=bool(delete and delete.destroy))
    return row | {"steps": st.plan(steps, at)}


_BEGINNINGS: dict[type, str] = {ev.DeployRequested: "deploy", ev.AdoptRequested: "adopt"}


def _asked(id_: str, kind: str, application: Row, at: datetime) -> Row:
    target, name = application["id"], application["name"]
    return asked(id_, kind, at, category="application", target=target, target_name=name)


def planned(kind: str, application: Row, *, force: bool = False, destroy: bool = False) -> tuple[str, ...]:
    """The steps that an operation begins with; the domain's `plan` for the same state."""
    going_up = ("start", "find_address", *(("probe",) if application["probed"] else ()))
    match kind:
        case "deploy":
            return ("preflight", FETCHING[application["runtime"]], "claim_vmid", "create", "configure", *going_up)
        case "start":
            return going_up
        case "restart":
            return ("shutdown", *going_up)
        case "adopt":
            return ("inspect", "mark", *(("find_address",) if application["desired"] == "running" else ()))
        case "release":
            return ("unmark",)
        case "delete" if application["vmid"] is None:
            return ()
        case "delete" if application["adopted"] and not destroy:
            return ("unmark",)
        case "delete":
            return ("stop" if force else "shutdown", "destroy", "prove_gone")
    return (kind,)


def _end(row: Row, event: ApplicationEvent, at: datetime) -> Row | None:
    """None: the event is not the operation's end."""
    failure = None
    match event:
        case ev.OperationSucceeded():
            changes: Row = {"status": "succeeded", "cause": None}
        case ev.OperationFailed(cause=cause, left_behind=left):
            failure = cause.message
            words = _cause(cause) | {"message": cause.message + remains(event.kind, left)}
            changes = {"status": "failed", "cause": words}
        case ev.OperationCancelled(left_behind=left):
            words = {"code": "left_behind", "message": remains(event.kind, left).strip(), "proxmox": ""}
            changes = {"status": "cancelled", "cause": words if left else None}
        case _:
            return None
    return row | changes | {"ended_at": at, "resolve_command": None, "steps": st.over(row["steps"], at, failure)}


def remains(kind: str, left_behind: str | None) -> str:
    """What a person should know of what is left: empty, or a sentence that follows another one."""
    if left_behind is None:
        return ""
    what = "still carry Proximity's marker" if kind == "adopt" else "still exist on Proxmox"
    return f" {left_behind} may {what}."


def _go_on(row: Row, event: ApplicationEvent, application: Row, at: datetime) -> Row:
    match event:
        case ev.StepPostponed(step=step, cause=cause):
            undecided = row["status"] == "undecided"
            status = "parked" if cause.code in UNREACHABLE and not undecided else row["status"]
            told = st.told(row["steps"], step, at, cause.message, waiting=True)
            return row | {"status": status, "cause": row["cause"] if undecided else _cause(cause), "steps": told}
        case ev.OperationUndecided(step=step, cause=cause, command=command):
            told = st.told(row["steps"], step, at, cause.message, waiting=True)
            return row | {"status": "undecided", "cause": _cause(cause), "resolve_command": command, "steps": told}
        case ev.TaskEndedUnseen(step=step):
            detail = "It ended on Proxmox, and nothing has taken note of that yet."
            return row | {"steps": st.told(row["steps"], step, at, detail, waiting=True)}
        case ev.DeadlinePassed():
            return row | {"deadline_passed": True}
        case ev.CallUnanswered(step=step, reason=reason):
            detail = f"The answer was lost ({reason}). Finding out what became of the call."
            return row | {"steps": st.told(row["steps"], step, at, detail, waiting=True)}
        case ev.CancelRequested():
            row = row | {"cancel_requested": True}
    steps = _steps(row, event, application, at)
    if steps is row["steps"]:
        return row
    return row | {"status": "running", "cause": None, "resolve_command": None, "steps": st.advance(steps, at)}


def _steps(row: Row, event: ApplicationEvent, application: Row, at: datetime) -> Steps:
    steps: Steps = row["steps"]
    match event:
        case ev.StepIntended(step=step):
            return st.begun(steps, step, at)
        case ev.TaskAccepted(step=step):
            return st.told(steps, step, at, "Proxmox is working on it.", waiting=False)
        case ev.StepTakenOver(step=step):
            return st.told(steps, step, at, "Taken over from a replica that lives no longer.", waiting=False)
        case ev.StepFailed(step=step, cause=cause):
            steps = st.ended(steps, step, at, cause.message, failed=True)
            if row["kind"] == "delete" and step == "shutdown":
                return [*st.drop_pending(steps), *map(st.pending, UNWIND)]
            return _unwinding(st.drop_pending(steps), row, application, {step})
        case ev.OperationResolved(step=step, verdict="succeeded"):
            return st.ended(steps, step, at, "A person decided that it took effect.")
        case ev.OperationResolved(step=step, verdict="not_executed"):
            return st.told(steps, step, at, "A person decided that it was not executed.", waiting=False)
        case ev.OperationResolved(step=step):
            steps = st.ended(steps, step, at, "A person decided that it failed.", failed=True)
            return _unwinding(st.drop_pending(steps), row, application, {step})
        case ev.CancelRequested():
            return _unwinding(st.drop_pending(steps), row, application, set())
    return _outcome(steps, event, at)


def _outcome(steps: Steps, event: ApplicationEvent, at: datetime) -> Steps:
    match event:
        case ev.VmidFoundTaken(vmid=vmid):
            return st.back(steps, "claim_vmid", f"VMID {vmid} is taken by another guest, so another one is claimed.")
        case ev.ContainerFoundHalfMade():
            again = st.back(steps, "create", "Proxmox broke off in the middle: what is left is removed first.")
            return st.before(again, "create", ("destroy", "prove_gone"))
        case ev.ContainerProvenGone():
            gone = ("shutdown", *UNWIND)
            for name in [s["name"] for s in steps if s["name"] in gone and s["status"] != "failed"]:
                steps = st.ended(steps, name, at, "")
            return st.ended(steps, "prove_gone", at, "")
        case ev.PreflightPassed(reason=reason, template_present=present):
            steps = st.ended(steps, "preflight", at, reason)
            return [s for s in steps if s["name"] not in FETCHING.values()] if present else steps
        case ev.ContainerInspected(power="stopped"):
            return [s for s in st.ended(steps, "inspect", at, _detail(event)) if s["name"] != "find_address"]
    if completed := COMPLETES.get(type(event)):
        return st.ended(steps, completed, at, _detail(event))
    return steps


def _unwinding(steps: Steps, row: Row, application: Row, failed: set[str]) -> Steps:
    """A failed or cancelled deployment removes what it made, unless a delete behind it will, or removing failed; a
    guest that was to be adopted is given back.
    """
    if row["kind"] == "adopt":
        marked = any(s["name"] == "mark" and s["status"] == "done" for s in steps)
        # it is adopted also without an address
        return [*steps, st.pending("unmark")] if marked and not failed & {"find_address", "unmark"} else steps
    if (
        row["kind"] != "deploy"
        or application["operation_id"] != row["id"]
        or not st.begun_once(steps, "create")
        or failed & set(UNWIND)
    ):
        return steps
    return [*steps, *(st.pending(name) for name in UNWIND if not any(s["name"] == name for s in steps))]


def _detail(event: ApplicationEvent) -> str:
    match event:
        case ev.TemplateDownloaded(volid=volid) | ev.ImagePulled(volid=volid):
            return volid
        case ev.VmidClaimed(node=node, vmid=vmid):
            return f"VMID {vmid} on {node}"
        case ev.AddressFound(address=address):
            return address
        case ev.ContainerInspected(hostname=hostname, node=node, power=power):
            return f"{hostname or 'without a name'} on {node}, {power}"
        case ev.ContainerMarked(tagged=False):
            return "Without the tag: the cluster's options leave it to others."
        case ev.ContainerUnmarked(tag_left=True):
            return "The tag is left: the cluster's options leave it to others."
        case ev.ContainerCreated(warnings=warnings) | ev.ContainerStarted(warnings=warnings) if warnings:
            return f"{warnings} warning{'s' if warnings > 1 else ''} in the task's log"
    return ""


def _cause(cause: Cause) -> Row:
    return cause.model_dump()
