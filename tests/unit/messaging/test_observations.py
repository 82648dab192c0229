"""The durable of figures, told to end."""

import asyncio
from typing import Any, cast

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from proximity.messaging.observations import Observations


class Forgetful:
    """Answers although it was told to end, as nats-py does before Python 3.12 if both happen at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.acknowledged = 0

    async def fetch(self, batch: int, timeout: float) -> list[Msg]:  # noqa: ASYNC109 - the signature is the library's
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return [cast(Msg, self)]
        raise AssertionError("nobody sets that")

    async def ack(self) -> None:
        self.acknowledged += 1


async def test_whoever_is_told_to_end_while_figures_arrive_ends_and_they_come_again() -> None:
    subscription: Any = Forgetful()
    durable = Observations(cast(JetStreamContext.PullSubscription, subscription))
    reading = asyncio.create_task(durable.fetch(10, 1.0))
    await subscription.asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert subscription.acknowledged == 0
