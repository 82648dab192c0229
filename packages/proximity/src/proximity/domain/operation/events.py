"""Facts about a command that never became part of its target: subject `proximity.events.operation.<operation id>`."""

from typing import ClassVar

from proximity.domain.model import Event, Json


class CommandRejected(Event):
    """The decider said no. `command` is the command's type, `category` and `target` the aggregate it was for."""

    TYPE: ClassVar[str] = "operation.command_rejected.v1"
    operation_id: str
    command: str
    category: str
    target: str
    code: str
    message: str


class CommandDeadLettered(Event):
    """Nothing could be decided: the command cannot be read, or deciding it failed again and again."""

    TYPE: ClassVar[str] = "operation.command_dead_lettered.v1"
    operation_id: str
    command: str
    category: str
    target: str
    attempts: int
    reason: str
    payload: Json


OperationEvent = CommandRejected | CommandDeadLettered
EVENTS: tuple[type[Event], ...] = (CommandRejected, CommandDeadLettered)
