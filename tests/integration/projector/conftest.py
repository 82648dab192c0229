import pytest

from support.projecting import World
from support.servers import Database, Nats


@pytest.fixture
async def world(nats: Nats, database: Database) -> World:
    return await World.of(nats, database)
