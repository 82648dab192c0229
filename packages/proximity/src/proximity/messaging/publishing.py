"""Publishing to a stream and knowing that it is stored: one message, or several as one atomic batch (NATS ADR-50)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import nats.errors

from proximity.messaging.connection import Bus
from proximity.messaging.envelope import EXPECTED_SEQUENCE

WRONG_LAST_SEQUENCE = 10071
DUPLICATE_IN_BATCH = 10201
# JetStream is starting or electing, a batch was cut off by a reconnect, or (in a cluster) another message of that
# subject (10164) or the same one (10158) is on its way to the other servers: the same may be tried again
TRANSIENT = frozenset({10008, 10009, 10023, 10026, 10074, 10077, 10118, 10158, 10164, 10176, 10210})


class NotStoredError(Exception):
    """Refused because of an expected sequence or of an id that is stored already; which of the subjects is not said."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}")
        self.duplicate = code == DUPLICATE_IN_BATCH


class UnavailableError(Exception):
    """NATS did not answer: whether it was stored is unknown. The same may be tried again without harm."""


class PublishError(Exception):
    """JetStream refuses the message for a reason of its own."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`expected`: the last sequence its subject must have (0: none); None: whatever it has."""

    subject: str
    headers: dict[str, str]
    data: bytes
    expected: int | None = None

    def all_headers(self) -> dict[str, str]:
        return self.headers if self.expected is None else self.headers | {EXPECTED_SEQUENCE: str(self.expected)}


@dataclass(frozen=True, slots=True)
class Stored:
    """`sequence`: of the (last) message. `duplicate`: its id was known, nothing was stored now."""

    sequence: int
    duplicate: bool


async def publish(bus: Bus, messages: Sequence[Outgoing]) -> Stored:
    """All or nothing. Raises NotStoredError, PublishError, RefusedError, TimeoutError (stored or not: unknown)."""
    try:
        if len(messages) == 1:
            return _answer(await bus.request(messages[0].subject, messages[0].data, messages[0].all_headers()))
        return await _publish_batch(bus, messages)
    except nats.errors.TimeoutError:
        raise
    except nats.errors.Error as error:
        raise TimeoutError(f"the connection to NATS failed: {error!r}") from error


async def publish_patiently(bus: Bus, message: Outgoing, patience: float = 10.0) -> Stored:
    """Tries again while NATS does not answer: for messages that may come twice, or have an id.

    Raises UnavailableError after `patience` seconds, NotStoredError, PublishError, RefusedError.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await publish(bus, [message])
        except TimeoutError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise UnavailableError(f"NATS did not acknowledge a message on {message.subject}") from error
            await asyncio.sleep(0.1)


async def _publish_batch(bus: Bus, messages: Sequence[Outgoing]) -> Stored:
    batch = uuid4().hex
    for number, message in enumerate(messages, 1):
        headers = message.all_headers() | {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        if number == len(messages):
            return _answer(await bus.request(message.subject, message.data, headers | {"Nats-Batch-Commit": "1"}))
        if number == 1:
            # an empty answer means that the batch is open
            if opened := await bus.request(message.subject, message.data, headers):
                return _answer(opened)
        else:
            await bus.nc.publish(message.subject, message.data, headers=headers)
    raise ValueError("an empty batch")


def _answer(data: bytes) -> Stored:
    answer: dict[str, Any] = json.loads(data)
    error = answer.get("error")
    if error is None:
        return Stored(answer["seq"], answer.get("duplicate", False))
    code, description = error.get("err_code", 0), error.get("description", "")
    if code in (WRONG_LAST_SEQUENCE, DUPLICATE_IN_BATCH):
        raise NotStoredError(code, description)
    if code in TRANSIENT:
        raise TimeoutError(f"{code} {description}")
    raise PublishError(f"{code} {description}")
