"""The smoke story on the processes of compose.yaml: its variables, files, order, health checks and proxy work."""

from collections.abc import Iterator
from http.client import BadStatusLine
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from compose.processes import ProcessStack
from compose.smoke import Stack, verdict
from proximity_launcher.up import postgres


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ProcessStack]:
    made = ProcessStack(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("trouble", [AssertionError(), BadStatusLine("?"), KeyError("status"), ConnectionError()])
def test_whatever_goes_wrong_the_last_line_is_the_verdict(trouble: Exception) -> None:
    said: list[str] = []
    stack = create_autospec(Stack, instance=True)
    stack.up.side_effect = trouble
    assert verdict(stack, said.append) == 1
    assert said[-1] == "FAIL"


@pytest.mark.slow
@pytest.mark.skipif(
    postgres.cluster(Path("/")).prefix[:1] == ("setpriv",), reason="PostgreSQL can only run as nobody here"
)
def test_main_job_with_blows(stack: ProcessStack) -> None:
    said: list[str] = []
    assert verdict(stack, said.append) == 0, "\n".join(said)
    assert said[-1] == "PASS"
