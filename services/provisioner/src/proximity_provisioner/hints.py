"""What makes this service look: events that begin something, and wake-ups. A message only names an aggregate: what is
to be done is decided by its state, so that a message twice or too late does no harm.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from faststream.nats.message import NatsMessage

from proximity.messaging import subjects
from proximity.messaging.envelope import EnvelopeError, from_headers
from proximity.messaging.event_store import Loaded
from proximity.messaging.wake import WakeUpError, due
from proximity_provisioner.dispatcher import Dispatcher
from proximity_provisioner.job import growing
from proximity_provisioner.tools import Tools

log = structlog.get_logger(__name__)

# An operation in flight is looked at from time to time, whatever is lost, by whichever replica lives then. Seconds: at
# first, at most, and the share of the time since something happened.
SWEEP = (2.0, 30.0, 0.1)
AHEAD = timedelta(seconds=0.5)
# What other steps follow from is carried on by the replica that wrote it; these need a first look.
BEGINS = ("_requested.v1", ".operation_succeeded.v1", ".operation_failed.v1", ".operation_cancelled.v1")


class Hints:
    def __init__(self, tools: Tools, dispatcher: Dispatcher) -> None:
        self._tools = tools
        self._dispatcher = dispatcher
        # operation -> when it is looked at again, as far as this replica has scheduled that
        self._swept_at: dict[str, datetime] = {}

    async def event(self, message: NatsMessage) -> None:
        """An event of an application or a cluster."""
        raw = message.raw_message
        try:
            begins = from_headers(raw.headers).type.endswith(BEGINS)
        except EnvelopeError:
            begins = True  # whatever it is: the state says
        if begins:
            await self._look_at(*subjects.aggregate(raw.subject))
        await message.ack()

    async def wake_up(self, message: NatsMessage) -> None:
        try:
            wake = due(message.raw_message)
        except WakeUpError as error:
            log.warning("not a wake-up", error=str(error))
        else:
            await self._look_at(wake.category, wake.aggregate_id)
        await message.ack()

    async def _look_at(self, category: str, aggregate_id: str) -> None:
        """First the next look is scheduled, if none lies ahead: should this process die now, somebody looks again."""
        loaded = await self._load(category, aggregate_id)
        operation = getattr(loaded.state, "operation", None) if loaded else None
        if loaded is None or operation is None or loaded.last_stored_at is None:
            return
        now = self._tools.clock.now()
        # the one that is being taken just now may look as if it lay ahead a little: clocks are estimates
        if now + AHEAD >= self._swept_at.get(operation.id, now):
            again = growing(now - loaded.last_stored_at, *SWEEP)
            await self._tools.wake.schedule(operation.id, "sweep", category, aggregate_id, again)
            self._swept_at = {id_: at for id_, at in self._swept_at.items() if at > now} | {operation.id: now + again}
        lane = getattr(loaded.state, "cluster_id", aggregate_id)
        self._dispatcher.submit(category, aggregate_id, lane)

    async def _load(self, category: str, aggregate_id: str) -> Loaded[Any] | None:
        match category:
            case "application":
                return await self._tools.journal.application(aggregate_id)
            case "cluster":
                return await self._tools.journal.cluster(aggregate_id)
        return None
