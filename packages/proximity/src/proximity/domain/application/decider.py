"""May it be done, and what follows from it. Pure; a repeated command or outcome yields nothing new."""

from typing import Literal

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.commands import ApplicationCommand
from proximity.domain.application.events import ApplicationEvent, Desired
from proximity.domain.application.evolve import evolve
from proximity.domain.application.process import next_step
from proximity.domain.application.progress import COMPLETES
from proximity.domain.application.state import (
    NEVER,
    Absent,
    Application,
    Baseline,
    Container,
    Intent,
    Operation,
    State,
)
from proximity.domain.errors import Rejected
from proximity.domain.finding import Setting
from proximity.domain.ids import slug

_KIND_IN_WORDS = {
    "deploy": "being deployed",
    "start": "being started",
    "shutdown": "being shut down",
    "stop": "being stopped",
    "restart": "being restarted",
    "delete": "being deleted",
    "adopt": "being adopted",
    "release": "being released",
}


def decide(command: ApplicationCommand, state: State) -> list[ApplicationEvent]:
    """The facts that follow from the command. Empty: it was handled before. Raises Rejected."""
    if command.operation_id in state.handled:
        return []
    if isinstance(command, cmd.DeployApplication):
        return _deploy(command, state)
    if isinstance(command, cmd.AdoptGuest):
        return _adopt(command, state)
    if isinstance(state, Absent) or state.deleted:
        raise Rejected("application_not_found", "There is no such application, or it has been deleted.")
    match command:
        case cmd.DeleteApplication(force=force, destroy=destroy):
            if state.operation and state.operation.kind in ("delete", "release"):
                raise _in_flight(state)
            if state.queued:
                raise Rejected("operation_in_flight", "The application is about to be deleted already.")
            if destroy and state.operation and state.operation.kind == "adopt":
                # it would be given back instead, because it is not adopted yet
                raise _in_flight(state)
            request: ApplicationEvent = ev.DeleteRequested(
                operation_id=command.operation_id, force=force, destroy=destroy
            )
        case cmd.ReleaseApplication():
            _needs_idle_container(state)
            if state.adoption is None:
                raise Rejected("not_adopted", "Proximity made this container itself: it can be deleted, not released.")
            request = ev.ReleaseRequested(operation_id=command.operation_id)
        case cmd.CancelOperation(target_operation_id=target):
            return settle(state, _cancel(command.operation_id, target, state))
        case cmd.ResolveOperation(target_operation_id=target, verdict=verdict):
            return settle(state, _resolve(command.operation_id, target, verdict, state))
        case cmd.AcceptConfiguration(key=key, setting=setting):
            return _accept(command.operation_id, key, setting, state)
        case cmd.StartApplication():
            request = ev.StartRequested(operation_id=command.operation_id)
        case cmd.ShutdownApplication():
            request = ev.ShutdownRequested(operation_id=command.operation_id)
        case cmd.StopApplication():
            request = ev.StopRequested(operation_id=command.operation_id)
        case cmd.RestartApplication():
            request = ev.RestartRequested(operation_id=command.operation_id)
    if not isinstance(request, ev.DeleteRequested):
        _needs_idle_container(state)
    return settle(state, [request])


def correct(state: State, event: ev.Observed) -> list[ev.Observed]:
    """A correction by the reconciler: nothing while an operation is in flight, nothing that is known already."""
    if isinstance(state, Absent) or state.deleted or state.operation or not state.deployed or state.container is None:
        return []
    match event:
        case ev.FindingOpened(finding=finding):
            news = finding.key not in state.findings
        case ev.FindingClosed(key=key):
            news = key in state.findings
        case ev.ContainerFoundMoved(node=node):
            news = node != state.container.node
        case ev.ConfigurationObserved(values=values, environment=environment, whole=whole):
            news = state.baseline != Baseline(values, environment, whole)
    return [event] if news else []


def record(state: State, outcome: ApplicationEvent) -> list[ApplicationEvent]:
    """What the log gets for something that happened: the fact and, if it was the last one, the end of the operation.

    An outcome that is already known (the step is done, the operation over) yields nothing.
    """
    if isinstance(state, Absent) or state.operation is None or state.operation.id != outcome.operation_id:
        return []
    return settle(state, [outcome]) if _is_news(state, state.operation, outcome) else []


