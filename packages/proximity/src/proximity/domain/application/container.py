"""What an event of any operation says of the container. Pure."""

from dataclasses import replace

from proximity.domain.application import events as ev
from proximity.domain.application.configuration import Configuration
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.application.state import Application, Baseline, Container, Operation


def container_after(state: Application, event: ApplicationEvent) -> Application:
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
        case ev.ContainerConfigured(configuration=configuration):
            return replace(state, baseline=_baseline(configuration))
        case ev.StepIntended(step="start" | "shutdown" | "stop"):
            ct = replace(ct, power="unknown")
        case ev.StepPostponed(step="create", withdrawn=True) if _nothing_sent(state.operation):
            ct = replace(ct, created=False)
        case ev.ContainerStarted():
            ct = replace(ct, power="running")
        case ev.ContainerShutDown() | ev.ContainerStopped():
            ct = replace(ct, power="stopped", address=None)
        case ev.ContainerInspected(node=node, power=power, configuration=configuration):
            ct = replace(ct, node=node, power=power)
            return replace(state, container=ct, baseline=_baseline(configuration))
        case ev.AddressFound(address=address):
            ct = replace(ct, address=address)
        case ev.ContainerProvenGone() if is_remaking(state.operation):
            ct = replace(ct, created=False, power="stopped")
            # a lost destroy may come late: it must not meet what is made anew under the same number
            late = state.unsettled if state.unsettled and state.unsettled.goal == "stopped" else None
            return replace(state, container=ct, unsettled=late)
        case ev.VmidFoundTaken() | ev.ContainerProvenGone():
            return replace(state, container=None, unsettled=None)
    return replace(state, container=ct)


def _baseline(configuration: Configuration | None) -> Baseline | None:
    return Baseline(configuration.values, configuration.environment) if configuration else None


def is_remaking(op: Operation | None) -> bool:
    return op is not None and op.remaking and not op.unwinding


def _nothing_sent(op: Operation | None) -> bool:
    """The call withdrawn is the first one, no task of it ran, and it was not lost on the way: that may come late."""
    intent = op.intent if op else None
    return op is not None and op.attempts == 1 and intent is not None and not intent.unanswered and intent.upid is None
