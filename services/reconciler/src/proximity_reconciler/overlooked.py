"""Tasks of ours that ended on one cluster and that nobody takes note of: whoever should is woken, then it is told."""

from collections.abc import Callable
from datetime import datetime

from proximity.domain.drift import Waiting, overlooked
from proximity_reconciler.following import Follower
from proximity_reconciler.tasks import TaskLog
from proximity_reconciler.writing import Writer


class Overlooked:
    """`clock`: the log's."""

    def __init__(self, cluster_id: str, follower: Follower, writer: Writer, clock: Callable[[], datetime]) -> None:
        self._cluster_id = cluster_id
        self._follower = follower
        self._writer = writer
        self._clock = clock
        self._waiting: Waiting = {}

    def interrupted(self) -> None:
        """The log did not answer: nobody could have taken note of anything."""
        self._waiting = {}

    async def look(self, tasks: TaskLog) -> None:
        """With each new list of tasks. Raises TimeoutError, UnavailableError."""
        followed = self._follower.knowledge.followed
        if not tasks.ends(task.upid for task in followed(self._cluster_id)):
            self._waiting = {}
            return
        await self._follower.follow()
        known = followed(self._cluster_id)
        ends = tasks.ends(task.upid for task in known)
        said, self._waiting = overlooked(known, ends, self._waiting, self._clock())
        self._follower.operations.tasks_over(task.application_id for task in known if task.upid in self._waiting)
        for application_id, event in said.items():
            await self._writer.append_to_operation(application_id, event)
