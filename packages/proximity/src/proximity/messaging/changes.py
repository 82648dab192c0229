"""The projector's word to the api that read models changed. It may be lost: the api catches up by position."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from proximity.messaging import subjects
from proximity.messaging.connection import Bus


@dataclass(frozen=True, slots=True)
class Change:
    """The read models of `epoch` are at `position` now."""

    epoch: str
    position: int


async def announce(bus: Bus, change: Change) -> None:
    body = json.dumps({"epoch": change.epoch, "position": change.position}).encode()
    await bus.nc.publish(subjects.CHANGES, body)


async def subscribe(bus: Bus, on_change: Callable[[Change], Awaitable[None]]) -> Subscription:
    """Calls `on_change` for each announcement, one after the other."""

    async def heard(message: Msg) -> None:
        body = json.loads(message.data)
        await on_change(Change(body["epoch"], body["position"]))

    return await bus.nc.subscribe(subjects.CHANGES, cb=heard)
