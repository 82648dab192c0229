from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proximity.messaging.event_store import EventStore
from proximity.vault.key import create_key
from support.reconciling import Stage, Wakes
from support.servers import Nats


@pytest.fixture
async def stage(nats: Nats, tmp_path: Path) -> AsyncIterator[Stage]:
    create_key(tmp_path / "vault.key")
    bus = await nats.connect("provisioner")
    made = Stage(nats, tmp_path, bus, EventStore(bus))
    yield made
    for task in list(made.running):
        await made.stop(task)


@pytest.fixture
async def wakes(nats: Nats) -> Wakes:
    return await Wakes.bind(nats)
