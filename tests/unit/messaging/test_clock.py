"""The server's clock, whatever the local one says."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.client import Client

from proximity.messaging.clock import ServerClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Server:
    """Answers with its time; the answer takes `delay` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self.asked = 0
        self.monotonic = 100.0
        self._delay = delay

    async def request(self, subject: str, payload: bytes, timeout: float) -> Any:  # noqa: ASYNC109 - the client's own
        self.asked += 1
        self.monotonic += self._delay
        return SimpleNamespace(data=json.dumps({"ts": NOON.isoformat().replace("+00:00", "Z")}).encode())

    def clock(self) -> ServerClock:
        return ServerClock(cast(Client, self), lambda: self.monotonic)


async def test_it_goes_on_with_the_local_monotonic_clock() -> None:
    server = Server()
    clock = server.clock()
    await clock.refresh()
    server.monotonic += 90.5
    assert clock.now() == NOON + timedelta(seconds=90.5)


async def test_half_of_the_round_trip_is_taken_off() -> None:
    server = Server(delay=0.4)
    clock = server.clock()
    await clock.refresh()
    assert abs(clock.now() - NOON - timedelta(seconds=0.2)) < timedelta(microseconds=2)


async def test_it_is_asked_again_only_when_its_word_is_old() -> None:
    server = Server()
    clock = server.clock()
    for step, asked in ((0.0, 1), (30.0, 1), (31.0, 2)):
        server.monotonic += step
        await clock.refresh_if_older(timedelta(minutes=1))
        assert server.asked == asked


def test_before_it_was_asked_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="not been read"):
        Server().clock().now()
