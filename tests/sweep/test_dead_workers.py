"""A worker of Proxmox dies at each of its stages: what becomes of the operation is in the table of deaths."""

import random

import pytest

from sweep.points import Points
from sweep.runs import play, singles
from sweep.scenarios import DEATHS

SAMPLES = 12


@pytest.mark.parametrize("name", DEATHS)
def test_a_worker_dies(name: str) -> None:
    outcome = play(DEATHS[name])
    assert len(outcome.world.proxmox.killed) == 1
    assert not outcome.violations, outcome.told()


@pytest.mark.parametrize("name", DEATHS)
def test_a_worker_dies_and_something_goes_wrong_besides(name: str) -> None:
    for _, plan in random.Random(name).sample(singles(DEATHS[name]), SAMPLES):
        outcome = play(DEATHS[name], Points(plan))
        assert not outcome.violations, outcome.told()
