"""Wake-ups come when they are due, by the server's clock, and a later word replaces an earlier one."""

from datetime import timedelta

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from proximity.messaging import subjects
from proximity.messaging.connection import Bus, open_connection
from proximity.messaging.delivery import of_consumer
from proximity.messaging.wake import Wake, WakeUp, due
from support.servers import Nats


async def _bind(bus: Bus) -> JetStreamContext.PullSubscription:
    return await bus.js.pull_subscribe_bind(durable=subjects.PROVISIONER_WAKE, stream=subjects.WAKE)


async def _next(durable: JetStreamContext.PullSubscription) -> tuple[WakeUp, Msg]:
    (message,) = await durable.fetch(1, timeout=10)
    await message.ack_sync()
    return due(message), message


async def _lying(nats: Nats) -> int:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    return (await admin.js.stream_info(subjects.WAKE)).state.messages


@pytest.mark.parametrize("service", ["provisioner", "reconciler"])
async def test_now_is_now(nats: Nats, service: str) -> None:
    durable = await _bind(await nats.connect("provisioner"))
    await Wake(await nats.connect(service)).schedule("o1", "sweep", "application", "a1")
    assert (await _next(durable))[0] == WakeUp("o1", "sweep", "application", "a1")
    assert await _lying(nats) == 0


async def test_later_is_not_before(nats: Nats) -> None:
    bus = await nats.connect("provisioner")
    durable, start = await _bind(bus), bus.clock.now()
    await Wake(bus).schedule("o1", "poll", "application", "a1", timedelta(seconds=1))
    wake_up, message = await _next(durable)
    assert wake_up == WakeUp("o1", "poll", "application", "a1")
    waited = of_consumer(message).stored_at - start
    assert timedelta(seconds=0.95) <= waited <= timedelta(seconds=2.5)
    assert await _lying(nats) == 0


async def test_scheduling_again_replaces(nats: Nats) -> None:
    wake, durable = Wake(bus := await nats.connect("provisioner")), await _bind(bus)
    await wake.schedule("o1", "retry", "application", "a1", timedelta(hours=1))
    await wake.schedule("o1", "retry", "application", "a1", timedelta(seconds=0.5))
    await wake.schedule("o1", "deadline", "application", "a1", timedelta(hours=1))
    assert (await _next(durable))[0] == WakeUp("o1", "retry", "application", "a1")
    # the deadline is another kind and still lies there, the first retry does not
    assert await _lying(nats) == 1


async def test_what_fell_due_while_the_server_was_down_comes_when_it_is_back(nats: Nats) -> None:
    bus = await nats.connect("provisioner")
    await Wake(bus).schedule("o1", "deadline", "cluster", "c1", timedelta(seconds=0.5))
    await nats.restart()
    durable = await _bind(await nats.connect("provisioner"))
    assert (await _next(durable))[0] == WakeUp("o1", "deadline", "cluster", "c1")


async def test_several_hints_that_nobody_took_are_one(nats: Nats) -> None:
    wake, durable = Wake(bus := await nats.connect("provisioner")), await _bind(bus)
    for _ in range(5):
        await wake.schedule("o1", "sweep", "application", "a1")
    assert len(await durable.fetch(5, timeout=1)) == 1
