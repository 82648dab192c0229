"""What makes this service look: events that begin something, and wake-ups. A message only names an aggregate: what is
to be done is decided by its state, so that a message twice or too late does no harm.
"""

from datetime import timedelta

import structlog
from faststream.nats.message import NatsMessage

from proximity.messaging import subjects
from proximity.messaging.envelope import EnvelopeError, from_headers
from proximity.messaging.wake import WakeUpError, due
from proximity_provisioner.dispatcher import Dispatcher
from proximity_provisioner.tools import Tools

log = structlog.get_logger(__name__)

# An operation in flight is looked at this often, whatever is lost: by whichever replica lives then.
SWEEP = timedelta(seconds=2)
# What other steps follow from is carried on by the replica that wrote it; these need a first look.
BEGINS = ("_requested.v1", ".operation_succeeded.v1", ".operation_failed.v1", ".operation_cancelled.v1")


class Hints:
    def __init__(self, tools: Tools, dispatcher: Dispatcher) -> None:
        self._tools = tools
        self._dispatcher = dispatcher

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
        """First the next look is scheduled: should this process die now, somebody looks again."""
        operation_id = await self._in_flight(category, aggregate_id)
        if operation_id is None:
            return
        await self._tools.wake.schedule(operation_id, "sweep", category, aggregate_id, SWEEP)
        self._dispatcher.submit(category, aggregate_id)

    async def _in_flight(self, category: str, aggregate_id: str) -> str | None:
        journal = self._tools.journal
        match category:
            case "application":
                application = (await journal.application(aggregate_id)).state
                operation = getattr(application, "operation", None)
            case "cluster":
                cluster = (await journal.cluster(aggregate_id)).state
                operation = getattr(cluster, "operation", None)
            case _:
                operation = None
        return operation.id if operation else None
