"""The fold of an application's events. Pure and total: what happened cannot be refused."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent, Desired, Kind, StepName
from proximity.domain.application.progress import is_of, progressed, step_failed, step_over
from proximity.domain.application.state import (
    Absent,
    Application,
    Baseline,
    Container,
    Operation,
    Power,
    State,
)
from proximity.domain.finding import Finding
from proximity.domain.operation.cause import Cause


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
        case ev.ConfigurationAccepted(operation_id=op, key=key, setting=setting):
            findings = {k: f for k, f in state.findings.items() if k != key}
            baseline = state.baseline and state.baseline.accepting(setting)
            return replace(state, findings=findings, baseline=baseline, handled=state.handled | {op})
        case ev.OperationResolved(by_operation_id=by):
            return _resolved(replace(state, handled=state.handled | {by}), event, at)
        case ev.OperationSucceeded() | ev.OperationFailed() | ev.OperationCancelled():
            return _ended(state, event, at)
    return progressed(state, event, at)


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
    op = Operation(event.operation_id, kind, at, at, desired_before=state.desired)
    if isinstance(event, ev.DeleteRequested):
        op = replace(op, force=event.force, destroy=event.destroy)
    state = replace(state, desired=desired, handled=state.handled | {event.operation_id})
    if state.operation is None:
        return replace(state, operation=op)
    superseded = replace(
        state.operation, cancelled_by=op.id, unwind_since=state.operation.unwind_since or at, undecided=False
    )
    return replace(state, operation=superseded, queued=op)


_MEANING: dict[type[ev.Requested], tuple[Kind, Desired]] = {
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
        case ev.ConfigurationObserved(values=values, environment=environment, whole=whole):
            return replace(state, baseline=Baseline(values, environment, whole))


def _found(state: Application, changed: Finding | None, findings: dict[str, Finding]) -> Application:
    """`changed` opened or closed; `findings` are open now."""
    ct = state.container
    state = replace(state, findings=findings)
    if ct and changed and changed.kind in _TELLS_POWER:
        power = _power_at_rest(state)
        ct = replace(ct, power=power, address=ct.address if power == "running" else None)
    return replace(state, container=ct)


def _power_at_rest(state: Application) -> Power:
    """As wanted, unless an open finding says otherwise."""
    kinds = [f.kind for f in state.findings.values()]
    wanted: Power = "unknown" if state.desired == "absent" else state.desired
    return next((power for kind, power in _TELLS_POWER.items() if kind in kinds), wanted)


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
            state = _wanted_again(replace(state, failure=cause), event.desired)
        case ev.OperationCancelled():
            state = _wanted_again(state, event.desired)
    given_back = not isinstance(event, ev.OperationSucceeded) and op.kind == "adopt" and event.left_behind is None
    if state.deleted or given_back:
        state = replace(state, container=None, adopted_guest=None)
    queued = state.queued and replace(state.queued, since=at, step_since=at)
    return replace(state, operation=queued, queued=None)


def _wanted_again(state: Application, desired: Desired | None) -> Application:
    """The operation in flight did not bring about what was wanted with it. None: that is wanted all the same."""
    if desired is None:
        return state
    if state.queued:
        # a delete waits: this is what was wanted before that
        return replace(state, queued=replace(state.queued, desired_before=desired))
    state, ct = replace(state, desired=desired), state.container
    if ct and ct.power == "unknown":
        ct = replace(ct, power=_power_at_rest(state))
    return replace(state, container=ct)


def _resolved(state: Application, event: ev.OperationResolved, at: datetime) -> Application:
    op, ct = state.operation, state.container
    if op is None or op.id != event.operation_id or op.intent is None or op.intent.step != event.step:
        return state
    match event.verdict:
        case "succeeded":
            # whatever else a person says of it: what Proxmox still holds may come late
            if is_of(state.unsettled, op.intent):
                state = replace(state, unsettled=None)
            if event.step == "mark":
                state = replace(state, lost_mark=None)
            power = _POWER_AFTER.get(event.step)
            if ct and power:
                state = replace(state, container=replace(ct, power=power))
            op = _given_time(step_over(op, at, done=op.done | {event.step}), at)
        case "not_executed":
            op = _given_time(replace(op, intent=None, undecided=False), at)
        case "failed":
            cause = Cause(code="resolved_as_failed", message=f"A person decided that it failed ({event.step}).")
            op = step_failed(op, event.step, cause, at)
    return replace(state, operation=op)


def _given_time(op: Operation, at: datetime) -> Operation:
    """Whoever says how it goes on wants it to go on, also where its time was over already."""
    return replace(op, since=at, overdue=False, unwind_since=op.unwind_since and at, unwind_overdue=False)


_POWER_AFTER: dict[StepName, Literal["running", "stopped"]] = {
    "start": "running",
    "shutdown": "stopped",
    "stop": "stopped",
}
