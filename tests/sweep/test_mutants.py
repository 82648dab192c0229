"""The sweep sees what it is there for: each planted bug is noticed, and without one the same runs are clean."""

import pytest

from sweep.mutants import MUTANTS, Mutant
from sweep.runs import past
from sweep.scenarios import PASTS

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
        noticed = next((outcome for play in plays if (outcome := play()).violations), None)
    assert noticed, f"nobody noticed: {mutant.name}"
    print(f"{mutant.name}: {noticed.violations[0]}")


@by_name
def test_without_it_the_same_runs_are_clean(mutant: Mutant) -> None:
    for play in mutant.runs.plays():
        outcome = play()
        assert not outcome.violations, outcome.told()
