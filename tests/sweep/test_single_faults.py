"""One fault at every point of every operation: before, after and instead of each call on the log and on Proxmox."""

import pytest

from proximity.domain.application import events as ev
from sweep.conftest import Note
from sweep.deaths import SWEPT
from sweep.points import Points
from sweep.runs import play, singles

PARTS = 4


@pytest.mark.parametrize("name", SWEPT)
def test_to_say_that_a_task_has_ended_disturbs_nobody(name: str, note: Note) -> None:
    """Also not at the very moment at which somebody takes note of it."""
    outcome = play(SWEPT[name], impatient=True)
    note(outcome)
    assert not outcome.wrong, outcome.told()
    told = [r.event for r in outcome.world.events() if isinstance(r.event, ev.TaskEndedUnseen)]
    assert len({event.upid for event in told}) == len(told)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SWEPT)
def test_every_fault_at_every_point(name: str, part: int, note: Note) -> None:
    wrong = []
    runs = singles(SWEPT[name])[part::PARTS]
    for _, plan in runs:
        outcome = play(SWEPT[name], Points(plan))
        note(outcome)
        if outcome.wrong:
            wrong.append(outcome.told())
    assert runs
    assert not wrong, f"{len(wrong)} of {len(runs)} runs\n\n" + "\n\n".join(wrong[:3])
