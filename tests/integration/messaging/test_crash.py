"""The server is killed in the middle of appends: what was acknowledged is there, and nothing is there twice."""

import asyncio
from collections import Counter

import pytest

from proximity.domain.application import events as ev
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.event_store import EventStore
from support.messages import deploy_requested, deploy_wishes, new_id, origin
from support.servers import Nats

pytestmark = pytest.mark.slow


async def test_a_killed_server_loses_nothing_acknowledged_and_stores_nothing_twice(nats: Nats) -> None:
    store = EventStore(await nats.connect("provisioner"))
    acknowledged = Counter[str]()
    grown, stop = asyncio.Condition(), asyncio.Event()

    async def writer(number: int) -> None:
        """A batch with claims first, then single events, each retried by the store until it is acknowledged."""
        application_id = f"a{number}"
        event = deploy_requested(f"app{number}", operation_id=new_id())
        loaded = await store.load(APPLICATION, application_id)
        loaded = await store.append(
            APPLICATION, application_id, loaded, [event], origin(), deploy_wishes(application_id, event)
        )
        acknowledged[application_id] += 1
        while not stop.is_set():
            burst = [ev.ContainerConfigured(operation_id=event.operation_id)] * (1 + acknowledged[application_id] % 3)
            loaded = await store.append(APPLICATION, application_id, loaded, burst, origin())
            acknowledged[application_id] += len(burst)
            async with grown:
                grown.notify_all()

    writers = [asyncio.create_task(writer(n)) for n in range(6)]
    for enough in (30, 60, 90):
        async with asyncio.timeout(90), grown:
            await grown.wait_for(lambda enough=enough: acknowledged.total() >= enough)  # type: ignore[misc]
        await nats.restart()
    stop.set()
    await asyncio.gather(*writers)

    assert acknowledged.total() > 90
    cold = EventStore(await nats.connect("api"))
    stored = {a: (await cold.load(APPLICATION, a)).version for a in acknowledged}
    assert stored == dict(acknowledged)
    ids = [e.metadata.id for e in await cold.read(0, limit=100_000)]
    assert len(ids) == len(set(ids))
    assert await cold.load(APPLICATION, "a0") == await store.load(APPLICATION, "a0")
