"""Which operations are in flight, and which replica carries each of them on: that much is folded from the log.

Pure. Whether an operation needs somebody is decided here; waking is a hint, so a wrong guess does no harm.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from proximity.domain.application import events as app
from proximity.domain.application.process import DEADLINES
from proximity.domain.cluster import decider as cluster_decider
from proximity.domain.cluster import events as cluster
from proximity.messaging.envelope import Recorded

# An operation that nobody has begun for this long was overlooked.
BEGUN_WITHIN = timedelta(seconds=2)
# Any operation in flight is looked at once in a while, whatever seems to be going on.
AT_LEAST_EVERY = timedelta(seconds=30)
# While nothing changes, the same operation is woken again after 1, 2, 4 ... seconds, at most the above.
FIRST_PAUSE = timedelta(seconds=1)
_DOUBLINGS = 5


@dataclass(frozen=True)
class InFlight:
    """Times are the log's. `news`: its last event; `woken`: when we last woke it; `times`: how often since the news.
    `task_over`: since the news it was seen that the task it waits for has ended.
    """

    operation_id: str
    category: str
    aggregate_id: str
    since: datetime
    deadline: timedelta
    news: datetime
    runner: str | None = None
    woken: datetime | None = None
    times: int = 0
    task_over: bool = False

    def needs_waking(self, living: Set[str], now: datetime) -> bool:
        last = max(self.news, self.woken or self.news)
        overdue = self.since + self.deadline
        if now - last >= AT_LEAST_EVERY or last < overdue <= now:
            return True
        abandoned = self.runner is not None and self.runner not in living
        overlooked = self.runner is None and self.news == self.since <= now - BEGUN_WITHIN
        # one that waits for a person may be woken for days
        pause = FIRST_PAUSE * 2 ** min(self.times - 1, _DOUBLINGS) if self.times else timedelta()
        return (abandoned or overlooked or self.task_over) and (self.woken is None or now - self.woken >= pause)


Key = tuple[str, str]


class Operations:
    """At most one is in flight per aggregate; a delete may wait behind it."""

    def __init__(self) -> None:
        self._in_flight: dict[Key, InFlight] = {}
        self._waiting: dict[Key, InFlight] = {}
        # the clusters there are to look at
        self.clusters: set[str] = set()

    def __len__(self) -> int:
        return len(self._in_flight)

    def apply(self, recorded: Recorded[Any]) -> None:
        event, key = recorded.event, (recorded.category, recorded.aggregate_id)
        match event:
            case cluster.ClusterConnected():
                self.clusters.add(recorded.aggregate_id)
            case cluster.ClusterRemoved():
                self.clusters.discard(recorded.aggregate_id)
        if begun := _begun(recorded):
            if key in self._in_flight:
                self._waiting[key] = begun
            else:
                self._in_flight[key] = begun
            return
        op = self._in_flight.get(key)
        if op is None or op.operation_id != getattr(event, "operation_id", None):
            return
        if isinstance(event, app.Ended | cluster.OperationSucceeded | cluster.OperationFailed):
            self._next(key, recorded.stored_at)
            return
        runner = getattr(event, "runner", op.runner)
        self._in_flight[key] = replace(op, runner=runner, news=recorded.stored_at, times=0, task_over=False)

    def _next(self, key: Key, at: datetime) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting:
            self._in_flight[key] = replace(waiting, since=at, news=at)
        else:
            del self._in_flight[key]

    def to_wake(self, living: Set[str], now: datetime) -> Iterator[InFlight]:
        """Those that need it now."""
        yield from [op for op in self._in_flight.values() if op.needs_waking(living, now)]

    def tasks_over(self, application_ids: Iterable[str]) -> None:
        """The tasks that these wait for have ended, and the log does not say so yet."""
        for application_id in application_ids:
            key = ("application", application_id)
            if op := self._in_flight.get(key):
                self._in_flight[key] = replace(op, task_over=True)

    def woken(self, op: InFlight, now: datetime) -> None:
        key = (op.category, op.aggregate_id)
        if self._in_flight.get(key) == op:
            self._in_flight[key] = replace(op, woken=now, times=op.times + 1)


def _begun(recorded: Recorded[Any]) -> InFlight | None:
    deadline = _deadline(recorded.event)
    if deadline is None:
        return None
    at = recorded.stored_at
    operation_id = recorded.event.operation_id
    return InFlight(operation_id, recorded.category, recorded.aggregate_id, at, deadline, news=at)


def _deadline(event: object) -> timedelta | None:
    """How long the operation that begins with this event may take; None: it begins none."""
    match event:
        case app.DeployRequested():
            return DEADLINES["deploy"]
        case app.StartRequested():
            return DEADLINES["start"]
        case app.ShutdownRequested():
            return DEADLINES["shutdown"]
        case app.StopRequested():
            return DEADLINES["stop"]
        case app.RestartRequested():
            return DEADLINES["restart"]
        case app.DeleteRequested():
            return DEADLINES["delete"]
        case app.AdoptRequested():
            return DEADLINES["adopt"]
        case app.ReleaseRequested():
            return DEADLINES["release"]
        case cluster.ConnectRequested() | cluster.CheckRequested():
            return cluster_decider.DEADLINE
    return None
