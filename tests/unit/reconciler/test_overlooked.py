"""What a watch does with the ends of tasks of ours: it reads the log, has its operation woken, and tells in the end."""

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from proximity.domain.application import events as app
from proximity.domain.model import Event
from proximity.messaging.envelope import Actor, Metadata, Recorded
from proximity.proxmox.observe import Task
from proximity_reconciler.following import Follower
from proximity_reconciler.knowledge import Knowledge
from proximity_reconciler.operations import Operations
from proximity_reconciler.overlooked import Overlooked
from proximity_reconciler.tasks import TaskLog
from proximity_reconciler.writing import Writer
from support.deciders import NOON
from support.life import SPEC

UPID = "UPID:pve1:1"
BEGUN: list[Event] = [
    app.DeployRequested(operation_id="o", name="Wiki", slug="wiki", cluster_id="c1", node=None, spec=SPEC),
    app.VmidClaimed(operation_id="o", cluster_id="c1", node="pve1", vmid=20001),
    app.StepIntended(operation_id="o", step="create", runner="r1", attempt=1, node="pve1", vmid=20001, node_time=0),
    app.TaskAccepted(operation_id="o", step="create", upid=UPID),
]
CREATED = app.ContainerCreated(operation_id="o", node="pve1", vmid=20001)
SAID = app.TaskEndedUnseen(operation_id="o", step="create", upid=UPID, exitstatus="OK", ended=7)


class Log:
    """In the places of the follower and the writer. `unread`: what is in the log and was not read yet."""

    def __init__(self) -> None:
        self.knowledge, self.operations = Knowledge("i1"), Operations()
        self.unread = list(BEGUN)
        self.told: list[tuple[str, Event]] = []
        self.read = 0
        self.now = NOON
        self._tasks = TaskLog("ours")
        self._overlooked = Overlooked("c1", cast(Follower, self), cast(Writer, self), lambda: self.now)

    async def follow(self) -> None:
        for event in self.unread:
            self.read += 1
            meta = Metadata("id", event.TYPE, "urn:test", NOON, "", "", Actor("system", "test"))
            recorded: Recorded[Any] = Recorded(event, meta, "application", "a1", self.read, NOON)
            self.knowledge.apply(recorded)
            self.operations.apply(recorded)
        self.unread.clear()

    async def append_to_operation(self, application_id: str, event: Event) -> None:
        self.told.append((application_id, event))

    async def look(self, seconds: float, *, running: bool = False) -> None:
        """At the tasks, so many seconds after noon."""
        self.now = NOON + timedelta(seconds=seconds)
        end = (None, None) if running else ("OK", 7)
        self._tasks.take(self.now, [Task(UPID, "pve1", "vzcreate", "20001", "ours", 1, running, *end)])
        await self._overlooked.look(self._tasks)

    def interrupted(self) -> None:
        self._overlooked.interrupted()

    @property
    def is_woken(self) -> bool:
        at: datetime = self.now
        return bool(list(self.operations.to_wake({"r1"}, at)))


@pytest.fixture
async def log() -> Log:
    made = Log()
    await made.follow()
    return made


async def test_its_operation_is_woken_at_once_and_in_the_end_it_is_told(log: Log) -> None:
    await log.look(0, running=True)
    assert not log.is_woken
    await log.look(2)
    assert log.is_woken
    await log.look(31)
    assert log.told == []
    await log.look(32)
    assert log.told == [("a1", SAID)]


async def test_nobody_is_woken_for_what_the_log_has_taken_note_of(log: Log) -> None:
    log.unread.append(CREATED)
    await log.look(2)
    assert not log.is_woken
    await log.look(40)
    assert log.told == []


async def test_while_the_log_does_not_answer_nobody_is_waited_for(log: Log) -> None:
    await log.look(2)
    log.interrupted()
    await log.look(40)
    assert log.told == []
    await log.look(70)
    assert log.told == [("a1", SAID)]
