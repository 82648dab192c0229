"""A whole `proximity up`: one that the tests of a module share, and one of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.whole import Whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Set up, with the simulated cluster connected."""
    started = Whole(tmp_path_factory.mktemp("whole"), "--provisioners", "2")
    try:
        started.start()
        started.set_up()
        started.connect_simulator()
        yield started
    finally:
        started.close()


@pytest.fixture
def own_whole(tmp_path: Path) -> Iterator[Whole]:
    """Not started yet."""
    made = Whole(tmp_path)
    yield made
    made.close()
