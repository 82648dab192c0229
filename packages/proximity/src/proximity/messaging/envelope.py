"""CloudEvents 1.0 around every message: binary mode of the NATS binding (1.0.3-wip), attributes as `ce-*` headers.

Header names are lower case, because NATS keeps their case; they are read without regard to it. Values are
percent-encoded. `sequence` is not stored: a message's position is known only once it is (it is added on egress).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args
from urllib.parse import unquote_to_bytes

TYPE_PREFIX = "dev.proximity."
MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"

ActorType = Literal["user", "service_account", "api_key", "system"]
_ACTOR_TYPES = frozenset(get_args(ActorType))
_PLAIN = re.compile(r"[\x21\x23\x24\x26-\x7e]*")


class EnvelopeError(Exception):
    """The message is not one of ours: an attribute is missing or malformed. Names the attribute."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is behind it. `id` is opaque: a user's id, never a name or an address."""

    type: ActorType
    id: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a command or an append is caused by.

    The ids of appended events are derived from `causation_id`: the same decision made twice gives the same ids, so one
    causation must lead to one append at most on the same aggregate. `Origin.of(previous event)` gives the next one.
    """

    causation_id: str
    correlation_id: str
    actor: Actor
    reason: str = ""
    traceparent: str = ""

    @classmethod
    def of(cls, message: "HasMetadata | Metadata") -> "Origin":
        """Caused by that message, in the same correlation, on behalf of the same actor."""
        meta = message if isinstance(message, Metadata) else message.metadata
        return cls(meta.id, meta.correlation_id, meta.actor, meta.reason, meta.traceparent)


@dataclass(frozen=True, slots=True)
class Metadata:
    """`time`: when the sender made it, by the server's clock as far as it knew. `version`: the 1-based count of the
    aggregate's events, 0 for a command. `type` is without the `dev.proximity.` of the wire.
    """

    id: str
    type: str
    source: str
    time: datetime
    causation_id: str
    correlation_id: str
    actor: Actor
    reason: str = ""
    traceparent: str = ""
    version: int = 0


class HasMetadata(Protocol):
    @property
    def metadata(self) -> Metadata: ...


E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E_co]):
    """An event as the log has it. `position`: its sequence in EVENTS; `stored_at`: JetStream's time."""

    event: E_co
    metadata: Metadata
    category: str
    aggregate_id: str
    position: int
    stored_at: datetime


def to_headers(meta: Metadata, subject: str, partition_key: str, dataschema: str) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": meta.id,
        "source": meta.source,
        "type": TYPE_PREFIX + meta.type,
        "subject": subject,
        "time": meta.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": dataschema,
        "correlationid": meta.correlation_id,
        "causationid": meta.causation_id,
        "authtype": meta.actor.type,
        "authid": meta.actor.id,
        "partitionkey": partition_key,
    }
    if meta.version:
        attributes["aggregateversion"] = str(meta.version)
    if meta.reason:
        attributes["reason"] = meta.reason
    if meta.traceparent:
        attributes["traceparent"] = meta.traceparent
    headers = {f"ce-{name}": encode_value(value) for name, value in attributes.items()}
    return headers | {"content-type": "application/json", MESSAGE_ID: meta.id}


def from_headers(headers: Mapping[str, str] | None) -> Metadata:
    """Raises EnvelopeError."""
    raw = headers or {}
    if "ce-specversion" not in raw:
        raw = {name.lower(): value for name, value in raw.items()}
    if _required(raw, "specversion") != "1.0":
        raise EnvelopeError("ce-specversion is not 1.0")
    wire_type = _required(raw, "type")
    if not wire_type.startswith(TYPE_PREFIX):
        raise EnvelopeError(f"ce-type does not begin with {TYPE_PREFIX}: {wire_type}")
    actor_type: Any = _required(raw, "authtype")
    if actor_type not in _ACTOR_TYPES:
        raise EnvelopeError(f"ce-authtype is unknown: {actor_type}")
    try:
        time = datetime.fromisoformat(_required(raw, "time"))
        version = int(_optional(raw, "aggregateversion") or 0)
    except ValueError as error:
        raise EnvelopeError(f"ce-time or ce-aggregateversion is malformed: {error}") from error
    return Metadata(
        id=_required(raw, "id"),
        type=wire_type.removeprefix(TYPE_PREFIX),
        source=_required(raw, "source"),
        time=time,
        causation_id=_optional(raw, "causationid"),
        correlation_id=_required(raw, "correlationid"),
        actor=Actor(actor_type, _required(raw, "authid")),
        reason=_optional(raw, "reason"),
        traceparent=_optional(raw, "traceparent"),
        version=version,
    )


def encode_value(value: str) -> str:
    """Percent-encodes space, `"`, `%` and whatever is not printable ASCII, as the binding says."""
    if _PLAIN.fullmatch(value):
        return value
    return "".join(chr(b) if _PLAIN.fullmatch(chr(b)) else f"%{b:02X}" for b in value.encode())


def decode_value(value: str) -> str:
    """Decodes once; a quoted string is accepted. Raises EnvelopeError on invalid UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise EnvelopeError(f"a header is not UTF-8: {value!r}") from error


def _required(raw: Mapping[str, str], name: str) -> str:
    value = raw.get(f"ce-{name}")
    if not value:
        raise EnvelopeError(f"ce-{name} is missing")
    return decode_value(value)


def _optional(raw: Mapping[str, str], name: str) -> str:
    value = raw.get(f"ce-{name}")
    return decode_value(value) if value else ""
