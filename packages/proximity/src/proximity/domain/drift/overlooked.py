"""A task of ours that ended on Proxmox, and nothing in the log takes note of it: nobody works on its operation, or who
does is stuck. Unlike everything else here it is about an operation in flight. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from proximity.domain.application.events import StepName, TaskEndedUnseen
from proximity.domain.application.state import Application

# Whoever works on it looks within seconds, and a successor when the lease of ten seconds is over.
PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True)
class Followed:
    """A task that the log waits for, unless a person is asked what became of it. `told`: it is in the log that it ended
    unseen.
    """

    application_id: str
    operation_id: str
    step: StepName
    upid: str
    told: bool

    @classmethod
    def of(cls, application_id: str, app: Application) -> "Followed | None":
        op = app.operation
        if op is None or op.undecided or op.intent is None or op.intent.upid is None:
            return None
        upid = op.intent.upid
        return cls(application_id, op.id, op.intent.step, upid, told=app.ended_unseen == upid)


@dataclass(frozen=True)
class End:
    """Of a task. `at`: Unix seconds of the node's clock, None: Proxmox does not say."""

    exitstatus: str
    at: int | None


# UPID -> since when (the log's clock) it is known that it has ended and the log does not
Waiting = Mapping[str, datetime]


def overlooked(
    followed: Iterable[Followed], ends: Mapping[str, End], waiting: Waiting, at: datetime
) -> tuple[dict[str, TaskEndedUnseen], Waiting]:
    """What is to be said now, by application, and the memory for the next look. `followed`: as the log is at `at`;
    `ends`: of tasks, by UPID, as far as they were seen.
    """
    unseen = [task for task in followed if task.upid in ends]
    waiting = {task.upid: waiting.get(task.upid, at) for task in unseen}
    said = {
        task.application_id: TaskEndedUnseen(
            operation_id=task.operation_id,
            step=task.step,
            upid=task.upid,
            exitstatus=ends[task.upid].exitstatus,
            ended=ends[task.upid].at,
        )
        for task in unseen
        if not task.told and at - waiting[task.upid] >= PATIENCE
    }
    return said, waiting