def _is_news(state: Application, op: Operation, outcome: ApplicationEvent) -> bool:
    """Whether it is about the step in hand: a late or repeated one must not undo what was done since."""
    step, ct = next_step(state), state.container
    match outcome:
        case ev.TaskEndedUnseen(step=name, upid=upid):
            followed = op.intent is not None and (op.intent.step, op.intent.upid) == (name, upid)
            return followed and not op.undecided and state.ended_unseen != upid
        case ev.DeadlinePassed(phase=phase):
            if phase == "forward":
                return not op.overdue and not op.unwinding
            return op.unwinding and not op.unwind_overdue
        case ev.ContainerProvenGone(vmid=vmid):
            return ct is not None and ct.vmid == vmid and (op.unwinding or op.remaking or op.kind == "delete")
        case (
            ev.TaskAccepted()
            | ev.CallUnanswered()
            | ev.OperationUndecided()
            | ev.VmidFoundTaken()
            | ev.ContainerFoundHalfMade()
        ):
            return op.intent is not None and _is_news_of_call(op, op.intent, ct, outcome)
        case ev.StepIntended(step=name, runner=runner, attempt=attempt):
            free = op.intent is None or (op.intent.runner == runner and attempt > op.intent.attempt)
            return free and step is not None and step.name == name
        case ev.StepTakenOver(step=name, runner=runner, from_runner=before):
            return step is not None and step.name == name and op.runner == before != runner
        case ev.StepPostponed(step=name) | ev.StepFailed(step=name):
            return step is not None and step.name == name
        case ev.ContainerCreated(vmid=vmid) if ct is None or ct.vmid != vmid:
            return False
        case _:
            return step is not None and COMPLETES.get(type(outcome)) == step.name


def _is_news_of_call(
    op: Operation,
    intent: Intent,
    ct: Container | None,
    outcome: ev.TaskAccepted
    | ev.CallUnanswered
    | ev.OperationUndecided
    | ev.VmidFoundTaken
    | ev.ContainerFoundHalfMade,
) -> bool:
    match outcome:
        case ev.TaskAccepted(step=name, upid=upid):
            return intent.step == name and intent.upid != upid
        case ev.CallUnanswered(step=name):
            return intent.step == name and intent.upid is None and not intent.unanswered
        case ev.OperationUndecided(step=name):
            return intent.step == name and not op.undecided
        case ev.VmidFoundTaken(vmid=vmid) | ev.ContainerFoundHalfMade(vmid=vmid):
            return intent.step == "create" and ct is not None and ct.vmid == vmid


def settle(state: State, events: list[ApplicationEvent]) -> list[ApplicationEvent]:
    """`events`, and the ends of the operations that have nothing left to do after them."""
    for event in events:
        state = evolve(state, event, NEVER)
    events = list(events)
    while isinstance(state, Application) and state.operation and next_step(state) is None:
        end = _end(state)
        events.append(end)
        state = evolve(state, end, NEVER)
    return events


def _deploy(command: cmd.DeployApplication, state: State) -> list[ApplicationEvent]:
    if not isinstance(state, Absent):
        raise Rejected("application_exists", "This application id is already in use.")
    unique = slug(command.name)
    if not unique:
        raise Rejected("invalid_name", "The name needs at least one letter or digit (a-z, 0-9).")
    return [
        ev.DeployRequested(
            operation_id=command.operation_id,
            name=command.name,
            slug=unique,
            cluster_id=command.cluster_id,
            node=command.node,
            spec=command.spec,
        )
    ]


def _adopt(command: cmd.AdoptGuest, state: State) -> list[ApplicationEvent]:
    if not isinstance(state, Absent):
        raise Rejected("application_exists", "This application id is already in use.")
    unique = slug(command.name)
    if not unique:
        raise Rejected("invalid_name", "The name needs at least one letter or digit (a-z, 0-9).")
    if command.spec.runtime != "adopted":
        raise Rejected("invalid_spec", "What is adopted was not made from a recipe.")
    return [
        ev.AdoptRequested(
            operation_id=command.operation_id,
            name=command.name,
            slug=unique,
            cluster_id=command.cluster_id,
            node=command.node,
            vmid=command.vmid,
            spec=command.spec,
        )
    ]


