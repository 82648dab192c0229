"""Figures: what was last seen of a thing. Not truth and without position; only the newest of each thing is kept."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime

from nats.js import JetStreamContext

from proximity.domain.model import Json
from proximity.ending import told_to_end
from proximity.messaging import direct, subjects
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import of_consumer


@dataclass(frozen=True, slots=True)
class Observation:
    """`at`: when JetStream stored it."""

    kind: str
    key: str
    body: Json
    at: datetime


async def publish(bus: Bus, kind: str, key: str, body: Json) -> None:
    """Without waiting for an acknowledgement: the next one comes in seconds."""
    await bus.nc.publish(subjects.observation(kind, key), json.dumps(body).encode())


async def last(bus: Bus, kind: str, under: str = "") -> list[Observation]:
    """The last of each thing of a kind, or of those whose key begins with these tokens. Raises TimeoutError."""
    stored = await direct.all_of(bus, subjects.OBSERVATIONS, subjects.observations_of(kind, under))
    return [
        Observation(*subjects.observation_parts(message.subject), json.loads(message.data), message.stored_at)
        for message in stored
    ]


class Observations:
    """The durable of the projector."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription

    @classmethod
    async def bind(cls, bus: Bus) -> "Observations":
        return cls(
            await bus.js.pull_subscribe_bind(durable=subjects.PROJECTOR_OBSERVATIONS, stream=subjects.OBSERVATIONS)
        )

    async def fetch(self, limit: int, patience: float) -> list[Observation]:
        """What came since, waiting up to `patience` seconds for the first one. Acknowledged as it is returned:
        a lost figure is replaced by the next one.
        """
        try:
            messages = await self._subscription.fetch(limit, timeout=patience)
        except TimeoutError:
            return []
        if told_to_end():  # they come again
            raise asyncio.CancelledError
        found = []
        for message in messages:
            await message.ack()
            kind, key = subjects.observation_parts(message.subject)
            found.append(Observation(kind, key, json.loads(message.data), of_consumer(message).stored_at))
        return found
