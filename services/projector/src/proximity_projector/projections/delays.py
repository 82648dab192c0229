"""Which findings about its operation does an event open or close? They are made of what the operation says itself."""

from typing import get_args

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent, Observed

# what opens one; key and kind of each
Delay = ev.DeadlinePassed | ev.TaskEndedUnseen
LATE, UNSEEN = "deadline_passed", "task_unseen"
# the step came further, or to a person: somebody has taken note of its task
_FURTHER = frozenset({ev.StepIntended, ev.TaskAccepted, ev.StepFailed, ev.OperationUndecided, *get_args(ev.Outcome)})
_KINDS = frozenset(get_args(ev.Kind))


def key_of(event: Delay) -> str:
    """Of the finding that the event opens."""
    return LATE if isinstance(event, ev.DeadlinePassed) else UNSEEN


def closed_by(event: ApplicationEvent | Observed) -> tuple[str, ...]:
    """Those of them that are open. All are about the operation in flight, as these events are."""
    if type(event) in _FURTHER:
        return (UNSEEN,)
    match event:
        case ev.StepPostponed(withdrawn=True):
            return (UNSEEN,)
        case ev.OperationSucceeded(kind=kind) if kind not in _KINDS:
            # what is over at once is another operation
            return ()
        # a person who says what became of a call gives the operation its time anew
        case ev.OperationResolved() | ev.OperationSucceeded() | ev.OperationFailed() | ev.OperationCancelled():
            return (LATE, UNSEEN)
    return ()
