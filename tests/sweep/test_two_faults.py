"""A second fault while the first is being recovered from: sampled, as all pairs would take days.

PROXIMITY_SWEEP_SEED, PROXIMITY_SWEEP_SAMPLES: as for two replicas. What failed is printed as the numbers of its points.
"""

import os
import random

import pytest

from sweep.conftest import Note
from sweep.deaths import EVERY
from sweep.points import FAULTS, Fault, Point, Points
from sweep.runs import Outcome, play

SEED = int(os.environ.get("PROXIMITY_SWEEP_SEED", "1"))
SAMPLES = int(os.environ.get("PROXIMITY_SWEEP_SAMPLES", "120"))
PARTS = 4


def any_fault(chance: random.Random, points: list[Point]) -> tuple[int, Fault]:
    """Effects are few and matter most: each kind of call is as likely as the other."""
    kind = chance.choice(sorted({point.kind for point in points}))
    point = chance.choice([point for point in points if point.kind == kind])
    return point.number, chance.choice(FAULTS[kind])


def twice(seed: int) -> Outcome:
    chance = random.Random(seed)
    scenario = EVERY[chance.choice(sorted(EVERY))]
    first, fault = any_fault(chance, play(scenario).points.reached)
    after = play(scenario, Points({first: fault})).points.reached[first + 1 :]
    second = dict([any_fault(chance, after)]) if after else {}
    return play(scenario, Points({first: fault} | second))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_second_fault(part: int, note: Note) -> None:
    wrong = []
    for seed in range(SEED, SEED + SAMPLES)[part::PARTS]:
        outcome = twice(seed)
        note(outcome)
        if outcome.wrong:
            wrong.append(f"PROXIMITY_SWEEP_SEED={seed} {outcome.told()}")
    assert not wrong, f"{len(wrong)} seeds\n\n" + "\n\n".join(wrong[:3])
