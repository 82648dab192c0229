"""Wake-ups: messages that JetStream delivers later. A hint only: who is woken looks at the state.

One schedule for each operation and kind: scheduling again replaces it. The time is computed from the server's clock,
which is the one it is compared with.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from nats.aio.msg import Msg

from proximity.messaging import subjects
from proximity.messaging.connection import Bus
from proximity.messaging.publishing import Outgoing, publish_patiently

Kind = Literal["poll", "retry", "deadline", "sweep"]
CLOCK_MAY_BE = timedelta(minutes=1)


class WakeUpError(Exception):
    """A wake-up that cannot be read."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    operation_id: str
    kind: Kind
    category: str
    aggregate_id: str


class Wake:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def schedule(
        self, operation_id: str, kind: Kind, category: str, aggregate_id: str, after: timedelta = timedelta()
    ) -> None:
        """Due after that time (0: now). Raises publishing.UnavailableError, RefusedError."""
        body = json.dumps({"category": category, "aggregate_id": aggregate_id}).encode()
        due = subjects.due(operation_id, kind)
        if after <= timedelta():
            await publish_patiently(self._bus, Outgoing(due, {}, body))
            return
        await self._bus.clock.refresh_if_older(CLOCK_MAY_BE)
        at = self._bus.clock.now() + after
        headers = {"Nats-Schedule": f"@at {at.isoformat()}", "Nats-Schedule-Target": due}
        await publish_patiently(self._bus, Outgoing(subjects.schedule(operation_id, kind), headers, body))


def due(message: Msg) -> WakeUp:
    """What a message of the durable `provisioner-wake` says. Raises WakeUpError."""
    try:
        operation_id, kind = subjects.due_parts(message.subject)
        body = json.loads(message.data)
        if kind not in get_args(Kind):
            raise WakeUpError(f"unknown kind: {message.subject}")
        return WakeUp(operation_id, kind, body["category"], body["aggregate_id"])  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError) as error:
        raise WakeUpError(f"not a wake-up: {message.subject}") from error
