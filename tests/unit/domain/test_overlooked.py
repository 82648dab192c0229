"""A task of ours that ended and that nobody takes note of: when it is said, and that saying it changes nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.decider import record
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.application.process import next_step
from proximity.domain.drift import End, Followed, Waiting, overlooked
from proximity.domain.drift.overlooked import PATIENCE
from support.comparing import later
from support.life import CAUSE, Life, adopted, again, deployed, every_point_of

UPIDS = ["UPID:1", "UPID:2", "UPID:3"]
DONE = End("OK", 1_767_268_800)


def task(upid: str = UPIDS[0], *, told: bool = False) -> Followed:
    return Followed(f"app-of-{upid}", f"op-of-{upid}", "create", upid, told=told)


def saying(upid: str = UPIDS[0]) -> ev.TaskEndedUnseen:
    return ev.TaskEndedUnseen(
        operation_id=f"op-of-{upid}", step="create", upid=upid, exitstatus="OK", ended=1_767_268_800
    )


def test_it_is_said_when_it_is_so_for_half_a_minute() -> None:
    waiting: Waiting = {}
    for seconds in (0, 2, 29.9):
        said, waiting = overlooked([task()], {UPIDS[0]: DONE}, waiting, later(seconds))
        assert (said, list(waiting)) == ({}, UPIDS[:1])
    said, waiting = overlooked([task()], {UPIDS[0]: DONE}, waiting, later(30))
    assert said == {"app-of-UPID:1": saying()}
    said, _ = overlooked([task(told=True)], {UPIDS[0]: DONE}, waiting, later(32))
    assert said == {}


def test_nothing_is_said_of_a_task_that_runs_or_was_not_seen() -> None:
    assert overlooked([task()], {}, {}, later(100)) == ({}, {})
    assert overlooked([task()], {}, {UPIDS[0]: later(0)}, later(100)) == ({}, {})


def test_who_takes_note_in_time_is_not_told_on() -> None:
    _, waiting = overlooked([task()], {UPIDS[0]: DONE}, {}, later(0))
    assert overlooked([task(UPIDS[1])], {UPIDS[0]: DONE, UPIDS[1]: DONE}, waiting, later(40)) == (
        {},
        {UPIDS[1]: later(40)},
    )


LOOKS = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(UPIDS)),
        st.frozensets(st.sampled_from(UPIDS)),
        st.floats(0.1, 40),
        st.booleans(),
    ),
    max_size=40,
)


@given(LOOKS)
def test_each_is_said_once_and_never_before_its_time(
    looks: list[tuple[frozenset[str], frozenset[str], float, bool]],
) -> None:
    """`looks`: what the log follows, what ended meanwhile, how long it took, and whether the log took what was said."""
    waiting: Waiting = {}
    ended, told, seconds = set[str](), list[str](), 0.0
    since: dict[str, float] = {}
    for followed, ends, took, taken in looks:
        seconds, ended = seconds + took, ended | ends
        known = [task(upid, told=upid in told) for upid in sorted(followed)]
        said, waiting = overlooked(known, dict.fromkeys(ended, DONE), waiting, later(seconds))
        since = {upid: since.get(upid, seconds) for upid in followed & ended}
        due = {upid for upid in since if later(seconds) - later(since[upid]) >= PATIENCE and upid not in told}
        assert said == {f"app-of-{upid}": saying(upid) for upid in due}
        told += [event.upid for event in said.values() if taken]
    assert len(set(told)) == len(told)


def lives() -> list[Life]:
    stopped, removed = deployed(), adopted()
    stopped.do(cmd.StopApplication(operation_id="stop", application_id="a1"))
    stopped.run()
    removed.do(cmd.DeleteApplication(operation_id="delete", application_id="a1", destroy=True))
    removed.run()
    return [stopped, removed]


POINTS = [past for life in lives() for past in every_point_of(life)]


def ended_unseen(life: Life) -> ev.TaskEndedUnseen | None:
    """What would be said of the step in hand."""
    followed = Followed.of(life.id, life.app)
    if followed is None:
        return None
    said, _ = overlooked([followed], {followed.upid: DONE}, {followed.upid: life.now - PATIENCE}, life.now)
    return said[life.id]


@pytest.mark.parametrize("past", POINTS, ids=lambda past: f"{len(past)}-{type(past[-1]).__name__}")
def test_to_say_it_changes_nothing_else(past: list[ApplicationEvent]) -> None:
    life = again(past)
    said = ended_unseen(life)
    if said is None:
        assert life.app.operation is None or life.app.operation.intent is None or life.app.operation.intent.upid is None
        return
    before, step = life.app, life.step
    assert life.happen(said) == [said]
    assert replace(life.app, ended_unseen=None) == before
    assert next_step(life.state) == step
    followed = Followed.of(life.id, life.app)
    assert followed
    assert followed.told
    assert record(life.state, said) == [], "by two at once it is said once"
    life.run()
    assert life.app.operation is None


def test_whoever_asks_a_person_has_taken_note() -> None:
    life = again(next(past for past in POINTS if isinstance(past[-1], ev.TaskAccepted)))
    said, op = ended_unseen(life), life.app.operation
    assert said
    assert op
    life.happen(
        ev.OperationUndecided(operation_id=op.id, kind=op.kind, step=said.step, cause=CAUSE, command="pct unlock 1")
    )
    assert Followed.of(life.id, life.app) is None
    assert life.happen(said) == []
    life.happen(ev.StepTakenOver(operation_id=op.id, step=said.step, runner="r2", from_runner="r1"))
    assert ended_unseen(life) == said, "whoever goes on has to ask again"


def test_of_another_task_nothing_is_said() -> None:
    accepted = next(past for past in POINTS if isinstance(past[-1], ev.TaskAccepted))
    life = again(accepted)
    said = ended_unseen(life)
    assert said
    for other in ({"upid": "UPID:other"}, {"step": "stop"}, {"operation_id": "other"}):
        assert life.happen(said.model_copy(update=other)) == []
    life.happen(said)
    life.now += timedelta(hours=1)
    life.run()
    assert record(life.state, said) == [], "nor when the operation is over"
