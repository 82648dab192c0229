"""From a stored or delivered message to what the domain understands."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.aio.msg import Msg

from proximity.domain.model import Command
from proximity.messaging import subjects
from proximity.messaging.codec import decode_command, decode_event
from proximity.messaging.direct import StoredMessage
from proximity.messaging.envelope import Metadata, Recorded, from_headers

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """`sequence`: where it lies in COMMANDS."""

    command: Command
    metadata: Metadata
    category: str
    aggregate_id: str
    sequence: int


def recorded(message: Msg | StoredMessage) -> Recorded[Any]:
    """Raises EnvelopeError, UnknownTypeError, pydantic.ValidationError."""
    stored = message if isinstance(message, StoredMessage) else of_consumer(message)
    meta = from_headers(stored.headers)
    category, aggregate_id = subjects.aggregate(stored.subject)
    event = decode_event(meta.type, stored.data)
    return Recorded(event, meta, category, aggregate_id, stored.sequence, stored.stored_at)


def received(message: Msg | StoredMessage) -> ReceivedCommand:
    """Raises EnvelopeError, UnknownTypeError, pydantic.ValidationError."""
    stored = message if isinstance(message, StoredMessage) else of_consumer(message)
    meta = from_headers(stored.headers)
    category, aggregate_id = subjects.aggregate(stored.subject)
    return ReceivedCommand(decode_command(meta.type, stored.data), meta, category, aggregate_id, stored.sequence)


def of_consumer(message: Msg) -> StoredMessage:
    """A message a consumer delivered, in the form Direct Get has it."""
    # $JS.ACK[.<domain>.<account>].<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>
    # Read here, because the client makes a float of the time: both ways of reading must give the same microsecond.
    tokens = message.reply.split(".")
    shift = 0 if len(tokens) == 9 else 2
    stored_at = _EPOCH + timedelta(microseconds=int(tokens[7 + shift]) // 1000)
    return StoredMessage(message.subject, int(tokens[5 + shift]), stored_at, message.headers or {}, message.data)
