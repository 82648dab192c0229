from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.nats_cluster import NatsCluster, start_cluster


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[NatsCluster]:
    """Three NATS servers, prepared as a new installation is."""
    started = await start_cluster(tmp_path / "nats")
    try:
        started.installation_id = await started.prepare()
        yield started
    finally:
        await started.stop()
