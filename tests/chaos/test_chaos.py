"""A bounded run of what `make chaos` does without a bound: real processes, killed and frozen by a fixed plan."""

from pathlib import Path

import pytest

from chaos.report import say
from chaos.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]
SEED, TRIALS = "1", 8


async def test_every_oracle_holds(tmp_path: Path) -> None:
    report = await Run(SEED, TRIALS, tmp_path / "chaos").run()
    say("\n".join(report.lines()))
    assert report.trials == TRIALS
