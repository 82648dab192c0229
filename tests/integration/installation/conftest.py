from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.nats_cluster import NatsCluster, start_cluster


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
