"""The other ways messages take: consumers, FastStream, observations, announcements, documents."""

import asyncio
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage
from faststream.nats.security import NatsUserPassword
from nats.js.api import AckPolicy as ConsumerAck
from nats.js.api import ConsumerConfig, DeliverPolicy

from proximity.domain.application.commands import StartApplication
from proximity.messaging import changes, direct, observations, subjects
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.buckets import credentials, sessions
from proximity.messaging.changes import Change
from proximity.messaging.commands import Commands
from proximity.messaging.delivery import ReceivedCommand, received, recorded
from proximity.messaging.event_store import EventStore
from proximity.messaging.observations import Observations
from support.messages import deploy_requested, new_id, origin
from support.servers import Nats


async def test_a_consumer_and_direct_get_give_the_same(nats: Nats) -> None:
    """To the microsecond: a read model rebuilt by the one must equal that kept by the other."""
    store = EventStore(await nats.connect("provisioner"))
    loaded: Any = await store.load(APPLICATION, "a1")
    for _ in range(20):
        loaded = await store.append(APPLICATION, "a1", loaded, [deploy_requested()] * 2, origin())
    bus = await nats.connect("projector")
    consumer = await bus.js.pull_subscribe(
        subjects.ALL_EVENTS,
        stream=subjects.EVENTS,
        config=ConsumerConfig(
            name="projector-test",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=2,
            ack_policy=ConsumerAck.NONE,
            inactive_threshold=5.0,
        ),
    )
    delivered = [recorded(m) for m in await consumer.fetch(40)]
    assert delivered == await store.read(1)
    assert len(delivered) == 40


async def test_faststream_as_the_restricted_user(nats: Nats) -> None:
    """Its subscribers have an inbox of their own; the command arrives there, is acknowledged and gone."""
    refusals: list[str] = []

    async def on_error(error: Exception) -> None:
        refusals.append(str(error))

    broker = NatsBroker(
        nats.url,
        security=NatsUserPassword("provisioner", nats.passwords["provisioner"]),
        inbox_prefix=subjects.inbox("provisioner").encode(),
        error_cb=on_error,
        ack_policy=AckPolicy.MANUAL,
    )
    arrived: asyncio.Queue[ReceivedCommand] = asyncio.Queue()

    @broker.subscriber(
        subjects.ALL_COMMANDS,
        durable=subjects.PROVISIONER_COMMANDS,
        stream=JStream(subjects.COMMANDS, declare=False),
        pull_sub=PullSub(batch_size=1),
        inbox_prefix=f"{subjects.inbox('provisioner')}.".encode(),
    )
    async def handle(message: NatsMessage) -> None:
        arrived.put_nowait(received(message.raw_message))
        await message.ack()

    commands, command = Commands(await nats.connect("api")), StartApplication(operation_id=new_id(), application_id="a")
    await broker.start()
    try:
        await commands.send("application", "a", command, origin())
        assert (await asyncio.wait_for(arrived.get(), 60)).command == command
        async with asyncio.timeout(5):
            while True:
                if not await commands.undecided():
                    break
    finally:
        await broker.stop()
    assert refusals == []


async def test_only_the_newest_observation_of_each_thing_arrives(nats: Nats) -> None:
    reconciler = await nats.connect("reconciler")
    for cpu in (1, 2, 3):
        await observations.publish(reconciler, "node", "c1/pve1", {"cpu": cpu})
    await observations.publish(reconciler, "storage", "c1/pve1/local", {"used": 7})
    projector = await nats.connect("projector")
    async with asyncio.timeout(60):
        while True:
            stored = await direct.all_of(projector, subjects.OBSERVATIONS, subjects.ALL_OBSERVATIONS)
            if stored and stored[-1].subject == subjects.observation("storage", "c1/pve1/local"):
                break
    durable = await Observations.bind(projector)
    found = await durable.fetch(10, 5.0)
    if len(found) < 2:
        found += await durable.fetch(10, 5.0)
    assert {(o.kind, o.key, str(o.body)) for o in found} == {
        ("node", "c1/pve1", "{'cpu': 3}"),
        ("storage", "c1/pve1/local", "{'used': 7}"),
    }
    assert await durable.fetch(10, 0.1) == []


async def test_a_change_is_announced(nats: Nats) -> None:
    heard: asyncio.Queue[Change] = asyncio.Queue()
    api, projector = await nats.connect("api"), await nats.connect("projector")
    await changes.subscribe(api, heard.put)
    await api.nc.flush()
    await changes.announce(projector, Change("e1", 7))
    assert await asyncio.wait_for(heard.get(), 60) == Change("e1", 7)


async def test_documents(nats: Nats) -> None:
    for documents in (credentials(api := await nats.connect("api")), sessions(api)):
        assert await documents.get("u1") is None
        assert await documents.create("u1", {"hash": "x"})
        assert not await documents.create("u1", {"hash": "y"})
        await documents.put("u1", {"hash": "z"})
        assert await documents.get("u1") == {"hash": "z"}
        await documents.delete("u1")
        assert await documents.get("u1") is None
        assert await documents.create("u1", {"hash": "again"})
        assert await documents.get("u1") == {"hash": "again"}
