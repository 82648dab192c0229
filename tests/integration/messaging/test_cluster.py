"""Three NATS servers: one setting says on how many of them everything is kept."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from proximity.messaging import subjects
from proximity.messaging.bootstrap import TooFewServersError, prepare
from proximity.messaging.connection import Bus
from proximity.messaging.permissions import ADMIN
from proximity.messaging.streams import BUCKETS, STREAMS, durables
from support.nats_cluster import NODES, NatsCluster, kept_on, start_cluster
from support.projecting import eventually
from support.servers import Nats

ALL = [config.name or "" for config in (*STREAMS, *BUCKETS)]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[NatsCluster]:
    started = await start_cluster(tmp_path / "nats")
    yield started
    await started.stop()


async def test_an_installation_on_one_server_is_spread_over_three_and_back(cluster: NatsCluster) -> None:
    installation_id = await cluster.prepare(1)
    admin = await cluster.admin()
    for name in ALL:
        await cluster.info(admin, name, kept_on(1))
    assert await cluster.prepare() == installation_id
    for name in ALL:
        await cluster.info(admin, name, kept_on(NODES))
    for stream, durable in durables():
        await eventually(partial(consumer_kept_on, admin, stream, durable.durable_name or "", NODES))
    # nobody has to name the number again to keep it
    assert await cluster.prepare(None) == installation_id
    await cluster.info(admin, subjects.EVENTS, kept_on(NODES))
    assert await cluster.prepare(1) == installation_id
    await cluster.info(admin, subjects.EVENTS, kept_on(1))


async def consumer_kept_on(admin: Bus, stream: str, durable: str, copies: int) -> bool:
    """It follows its stream, once that is everywhere."""
    cluster = (await admin.js.consumer_info(stream, durable)).cluster
    return cluster is not None and len(cluster.replicas or []) == copies - 1


async def test_one_server_cannot_keep_three_copies_and_says_so(nats: Nats) -> None:
    with pytest.raises(TooFewServersError, match=r"cannot be kept on 3 NATS servers.*cluster of at least 3"):
        await prepare(nats.url, ADMIN, nats.passwords[ADMIN], 3)
    assert await nats.prepare() == nats.installation_id
