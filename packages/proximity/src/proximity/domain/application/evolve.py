"""The fold of an application's events. Pure and total: what happened cannot be refused."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent, Kind, StepName
from proximity.domain.application.plan import plan
from proximity.domain.application.state import (
    Absent,
    Adoption,
    Application,
    Baseline,
    Container,
    Intent,
    Operation,
    Placement,
    Power,
    State,
    UnsettledCall,
)
from proximity.domain.finding import Finding
from proximity.domain.operation.cause import Cause

# a lost create may still bring the guest into being: it is not taken for gone before that
_LEADS_TO: dict[StepName, Literal["running", "stopped"]] = {
    "create": "running",
    "start": "running",
    "shutdown": "stopped",
    "stop": "stopped",
    "destroy": "stopped",
}


def evolve(state: State, event: ApplicationEvent | ev.Observed, at: datetime) -> State:
    """`at` is when the log stored the event."""
    if isinstance(state, Absent):
        return _first(state, event, at)
    match event:
        case ev.DeployRequested() | ev.AdoptRequested():
            return state
        case ev.FindingOpened() | ev.FindingClosed() | ev.ContainerFoundMoved() | ev.ConfigurationObserved():
            return _observed(state, event)
        case (
            ev.StartRequested()
            | ev.ShutdownRequested()
            | ev.StopRequested()
            | ev.RestartRequested()
            | ev.DeleteRequested()
            | ev.ReleaseRequested()
        ):
            return _requested(state, event, at)
        case ev.CancelRequested(operation_id=target, by_operation_id=by):
            state = replace(state, handled=state.handled | {by})
            op = state.operation
            if op is None or op.id != target:
                return state
            cancelled = replace(op, cancelled_by=by, unwind_since=op.unwind_since or at, undecided=False)
            return replace(state, operation=cancelled)
        case ev.OperationResolved(by_operation_id=by):
            return _resolved(replace(state, handled=state.handled | {by}), event, at)
        case ev.OperationSucceeded() | ev.OperationFailed() | ev.OperationCancelled():
            return _ended(state, event, at)
    return _in_flight(state, event, at)


def _requested(
    state: Application,
    event: ev.StartRequested
    | ev.ShutdownRequested
    | ev.StopRequested
    | ev.RestartRequested
    | ev.DeleteRequested
    | ev.ReleaseRequested,
    at: datetime,
) -> Application:
    kind, desired = _MEANING[type(event)]
    op = Operation(event.operation_id, kind, at, at)
    if isinstance(event, ev.DeleteRequested):
        op = replace(op, force=event.force, destroy=event.destroy)
    state = replace(state, desired=desired, handled=state.handled | {event.operation_id})
    if state.operation is None:
        return replace(state, operation=op)
    superseded = replace(
        state.operation, cancelled_by=op.id, unwind_since=state.operation.unwind_since or at, undecided=False
    )
    return replace(state, operation=superseded, queued=op)


_MEANING: dict[type[ev.Requested], tuple[Kind, Literal["running", "stopped", "absent"]]] = {
    ev.StartRequested: ("start", "running"),
    ev.ShutdownRequested: ("shutdown", "stopped"),
    ev.StopRequested: ("stop", "stopped"),
    ev.RestartRequested: ("restart", "running"),
    ev.DeleteRequested: ("delete", "absent"),
    ev.ReleaseRequested: ("release", "absent"),
}


def _first(state: Absent, event: ApplicationEvent | ev.Observed, at: datetime) -> State:
    if not isinstance(event, ev.DeployRequested | ev.AdoptRequested):
        return state
    op = event.operation_id
    app = Application(
        name=event.name,
        slug=event.slug,
        cluster_id=event.cluster_id,
        wanted_node=event.node,
        spec=event.spec,
        operation=Operation(op, "deploy", at, at),
        handled=state.handled | {op},
    )
    if isinstance(event, ev.DeployRequested):
        return app
    return replace(
        app,
        container=Container(event.cluster_id, event.node, event.vmid, op, created=True),
        adopted_guest=f"{event.cluster_id}-{event.vmid}",
        operation=Operation(op, "adopt", at, at),
    )


def _observed(state: Application, event: ev.Observed) -> Application:
    ct = state.container
    match event:
        case ev.FindingOpened(finding=finding):
            return _found(state, finding, {**state.findings, finding.key: finding})
        case ev.FindingClosed(key=key):
            findings = {k: f for k, f in state.findings.items() if k != key}
            return _found(state, state.findings.get(key), findings)
        case ev.ContainerFoundMoved(node=node):
            return replace(state, container=ct and replace(ct, node=node))
        case ev.ConfigurationObserved(values=values, environment=environment):
            return replace(state, baseline=Baseline(values, environment))


def _found(state: Application, changed: Finding | None, findings: dict[str, Finding]) -> Application:
    """`changed` opened or closed; `findings` are open now."""
    ct = state.container
    if ct and changed and changed.kind in _TELLS_POWER:
        kinds = [f.kind for f in findings.values()]
        wanted: Power = "unknown" if state.desired == "absent" else state.desired
        power = next((power for kind, power in _TELLS_POWER.items() if kind in kinds), wanted)
        ct = replace(ct, power=power, address=ct.address if power == "running" else None)
    return replace(state, container=ct, findings=findings)


# the first one that is open says it
_TELLS_POWER: dict[str, Power] = {
    "gone": "unknown",
    "vmid_taken": "unknown",
    "stopped_outside": "stopped",
    "started_outside": "running",
}


def _ended(state: Application, event: ev.Ended, at: datetime) -> Application:
    op = state.operation
    if op is None or op.id != event.operation_id:
        return state
    match event:
        case ev.OperationSucceeded():
            over = op.kind in ("delete", "release")
            state = replace(state, failure=None, deployed=True, deleted=over)
        case ev.OperationFailed(cause=cause):
            state = replace(state, failure=cause)
    given_back = not isinstance(event, ev.OperationSucceeded) and op.kind == "adopt" and event.left_behind is None
    if state.deleted or given_back:
        state = replace(state, container=None, adopted_guest=None)
    elif op.kind == "release" and state.container and state.container.power != "unknown":
        # it stays, and so does what it was doing
        state = replace(state, desired=state.container.power)
    queued = state.queued and replace(state.queued, since=at, step_since=at)
    return replace(state, operation=queued, queued=None)


def _resolved(state: Application, event: ev.OperationResolved, at: datetime) -> Application:
    op, ct = state.operation, state.container
    if op is None or op.id != event.operation_id or op.intent is None or op.intent.step != event.step:
        return state
    match event.verdict:
        case "succeeded":
            # whatever else a person says of it: what Proxmox still holds may come late
            if _is_of(state.unsettled, op.intent):
                state = replace(state, unsettled=None)
            if event.step == "mark":
                state = replace(state, lost_mark=None)
            power = _POWER_AFTER.get(event.step)
            if ct and power:
                state = replace(state, container=replace(ct, power=power))
            op = _given_time(_next(op, at, done=op.done | {event.step}), at)
        case "not_executed":
            op = _given_time(replace(op, intent=None, undecided=False), at)
        case "failed":
            cause = Cause(code="resolved_as_failed", message=f"A person decided that it failed ({event.step}).")
            op = _step_failed(op, event.step, cause, at)
    return replace(state, operation=op)


def _given_time(op: Operation, at: datetime) -> Operation:
    """Whoever says how it goes on wants it to go on, also where its time was over already."""
    return replace(op, since=at, overdue=False, unwind_since=op.unwind_since and at, unwind_overdue=False)


_POWER_AFTER: dict[StepName, Literal["running", "stopped"]] = {
    "start": "running",
    "shutdown": "stopped",
    "stop": "stopped",
}


def _in_flight(state: Application, event: ApplicationEvent, at: datetime) -> Application:
    """Facts about the operation in flight; a fact about another one only changes what is known of the container."""
    op = state.operation
    state = _container(state, event)
    if op is None or op.id != event.operation_id:
        return state
    match event:
        case ev.StepIntended():
            intent = Intent(
                event.step,
                event.runner,
                event.node,
                event.vmid,
                event.node_time,
                event.digest,
                event.attempt,
                at,
            )
            op = replace(op, intent=intent, runner=event.runner, attempts=op.attempts + 1, undecided=False)
        case ev.TaskAccepted(upid=upid) if op.intent:
            state = replace(
                state,
                last_tasks={**state.last_tasks, op.intent.step: upid},
                # the only call there was has been found: nothing of it can come late any more
                unsettled=None if op.attempts == 1 and _is_of(state.unsettled, op.intent) else state.unsettled,
            )
            op = replace(op, intent=replace(op.intent, upid=upid), undecided=False)
        case ev.CallUnanswered() if op.intent:
            state = _unsettle(state, op.intent)
            op = replace(op, intent=replace(op.intent, unanswered=True))
        case ev.StepTakenOver(runner=runner):
            op = replace(op, runner=runner, undecided=False)
            if op.intent:
                if op.intent.upid is None:
                    state = _unsettle(state, op.intent)
                op = replace(op, intent=replace(op.intent, runner=runner, unanswered=op.intent.upid is None))
        case ev.StepPostponed(cause=cause, withdrawn=withdrawn):
            op = replace(
                op,
                intent=None if withdrawn else op.intent,
                postponed=op.postponed + 1,
                postponed_because=cause,
            )
        case ev.StepFailed(step=step, cause=cause):
            op = _step_failed(op, step, cause, at)
        case ev.VmidFoundTaken():
            op = _next(op, at, done=op.done - {"claim_vmid"})
        case ev.ContainerFoundHalfMade():
            op = replace(_next(op, at, done=op.done - {"destroy", "prove_gone"}), remaking=True)
        case ev.DeadlinePassed(phase="forward"):
            op = replace(op, overdue=True)
        case ev.DeadlinePassed(phase="unwind"):
            op = replace(op, unwind_overdue=True)
        case ev.OperationUndecided():
            op = replace(op, undecided=True)
        case ev.ContainerProvenGone() if _remaking(op):
            # not the first send any more: "already exists" would no longer mean that it is a stranger's
            op = replace(_next(op, at, done=op.done - {"destroy", "prove_gone"}), remaking=False, attempts=1)
        case ev.ContainerProvenGone():
            op = _next(op, at, done=op.done | {"shutdown", "stop", "destroy", "prove_gone"})
        case _:
            if completed := COMPLETES.get(type(event)):
                state = _learned(state, event)
                op = _next(op, at, done=op.done | {completed})
    if op.overdue and op.intent is None and not op.unwinding and set(plan(state, op)) - op.done:
        op = replace(op, failure=_overdue(op), unwind_since=at)
    return replace(state, operation=op)


def _learned(state: Application, event: ApplicationEvent) -> Application:
    """What an outcome tells beside being one."""
    match event:
        case ev.PreflightPassed():
            place = Placement(
                event.node, event.rootfs_storage, event.template_storage, event.template_volid, event.template_present
            )
            return replace(state, placement=place)
        case ev.ContainerInspected(power=power):
            return replace(
                state, desired=power, adoption=Adoption(event.had_tag, event.had_description, event.hostname)
            )
        case ev.ContainerMarked(tagged=tagged) if state.adoption and state.operation:
            # the only call there was has been executed: none can come late any more
            lost = state.lost_mark if state.operation.attempts > 1 else None
            return replace(state, adoption=replace(state.adoption, tagged=tagged), lost_mark=lost)
        case ev.ContainerUnmarked():
            return replace(state, lost_mark=None)
    return state


COMPLETES: dict[type, StepName] = {
    ev.PreflightPassed: "preflight",
    ev.TemplateDownloaded: "download_template",
    ev.ImagePulled: "pull_image",
    ev.VmidClaimed: "claim_vmid",
    ev.ContainerCreated: "create",
    ev.ContainerConfigured: "configure",
    ev.ContainerStarted: "start",
    ev.AddressFound: "find_address",
    ev.ApplicationAnswered: "probe",
    ev.ContainerShutDown: "shutdown",
    ev.ContainerStopped: "stop",
    ev.ContainerDestroyed: "destroy",
    ev.ContainerInspected: "inspect",
    ev.ContainerMarked: "mark",
    ev.ContainerUnmarked: "unmark",
}


def _next(
    op: Operation, at: datetime, *, done: frozenset[StepName], failed: frozenset[StepName] | None = None
) -> Operation:
    return replace(
        op,
        intent=None,
        done=done,
        failed=op.failed if failed is None else failed,
        step_since=at,
        attempts=0,
        postponed=0,
        postponed_because=None,
        undecided=False,
    )


def _step_failed(op: Operation, step: StepName, cause: Cause, at: datetime) -> Operation:
    tolerated = (op.kind, step) in (("delete", "shutdown"), ("adopt", "find_address"))
    op = _next(op, at, done=op.done, failed=op.failed | {step})
    if tolerated or op.failure is not None:
        return op
    return replace(op, failure=cause, unwind_since=op.unwind_since or at)


def _overdue(op: Operation) -> Cause:
    because = op.postponed_because
    return Cause(
        code="deadline_passed",
        message=f"The operation took longer than a {op.kind} may take."
        + (f" It was waiting: {because.message}" if because else ""),
        proxmox=because.proxmox if because else "",
    )


def _unsettle(state: Application, intent: Intent) -> Application:
    if intent.step == "mark":
        return replace(state, lost_mark=intent.node_time)
    goal = _LEADS_TO.get(intent.step)
    return replace(state, unsettled=UnsettledCall(goal, intent.node_time)) if goal else state


def _is_of(unsettled: UnsettledCall | None, intent: Intent) -> bool:
    goal = _LEADS_TO.get(intent.step)
    return goal is not None and unsettled == UnsettledCall(goal, intent.node_time)


def _container(state: Application, event: ApplicationEvent) -> Application:
    """What the event says of the container, whichever operation it belongs to."""
    if isinstance(event, ev.VmidClaimed):
        return replace(
            state, container=Container(event.cluster_id, event.node, event.vmid, event.operation_id, power="stopped")
        )
    ct = state.container
    if ct is None:
        return state
    match event:
        case ev.StepIntended(step="create"):
            ct = replace(ct, created=True)
            # what we write ourselves is no change from outside: it is looked at anew
            return replace(state, container=ct, baseline=None)
        case ev.StepIntended(step="configure"):
            return replace(state, baseline=None)
        case ev.StepIntended(step="start" | "shutdown" | "stop"):
            ct = replace(ct, power="unknown")
        case ev.StepPostponed(step="create", withdrawn=True) if _nothing_sent(state.operation):
            ct = replace(ct, created=False)
        case ev.ContainerStarted():
            ct = replace(ct, power="running")
        case ev.ContainerShutDown() | ev.ContainerStopped():
            ct = replace(ct, power="stopped", address=None)
        case ev.ContainerInspected(node=node, power=power):
            ct = replace(ct, node=node, power=power)
        case ev.AddressFound(address=address):
            ct = replace(ct, address=address)
        case ev.ContainerProvenGone() if _remaking(state.operation):
            ct = replace(ct, created=False, power="stopped")
            # a lost destroy may come late: it must not meet what is made anew under the same number
            late = state.unsettled if state.unsettled and state.unsettled.goal == "stopped" else None
            return replace(state, container=ct, unsettled=late)
        case ev.VmidFoundTaken() | ev.ContainerProvenGone():
            return replace(state, container=None, unsettled=None)
    return replace(state, container=ct)


def _remaking(op: Operation | None) -> bool:
    return op is not None and op.remaking and not op.unwinding


def _nothing_sent(op: Operation | None) -> bool:
    """The call withdrawn is the first one, no task of it ran, and it was not lost on the way: that may come late."""
    intent = op.intent if op else None
    return op is not None and op.attempts == 1 and intent is not None and not intent.unanswered and intent.upid is None
