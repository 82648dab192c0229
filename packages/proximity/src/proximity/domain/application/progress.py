"""How an event carries the operation in flight on. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.adoption import TAG_REFUSED
from proximity.domain.application.container import container_after, is_remaking
from proximity.domain.application.events import ApplicationEvent, StepName
from proximity.domain.application.plan import plan
from proximity.domain.application.state import Adoption, Application, Intent, Operation, Placement, UnsettledCall
from proximity.domain.operation.cause import Cause

# a lost create may still bring the guest into being: it is not taken for gone before that
_LEADS_TO: dict[StepName, Literal["running", "stopped"]] = {
    "create": "running",
    "start": "running",
    "shutdown": "stopped",
    "stop": "stopped",
    "destroy": "stopped",
}


def progressed(state: Application, event: ApplicationEvent, at: datetime) -> Application:
    """Facts about the operation in flight; a fact about another one only changes what is known of the container."""
    op = state.operation
    state = container_after(state, event)
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
                unsettled=None if op.attempts == 1 and is_of(state.unsettled, op.intent) else state.unsettled,
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
                tag_refused=op.tag_refused or cause.code == TAG_REFUSED,
            )
        case ev.StepFailed(step=step, cause=cause):
            op = step_failed(op, step, cause, at)
        case ev.VmidFoundTaken():
            op = step_over(op, at, done=op.done - {"claim_vmid"})
        case ev.ContainerFoundHalfMade():
            op = replace(step_over(op, at, done=op.done - {"destroy", "prove_gone"}), remaking=True)
        case ev.TaskEndedUnseen(upid=upid):
            state = replace(state, ended_unseen=upid)
        case ev.DeadlinePassed(phase="forward"):
            op = replace(op, overdue=True)
        case ev.DeadlinePassed(phase="unwind"):
            op = replace(op, unwind_overdue=True)
        case ev.OperationUndecided():
            op = replace(op, undecided=True)
        case ev.ContainerProvenGone() if is_remaking(op):
            # not the first send any more: "already exists" would no longer mean that it is a stranger's
            op = replace(step_over(op, at, done=op.done - {"destroy", "prove_gone"}), remaking=False, attempts=1)
        case ev.ContainerProvenGone():
            op = step_over(op, at, done=op.done | {"shutdown", "stop", "destroy", "prove_gone"})
        case _:
            if completed := COMPLETES.get(type(event)):
                state = _learned(state, event)
                op = step_over(op, at, done=op.done | {completed})
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
            state = replace(state, adoption=Adoption(event.had_tag, event.had_description, event.hostname))
            if state.queued:
                # a delete waits: this is what it was before that
                return replace(state, queued=replace(state.queued, desired_before=power))
            return replace(state, desired=power)
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


def step_over(
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
        tag_refused=False,
        undecided=False,
    )


def step_failed(op: Operation, step: StepName, cause: Cause, at: datetime) -> Operation:
    tolerated = (op.kind, step) in (("delete", "shutdown"), ("adopt", "find_address"))
    op = step_over(op, at, done=op.done, failed=op.failed | {step})
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


def is_of(unsettled: UnsettledCall | None, intent: Intent) -> bool:
    goal = _LEADS_TO.get(intent.step)
    return goal is not None and unsettled == UnsettledCall(goal, intent.node_time)
