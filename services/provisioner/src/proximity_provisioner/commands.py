"""The commands as they are delivered: in the order of their aggregate, none lost, none in silence."""

import json
import re
from typing import Any

import structlog
from faststream.nats.message import NatsMessage
from nats.aio.msg import Msg
from pydantic import ValidationError

from proximity.domain.operation.events import CommandDeadLettered
from proximity.messaging import subjects
from proximity.messaging.codec import UnknownTypeError
from proximity.messaging.commands import Commands
from proximity.messaging.delivery import ReceivedCommand, of_consumer, received
from proximity.messaging.envelope import Actor, EnvelopeError, Metadata, Origin, from_headers
from proximity.messaging.event_store import Conflict, UnavailableError
from proximity_provisioner.decide import Decisions
from proximity_provisioner.journal import Journal

log = structlog.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CommandInbox:
    """Acknowledged once what follows is in the log. Only the oldest undecided command of an aggregate is decided; a
    later one is handed back and comes again, a little later each time.
    """

    def __init__(self, commands: Commands, decisions: Decisions, journal: Journal, dead_letter_after: int) -> None:
        self._commands = commands
        self._decisions = decisions
        self._journal = journal
        self._limit = dead_letter_after
        self._failures: dict[int, int] = {}

    async def handle(self, message: NatsMessage) -> None:
        raw = message.raw_message
        deliveries = raw.metadata.num_delivered or 1
        try:
            command = received(raw)
        except (EnvelopeError, UnknownTypeError, ValidationError) as error:
            # another version of Proximity may be able to read it: it is left to others for a while
            await self._failed(message, None, _unreadable(error))
            return
        try:
            if not await self._commands.is_head(command):
                await message.nack(delay=_growing(deliveries))
                return
            await self._decisions.decide(command)
        except (Conflict, UnavailableError, TimeoutError) as error:
            log.warning("not decided yet", operation=command.command.operation_id, reason=str(error))
            await message.nack(delay=_growing(deliveries))
            return
        except Exception as error:
            log.exception("deciding failed", command=command.command.TYPE, operation=command.command.operation_id)
            await self._failed(message, command, f"{type(error).__name__}: {error}")
            return
        self._failures.pop(command.sequence, None)
        await message.ack()
        log.info("decided", command=command.command.TYPE, operation=command.command.operation_id)

    async def _failed(self, message: NatsMessage, command: ReceivedCommand | None, reason: str) -> None:
        raw = message.raw_message
        sequence = of_consumer(raw).sequence
        attempts = self._failures[sequence] = self._failures.get(sequence, 0) + 1
        if attempts < self._limit:
            await message.nack(delay=_growing(attempts))
            return
        try:
            await self._dead_letter(raw, sequence, attempts, reason, command)
        except (Conflict, UnavailableError, TimeoutError) as error:
            log.warning("the dead letter could not be written yet", reason=str(error))
            await message.nack(delay=_growing(attempts))
            return
        del self._failures[sequence]
        await message.ack()

    async def _dead_letter(
        self, raw: Msg, sequence: int, attempts: int, reason: str, command: ReceivedCommand | None
    ) -> None:
        meta = command.metadata if command else _metadata(raw)
        operation_id = meta.id if meta and _ID.fullmatch(meta.id) else f"command-{sequence}"
        category, target = subjects.aggregate(raw.subject)
        event = CommandDeadLettered(
            operation_id=operation_id,
            command=meta.type if meta else "unknown",
            category=category,
            target=target,
            attempts=attempts,
            reason=reason,
            payload=_payload(raw.data),
        )
        origin = Origin.of(meta) if meta else Origin(operation_id, operation_id, Actor("system", "provisioner"))
        await self._journal.append_to_operation(operation_id, event, origin)
        log.error("dead letter", operation=operation_id, attempts=attempts, reason=reason)


def _growing(times: int) -> float:
    """Seconds: 0.1, 0.2, 0.4 ... 10."""
    return float(min(10.0, 0.1 * 2 ** min(times - 1, 10)))


def _metadata(raw: Msg) -> Metadata | None:
    try:
        return from_headers(raw.headers)
    except EnvelopeError:
        return None


def _unreadable(error: Exception) -> str:
    """Without the values: what does not fit may be anything."""
    if isinstance(error, ValidationError):
        wrong = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        return "The command cannot be read: " + "; ".join(wrong)
    return f"The command cannot be read: {error}"


def _payload(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
