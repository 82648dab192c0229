"""Sending commands, and what still lies undecided."""

import structlog
from pydantic import ValidationError

from proximity.domain.model import Command
from proximity.messaging import direct, subjects
from proximity.messaging.codec import UnknownTypeError, dataschema, encode
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import ReceivedCommand, received
from proximity.messaging.envelope import EnvelopeError, Metadata, Origin, to_headers
from proximity.messaging.publishing import Outgoing, publish_patiently

log = structlog.get_logger(__name__)


class Commands:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def send(self, category: str, aggregate_id: str, command: Command, origin: Origin) -> None:
        """Returns when the command is stored. Its id is the operation's, so that sending it twice stores it once.

        Raises publishing.UnavailableError, RefusedError.
        """
        meta = Metadata(
            id=command.operation_id,
            type=command.TYPE,
            source=self._bus.source,
            time=self._bus.clock.now(),
            causation_id=origin.causation_id,
            correlation_id=origin.correlation_id,
            actor=origin.actor,
            reason=origin.reason,
            traceparent=origin.traceparent,
        )
        headers = to_headers(meta, f"{category}/{aggregate_id}", aggregate_id, dataschema(type(command)))
        message = Outgoing(subjects.command(category, aggregate_id), headers, encode(command))
        await publish_patiently(self._bus, message)

    async def undecided(self) -> list[ReceivedCommand]:
        """What lies in COMMANDS, oldest first, as far as it can be read (what cannot becomes a dead letter soon).

        Raises TimeoutError.
        """
        readable: list[ReceivedCommand] = []
        for message in await direct.all_of(self._bus, subjects.COMMANDS, subjects.ALL_COMMANDS):
            try:
                readable.append(received(message))
            except (EnvelopeError, UnknownTypeError, ValidationError) as error:
                log.warning("a command cannot be read", sequence=message.sequence, reason=type(error).__name__)
        return readable

    async def is_head(self, command: ReceivedCommand) -> bool:
        """Whether it is the oldest undecided one of its aggregate: only that may be decided, which keeps the order.

        A stale answer names an older command, or none: then False, and the command is looked at again later.
        """
        subject = subjects.command(command.category, command.aggregate_id)
        oldest = (await direct.page(self._bus, subjects.COMMANDS, subject, 1, 1)).messages
        return bool(oldest) and oldest[0].sequence == command.sequence
