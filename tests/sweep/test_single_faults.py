"""One fault at every point of every operation: before, after and instead of each call on the log and on Proxmox."""

import time

import pytest

from sweep.points import Points
from sweep.runs import play, singles
from sweep.scenarios import SCENARIOS

PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_fault_at_every_point(name: str, part: int) -> None:
    began, hours = time.perf_counter(), 0.0
    runs = singles(SCENARIOS[name])[part::PARTS]
    wrong = []
    for _, plan in runs:
        outcome = play(SCENARIOS[name], Points(plan))
        hours += outcome.seconds / 3600
        if outcome.violations:
            wrong.append(outcome.told())
    print(f"{name}: {len(runs)} runs, {hours:.1f} virtual hours, {time.perf_counter() - began:.1f} s")
    assert runs
    assert not wrong, f"{len(wrong)} of {len(runs)} runs\n\n" + "\n\n".join(wrong[:3])
