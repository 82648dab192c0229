"""Two replicas at once, both told everything, in an order and with faults that a seed decides.

PROXIMITY_SWEEP_SEED: where the seeds begin; PROXIMITY_SWEEP_SAMPLES: how many. A seed replays:
`PROXIMITY_SWEEP_SEED=7 PROXIMITY_SWEEP_SAMPLES=1 pytest tests/sweep/test_two_replicas.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proximity.domain.application import events as ev
from sweep.conftest import Note
from sweep.runs import Outcome, interleaved

SEED = int(os.environ.get("PROXIMITY_SWEEP_SEED", "1"))
SAMPLES = int(os.environ.get("PROXIMITY_SWEEP_SAMPLES", "250"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_the_order(part: int, note: Note) -> None:
    wrong, struck, unseen = [], set[str](), 0
    seeds = range(SEED, SEED + SAMPLES)[part::PARTS]
    for seed in seeds:
        outcome = interleaved(seed)
        note(outcome)
        unseen += sum(isinstance(record.event, ev.TaskEndedUnseen) for record in outcome.world.events())
        struck |= {fault.mode for _, fault in outcome.points.struck}
        if outcome.wrong:
            wrong.append(f"PROXIMITY_SWEEP_SEED={seed} {outcome.told()}")
    assert not wrong, f"{len(wrong)} of {len(seeds)} seeds\n\n" + "\n\n".join(wrong[:3])
    assert len(seeds) < 50 or unseen, "nobody was told of a task"
    assert len(seeds) < 50 or struck >= {"dies before", "away", "frozen", "unleased"}, "that tried little"


def trace(outcome: Outcome) -> str:
    """All that is in the log, with its times and where the faults struck."""
    records = [f"{r.stored_at.isoformat()} {r.metadata.id} {r.event!r}" for r in outcome.world.events()]
    return "\n".join([*records, *(f"{point} {fault}" for point, fault in outcome.points.struck)])


def test_a_seed_tells_the_same_story_each_time() -> None:
    for seed in range(SEED, SEED + 5):
        assert trace(interleaved(seed)) == trace(interleaved(seed))


@pytest.mark.parametrize("hashes", ["1", "2"])
def test_also_in_another_process(hashes: str) -> None:
    """Where sets of texts have another order."""
    code = f"from sweep.test_two_replicas import *; print(trace(interleaved({SEED})))"
    environment = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": str(Path(__file__).parent.parent)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == trace(interleaved(SEED))
