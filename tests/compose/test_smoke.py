"""The smoke story on the processes of compose.yaml: its variables, files, order, health checks and proxy work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.processes import ProcessStack
from compose.smoke import verdict
from proximity_launcher.up import postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ProcessStack]:
    made = ProcessStack(tmp_path)
    yield made
    made.close()


@pytest.mark.skipif(
    postgres.cluster(Path("/")).prefix[:1] == ("setpriv",), reason="PostgreSQL can only run as nobody here"
)
def test_main_job_with_blows(stack: ProcessStack) -> None:
    said: list[str] = []
    assert verdict(stack, said.append) == 0, "\n".join(said)
    assert said[-1] == "PASS"
