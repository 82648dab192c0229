"""Commands: stored once, decided in order, delivered again when nobody acknowledged."""

import asyncio

from nats.js import JetStreamContext

from proximity.domain.application.commands import StartApplication, StopApplication
from proximity.messaging import subjects
from proximity.messaging.commands import Commands
from proximity.messaging.delivery import received
from support.messages import new_id, origin
from support.servers import Nats


async def _bind(nats: Nats) -> JetStreamContext.PullSubscription:
    bus = await nats.connect("provisioner")
    return await bus.js.pull_subscribe_bind(durable=subjects.PROVISIONER_COMMANDS, stream=subjects.COMMANDS)


async def test_a_command_arrives_as_it_was_sent(nats: Nats) -> None:
    commands, cause = Commands(await nats.connect("api")), origin(reason="night shift")
    sent = StartApplication(operation_id=cause.correlation_id, application_id="a1")
    await commands.send("application", "a1", sent, cause)
    (message,) = await (await _bind(nats)).fetch(1)
    command = received(message)
    assert command.command == sent
    assert (command.category, command.aggregate_id) == ("application", "a1")
    assert (command.metadata.id, command.metadata.reason) == (sent.operation_id, "night shift")
    assert await commands.undecided() == [command]


async def test_a_command_sent_twice_is_stored_once(nats: Nats) -> None:
    commands = Commands(await nats.connect("api"))
    command = StartApplication(operation_id=new_id(), application_id="a1")
    for _ in range(3):
        await commands.send("application", "a1", command, origin())
    assert [c.command for c in await commands.undecided()] == [command]


async def test_a_command_nobody_can_read_does_not_hide_the_others(nats: Nats) -> None:
    bus = await nats.connect("api")
    commands, command = Commands(bus), StartApplication(operation_id=new_id(), application_id="a1")
    await bus.js.publish(subjects.command("application", "a0"), b"{}", headers={"ce-type": "dev.proximity.fly.v1"})
    await commands.send("application", "a1", command, origin())
    assert [c.command for c in await commands.undecided()] == [command]


async def test_what_is_not_acknowledged_comes_again_and_what_is_acknowledged_is_gone(nats: Nats) -> None:
    commands, durable = Commands(await nats.connect("api")), await _bind(nats)
    await commands.send("application", "a1", StartApplication(operation_id="o1", application_id="a1"), origin())
    (first,) = await durable.fetch(1)
    await first.nak()
    (again,) = await durable.fetch(1)
    assert received(again) == received(first)
    assert again.metadata.num_delivered == 2
    await again.ack_sync()
    assert await commands.undecided() == []


async def test_only_the_oldest_command_of_an_aggregate_is_the_head(nats: Nats) -> None:
    commands, durable = Commands(await nats.connect("provisioner")), await _bind(nats)
    sender = Commands(await nats.connect("api"))
    await sender.send("application", "a1", StartApplication(operation_id="o1", application_id="a1"), origin())
    await sender.send("application", "a1", StopApplication(operation_id="o2", application_id="a1"), origin())
    await sender.send("application", "a2", StopApplication(operation_id="o3", application_id="a2"), origin())
    messages = await durable.fetch(3)
    first, second, other = (received(m) for m in messages)
    assert [await commands.is_head(c) for c in (first, second, other)] == [True, False, True]
    await messages[0].ack_sync()
    assert [await commands.is_head(c) for c in (first, second)] == [False, True]


async def test_two_replicas_share_the_durable(nats: Nats) -> None:
    sender, replicas = Commands(await nats.connect("api")), [await _bind(nats), await _bind(nats)]
    for number in range(10):
        command = StartApplication(operation_id=f"o{number}", application_id=f"a{number}")
        await sender.send("application", f"a{number}", command, origin())
    batches = await asyncio.gather(*(replica.fetch(5) for replica in replicas))
    ids = [received(m).metadata.id for batch in batches for m in batch]
    assert sorted(ids) == [f"o{n}" for n in range(10)]
