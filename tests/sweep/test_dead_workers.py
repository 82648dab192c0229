"""A worker of Proxmox dies at each of its stages: what becomes of the operation is in the table of deaths."""

import random

import pytest

from sweep.conftest import Note
from sweep.deaths import DEATHS
from sweep.points import Points
from sweep.runs import play, singles

SAMPLES = 10


@pytest.mark.parametrize("name", DEATHS)
def test_a_worker_dies(name: str, note: Note) -> None:
    outcome = play(DEATHS[name])
    note(outcome)
    assert len(outcome.world.proxmox.killed) == 1
    assert not outcome.wrong, outcome.told()


@pytest.mark.parametrize("name", DEATHS)
def test_a_worker_dies_and_something_goes_wrong_besides(name: str, note: Note) -> None:
    for _, plan in random.Random(name).sample(singles(DEATHS[name]), SAMPLES):
        outcome = play(DEATHS[name], Points(plan))
        note(outcome)
        assert not outcome.wrong, outcome.told()