def _cancel(operation_id: str, target: str, state: Application) -> list[ApplicationEvent]:
    op = state.operation
    if state.queued and state.queued.id == target:
        op = state.queued
    if op is None or op.id != target:
        raise Rejected("operation_not_in_flight", "The operation is over already, there is nothing to cancel.")
    if op.kind in ("delete", "release"):
        raise Rejected("not_cancellable", "A delete cannot be cancelled: parts of the container may be gone already.")
    if op.cancelled_by:
        raise Rejected("already_cancelled", "The operation is being cancelled already.")
    return [
        ev.CancelRequested(operation_id=target, by_operation_id=operation_id),
        ev.OperationSucceeded(operation_id=operation_id, kind="cancel"),
    ]


def _resolve(
    operation_id: str, target: str, verdict: Literal["succeeded", "not_executed", "failed"], state: Application
) -> list[ApplicationEvent]:
    op = state.operation
    if op is None or op.id != target:
        raise Rejected("operation_not_in_flight", "The operation is over already, there is nothing to resolve.")
    if not op.undecided or op.intent is None:
        raise Rejected("not_undecided", "Nobody has to decide about the operation: it finds out by itself.")
    return [
        ev.OperationResolved(operation_id=target, by_operation_id=operation_id, step=op.intent.step, verdict=verdict),
        ev.OperationSucceeded(operation_id=operation_id, kind="resolve"),
    ]


def _accept(operation_id: str, key: str, meant: Setting | None, state: Application) -> list[ApplicationEvent]:
    finding = state.findings.get(key)
    if finding is None:
        raise Rejected("finding_not_found", "There is no such finding: it is settled already.")
    if finding.setting is None:
        raise Rejected("not_acceptable", "Only a setting that was changed can be accepted as it is.")
    if meant is not None and meant != finding.setting:
        raise Rejected("changed_meanwhile", "The setting was changed again. Look at what it is now, and accept that.")
    return [
        ev.ConfigurationAccepted(operation_id=operation_id, key=key, setting=finding.setting),
        ev.OperationSucceeded(operation_id=operation_id, kind="accept_configuration"),
    ]


def _needs_idle_container(state: Application) -> None:
    if state.operation:
        raise _in_flight(state)
    if state.container is None or not state.deployed:
        raise Rejected(
            "no_container", "The application has no container: its deployment failed. Delete it and deploy again."
        )


def _in_flight(state: Application) -> Rejected:
    kind = state.operation.kind if state.operation else "deploy"
    way_out = "Wait for that to end." if kind in ("delete", "release") else "Wait for that to end, or cancel it."
    return Rejected("operation_in_flight", f"The application is {_KIND_IN_WORDS[kind]}. {way_out}")


def _end(state: Application) -> ev.Ended:
    op = state.operation
    assert op is not None  # noqa: S101 - the caller asked
    ct = state.container
    may_exist = f"{ct.node}/{ct.vmid}" if ct and ct.created else None
    wanted = _wanted_again(state, op)
    if op.failure:
        left = may_exist if op.kind in ("deploy", "delete") or _marked(state) else None
        return ev.OperationFailed(operation_id=op.id, kind=op.kind, cause=op.failure, left_behind=left, desired=wanted)
    if op.cancelled_by:
        left = may_exist if op.kind == "deploy" or _marked(state) else None
        return ev.OperationCancelled(
            operation_id=op.id, kind=op.kind, by_operation_id=op.cancelled_by, left_behind=left, desired=wanted
        )
    return ev.OperationSucceeded(operation_id=op.id, kind=op.kind)


def _wanted_again(state: Application, op: Operation) -> Desired | None:
    """Of a container that stays: what we brought it to, or else what was wanted before. One of our own that was being
    deleted is wanted no more: parts of it may be gone.
    """
    if op.kind in ("deploy", "adopt") or state.container is None:
        return None
    if op.kind in ("delete", "release") and state.adoption is None:
        return None
    if "start" in op.done:
        return "running"
    return "stopped" if op.done & {"shutdown", "stop"} else op.desired_before


def _marked(state: Application) -> bool:
    """Adopting it was broken off, and our marker could not be taken off again, or may still come late."""
    op = state.operation
    marked = op is not None and ("mark" in op.done or state.lost_mark is not None)
    return op is not None and op.kind == "adopt" and marked and "unmark" not in op.done
