"""Type string and JSON body <-> the domain's commands and events."""

import json
from functools import cache
from hashlib import sha256

from pydantic import BaseModel

from proximity.domain.application import commands as application_commands
from proximity.domain.cluster import commands as cluster_commands
from proximity.domain.guest import commands as guest_commands
from proximity.domain.model import Command, Event
from proximity.messaging.aggregates import AGGREGATES
from proximity.messaging.upcasters import UPCASTERS, Upcasters, upcast

EVENT_TYPES: dict[str, type[Event]] = {e.TYPE: e for aggregate in AGGREGATES.values() for e in aggregate.events}
COMMAND_TYPES: dict[str, type[Command]] = {
    c.TYPE: c for c in (*application_commands.COMMANDS, *cluster_commands.COMMANDS, *guest_commands.COMMANDS)
}


class UnknownTypeError(Exception):
    """A message of a type this version of Proximity does not know (a newer one wrote it?)."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"unknown message type {type_}")
        self.type = type_


def encode(message: Event | Command) -> bytes:
    return message.model_dump_json().encode()


def decode_event(type_: str, data: bytes, upcasters: Upcasters = UPCASTERS) -> Event:
    """Raises UnknownTypeError, or pydantic's ValidationError for a body that does not fit its type."""
    if type_ in upcasters:
        type_, body = upcast(type_, json.loads(data), upcasters)
        return _event_class(type_).model_validate(body)
    return _event_class(type_).model_validate_json(data)


def decode_command(type_: str, data: bytes) -> Command:
    """Raises UnknownTypeError, or pydantic's ValidationError for a body that does not fit its type."""
    if (found := COMMAND_TYPES.get(type_)) is None:
        raise UnknownTypeError(type_)
    return found.model_validate_json(data)


@cache
def dataschema(type_: type[Event] | type[Command]) -> str:
    """An immutable name of the body's schema: it changes whenever the schema does, also compatibly."""
    return f"urn:proximity:schema:{type_.TYPE}:{_fingerprint(type_)}"


def _fingerprint(type_: type[BaseModel]) -> str:
    return sha256(json.dumps(type_.model_json_schema(), sort_keys=True).encode()).hexdigest()[:16]


def _event_class(type_: str) -> type[Event]:
    if (found := EVENT_TYPES.get(type_)) is None:
        raise UnknownTypeError(type_)
    return found
