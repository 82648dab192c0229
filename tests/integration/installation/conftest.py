from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proximity.vault.key import create_key
from support.nats_cluster import NatsCluster, start_cluster
from support.servers import Engine, Nats, start_empty


@pytest.fixture
async def empty(server_engine: Engine, tmp_path: Path) -> AsyncIterator[Nats]:
    """A NATS server with its users and nothing else."""
    started = await start_empty(server_engine, tmp_path / "empty")
    yield started
    await started.closing.aclose()
    await started.server.stop()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    create_key(tmp_path / "vault.key")
    return tmp_path / "vault.key"


@pytest.fixture
async def empty_cluster(tmp_path: Path) -> AsyncIterator[NatsCluster]:
    """Three NATS servers that have found each other."""
    started = await start_cluster(tmp_path / "nats")
    yield started
    await started.stop()


@pytest.fixture
async def cluster(empty_cluster: NatsCluster) -> NatsCluster:
    """Prepared as a new installation is."""
    empty_cluster.installation_id = await empty_cluster.prepare()
    return empty_cluster
