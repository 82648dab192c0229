"""The plan is a function of the seed, and strikes everything there is."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.__main__ import seeds
from chaos.plan import FREEZES, ROUND, TARGETS, TROUBLED, TROUBLES, plan, rounds

SEEDS = st.text(st.characters(codec="ascii"), min_size=1, max_size=8)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_the_same_seed_gives_the_same_plan_and_a_longer_one_begins_with_it(seed: str, trials: int) -> None:
    assert plan(seed, trials) == plan(seed, trials)
    assert plan(seed, trials + 7)[:trials] == plan(seed, trials)
    assert [trial.number for trial in plan(seed, trials)] == list(range(1, trials + 1))


def test_another_seed_gives_another_plan() -> None:
    assert len({str(plan(str(seed), 10)) for seed in range(50)}) == 50


@settings(deadline=None)
@given(SEEDS)
def test_a_round_kills_every_target_and_troubles_most_of_its_trials(seed: str) -> None:
    for trials in rounds(plan(seed, 5 * ROUND)):
        blows = Counter((trial.blow.how, trial.blow.targets) for trial in trials)
        assert all(blows["kill", target] == 1 for target in TARGETS)
        assert sum(count for (how, _), count in blows.items() if how == "freeze") == FREEZES
        assert sum(trial.trouble is not None for trial in trials) == TROUBLED


@settings(deadline=None)
@given(SEEDS)
def test_fifty_trials_hold_every_fault_and_every_freeze_on_both_clusters(seed: str) -> None:
    trials = plan(seed, 50)
    assert {trial.trouble.name for trial in trials if trial.trouble} == set(TROUBLES)
    assert {trial.blow.targets for trial in trials if trial.blow.how == "freeze"} == set(TARGETS)


def test_stacks_side_by_side_have_plans_of_their_own_and_the_first_is_the_seed_itself() -> None:
    assert seeds("7", 1) == ["7"]
    first, second = seeds("7", 2)
    assert first == "7"
    assert plan(first, 10) != plan(second, 10)
