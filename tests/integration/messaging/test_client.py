"""What we put right in the NATS client: each must still be what the client calls."""

import asyncio
from datetime import timedelta

import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoAnswerError

from proximity.messaging import subjects
from proximity.messaging.client import Client
from proximity.messaging.connection import connect, open_connection
from support.servers import Nats


async def test_after_a_flush_a_subscription_is_known_to_the_server(nats: Nats) -> None:
    """Announced the moment the flush returns, on another connection, which is the faster one: many times."""
    api, projector = await nats.connect("api"), await nats.connect("projector")
    for _ in range(200):
        heard = await api.nc.subscribe(subjects.CHANGES)
        await api.nc.flush()
        await projector.nc.publish(subjects.CHANGES, b"")
        await heard.next_msg(timeout=60)
        await heard.unsubscribe()


async def test_headers_arrive_as_they_were_sent(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    heard = await admin.nc.subscribe("test")
    sent = {"ce-id": "a:b: c", "Nats-Msg-Id": "x", "empty": "", "accents": "Größe"}
    await admin.nc.publish("test", b"", headers=sent)
    assert (await heard.next_msg(timeout=60)).headers == sent


class Meeting(Client):
    """Whoever asks is told to end at the very moment its answer arrives."""

    asking: "asyncio.Task[Msg] | None" = None

    async def _request_sub_callback(self, msg: Msg) -> None:
        await super()._request_sub_callback(msg)
        if self.asking:
            self.asking.cancel()


async def test_whoever_is_told_to_end_while_the_answer_arrives_ends(
    monkeypatch: pytest.MonkeyPatch, nats: Nats
) -> None:
    monkeypatch.setattr("proximity.messaging.connection.Client", Meeting)
    bus = await nats.connect("api")
    assert isinstance(bus.nc, Meeting)
    bus.nc.asking = asyncio.create_task(bus.nc.request(subjects.stream_info(subjects.EVENTS), timeout=60))
    with pytest.raises(asyncio.CancelledError):
        await bus.nc.asking


async def test_a_request_that_nobody_answers_ends_in_time(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    await admin.nc.subscribe("mute")
    with pytest.raises(NoAnswerError):
        await admin.nc.request("mute", timeout=0.05)


async def test_every_service_keeps_to_the_servers_time(monkeypatch: pytest.MonkeyPatch, nats: Nats) -> None:
    """A machine that slept, or whose clock drifts, is put right while it is connected."""
    monkeypatch.setattr("proximity.messaging.connection.CLOCK_EVERY", 0.05)
    bus = await nats.connect("api")
    right = bus.clock.now()
    assert bus.clock._seen is not None
    bus.clock._seen -= timedelta(hours=1)
    async with asyncio.timeout(60):
        while bus.clock.now() < right:  # noqa: ASYNC110 - the server's answer
            await asyncio.sleep(0.01)


async def test_a_server_that_is_not_there_is_told_in_time(monkeypatch: pytest.MonkeyPatch, nats: Nats) -> None:
    monkeypatch.setattr("proximity.messaging.connection.CONNECT_TIMEOUT", 0.5)
    await nats.server.kill()
    with pytest.raises(TimeoutError, match="no NATS server answers"):
        await connect(nats.url, "api", "api", nats.passwords["api"])
