"""The sweep sees what it is there for: each planted bug is noticed for what it is, and without one the same runs are
clean.
"""

from dataclasses import replace

import pytest

from sweep.deaths import EVERY
from sweep.mutants import MUTANTS, Mutant
from sweep.points import Points
from sweep.runs import past, play
from sweep.scenarios import PASTS
from sweep.world import World

by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])


@pytest.fixture(scope="module", autouse=True)
def _beginnings() -> None:
    """What scenarios begin with is made by the product as it is."""
    for name in PASTS:
        past(name)


@by_name
def test_a_planted_bug_is_noticed(mutant: Mutant) -> None:
    plays = mutant.runs.plays()
    with mutant.plant():
        assert any(mutant.noticed(again()) for again in plays), f"nobody noticed: {mutant.name}"


@by_name
def test_without_it_the_same_runs_are_clean(mutant: Mutant) -> None:
    for again in mutant.runs.plays():
        outcome = again()
        assert not outcome.wrong, outcome.told()


def test_who_sees_the_tasks_of_others_may_read_the_list() -> None:
    """What is wrong without Sys.Audit is right with it: that mutant is about the right and nothing else."""
    (mutant,) = (mutant for mutant in MUTANTS if "Sys.Audit" in mutant.name)
    blind = EVERY[mutant.runs.scenario]

    def seeing(world: World) -> None:
        blind.prepare(world)
        world.proxmox.audit = True

    plans = mutant.runs.plans()
    assert plans
    with mutant.plant():
        for plan in plans:
            outcome = play(replace(blind, prepare=seeing), Points(plan))
            assert not outcome.wrong, outcome.told()
