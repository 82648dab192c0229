"""Given a power operation that failed or was cancelled, then of the container is wanted what was wanted before, or what
was done of it: nobody else is accused of that.
"""

from collections.abc import Callable

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import Desired, StepName
from proximity.domain.application.evolve import evolve
from proximity.domain.drift import findings
from support.comparing import app, compared, found, look, view
from support.deciders import given
from support.life import CAUSE, EFFECTS, Life, adopted, deployed

COMMANDS: dict[str, Callable[..., cmd.ApplicationCommand]] = {
    "start": cmd.StartApplication,
    "shutdown": cmd.ShutdownApplication,
    "stop": cmd.StopApplication,
    "restart": cmd.RestartApplication,
}
CANCEL = cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="x")
LOCKED = ev.StepPostponed(operation_id="x", step="stop", cause=CAUSE, withdrawn=True)


def asked(kind: str, before: Life) -> Life:
    before.do(COMMANDS[kind](operation_id="x", application_id="a1"))
    return before


def stopped() -> Life:
    life = deployed()
    life.do(cmd.StopApplication(operation_id="before", application_id="a1"))
    life.run()
    return life


def fails(life: Life, step: StepName) -> Life:
    life.run(until=step)
    if step in EFFECTS:
        life.advance()
    life.happen(ev.StepFailed(operation_id="x", step=step, cause=CAUSE))
    return life


def wanted(life: Life) -> tuple[Desired, str]:
    assert life.app.operation is None
    assert life.app.container
    return life.app.desired, life.app.container.power


FAILS: list[tuple[str, Callable[[], Life], StepName, Desired]] = [
    ("shutdown", deployed, "shutdown", "running"),
    ("stop", deployed, "stop", "running"),
    ("restart", deployed, "shutdown", "running"),
    ("restart", deployed, "start", "stopped"),
    ("restart", deployed, "probe", "running"),
    ("start", stopped, "start", "stopped"),
    ("start", stopped, "find_address", "running"),
    ("shutdown", stopped, "shutdown", "stopped"),
]


@pytest.mark.parametrize(("kind", "past", "step", "then"), FAILS)
def test_what_a_failed_operation_leaves_is_wanted(
    kind: str, past: Callable[[], Life], step: StepName, then: Desired
) -> None:
    life = fails(asked(kind, past()), step)
    end = life.ends()["x"]
    assert isinstance(end, ev.OperationFailed)
    assert (end.desired, *wanted(life)) == (then, then, then)


def test_a_stop_that_waited_for_a_lock_and_was_cancelled_is_not_wanted_any_more() -> None:
    past = asked("stop", deployed()).events
    given(*past, LOCKED).when(CANCEL).then(
        ev.CancelRequested(operation_id="x", by_operation_id="cancel"),
        ev.OperationSucceeded(operation_id="cancel", kind="cancel"),
        ev.OperationCancelled(operation_id="x", kind="stop", by_operation_id="cancel", desired="running"),
    )


@pytest.mark.parametrize(("kind", "past", "then"), [("stop", deployed, "stopped"), ("start", stopped, "running")])
def test_what_was_done_before_the_cancellation_came_is_wanted(
    kind: str, past: Callable[[], Life], then: Desired
) -> None:
    life = asked(kind, past())
    life.advance()
    life.do(CANCEL)
    life.run()
    assert isinstance(life.ends()["x"], ev.OperationCancelled)
    assert wanted(life) == (then, then)


def test_what_was_found_before_is_still_so() -> None:
    life = deployed()
    life.state = evolve(life.state, ev.FindingOpened(finding=findings.stopped_outside()), life.now)
    assert wanted(fails(asked("start", life), "start")) == ("running", "stopped")


def test_what_was_to_be_deleted_is_so_after_a_start_that_failed() -> None:
    life = deployed()
    life.do(cmd.DeleteApplication(operation_id="delete", application_id="a1", force=True))
    life.run(until="destroy")
    life.happen(ev.StepFailed(operation_id="delete", step="destroy", cause=CAUSE))
    assert wanted(fails(asked("start", life), "start")) == ("absent", "unknown")


def test_a_delete_that_cancelled_it_and_failed_leaves_what_was_wanted_before_both() -> None:
    life = asked("stop", adopted())
    life.happen(LOCKED)
    life.do(cmd.DeleteApplication(operation_id="delete", application_id="a1"))
    assert life.app.desired == "absent"
    life.happen(ev.StepFailed(operation_id="delete", step="unmark", cause=CAUSE))
    assert wanted(life) == ("running", "running")


def test_an_end_that_was_written_before_that_was_told_is_read_as_it_was() -> None:
    life = asked("stop", deployed())
    for end in (
        ev.OperationFailed(operation_id="x", kind="stop", cause=CAUSE),
        ev.OperationCancelled(operation_id="x", kind="stop", by_operation_id="cancel"),
    ):
        after = evolve(life.state, end, life.now)
        assert (after.desired, after.operation) == ("stopped", None)  # type: ignore[union-attr]


def test_nobody_is_accused_of_what_a_lost_call_may_have_done() -> None:
    life = asked("start", stopped())
    life.advance()
    life.happen(ev.CallUnanswered(operation_id="x", step="start", reason="596"))
    life.happen(ev.StepPostponed(operation_id="x", step="start", cause=CAUSE, withdrawn=True))
    life.do(CANCEL)
    assert life.app.unsettled
    desired = app(power="stopped", lost=life.app.unsettled.goal)
    [late] = found(compared(desired, view(look()))).values()
    assert "or by an earlier call of Proximity's" in late.message
    [other] = found(compared(app(power="stopped", lost="stopped"), view(look()))).values()
    assert other == findings.started_outside()
    assert "earlier call" not in other.message
