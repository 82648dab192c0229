"""The simulator answers as the recorded Proxmox VE did.

`known.json` lists where it does not, and why; the list may only shrink.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from .__main__ import summary
from .recording import Recording
from .session import Result, replay

HERE = Path(__file__).parent
STATUS_BOUND, OTHER_BOUND = 10, 40


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return asyncio.run(replay(Recording.read(HERE / "golden.json")))


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """Entry -> why it differs."""
    listed: dict[str, Any] = json.loads((HERE / "known.json").read_text())
    return listed


def test_differs_only_where_known(results: list[Result], known: dict[str, Any]) -> None:
    new = {result.id: result.differences for result in results if result.differences and result.id not in known}
    assert not new


def test_what_no_longer_differs_leaves_the_list(results: list[Result], known: dict[str, Any]) -> None:
    assert not known.keys() - {result.id for result in results if result.differences}


def test_every_known_difference_has_its_reason(known: dict[str, Any]) -> None:
    assert all(isinstance(reason, str) and len(reason) > 10 for reason in known.values())


def test_differs_no_more_than_allowed(results: list[Result]) -> None:
    status = sum(result.status_differs for result in results)
    differing = sum(bool(result.differences) for result in results)
    assert len(results) == 598
    assert status <= STATUS_BOUND, summary(results)
    assert differing - status <= OTHER_BOUND, summary(results)
