"""What every command and every event has in common."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Command(BaseModel):
    """A request that may be refused. `operation_id` is its command id and the correlation id of all that follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TYPE: ClassVar[str]
    operation_id: str


class Event(BaseModel):
    """A fact. Its type string is written out and never derived from the class, so that classes can move.

    Unknown fields are ignored on reading: a newer version of Proximity may have added them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]


Json = dict[str, Any]
