"""Appends corrections, each with the sequence that was compared with."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import structlog

from proximity.domain.application.decider import record
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.model import Event
from proximity.messaging.aggregates import APPLICATION, Aggregate
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict, EventStore, Loaded

log = structlog.get_logger(__name__)

ME = Actor("system", "reconciler")
# so many appends are under way at once
AT_ONCE = 8
# of so many corrections a line of our log tells the events
NAMED = 5

Entry = tuple[str, Loaded[Any], Sequence[Event]]


class Writer:
    """`wrote`: is told the cause of each correction before it is appended."""

    def __init__(self, store: EventStore, cluster_id: str, wrote: Callable[[str], None]) -> None:
        self._store = store
        self._wrote = wrote
        self._cluster_id = cluster_id

    async def append(
        self, aggregate: Aggregate[Any], aggregate_id: str, loaded: Loaded[Any], events: Sequence[Event]
    ) -> None:
        """Nothing if the log went on: the next sweep compares with what is true then. Raises TimeoutError,
        UnavailableError.
        """
        await self.append_all(aggregate, [(aggregate_id, loaded, events)])

    async def append_all(self, aggregate: Aggregate[Any], entries: Iterable[Entry]) -> None:
        """Several of one kind, some at once. Raises as append does, when all were tried."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(entry: Entry) -> bool:
            async with free:
                return await self._append(aggregate, entry)

        entries = [entry for entry in entries if entry[2]]
        outcomes = await asyncio.gather(*map(one, entries), return_exceptions=True)
        written = [entry for entry, outcome in zip(entries, outcomes, strict=True) if outcome is True]
        if written:
            # thousands of guests may be new at once: the log is not where they are listed
            named = {
                f"{aggregate.category}/{key}": [event.TYPE for event in events] for key, _, events in written[:NAMED]
            }
            log.info("corrected", cluster=self._cluster_id, aggregates=len(written), events=named)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def append_to_operation(self, application_id: str, event: ApplicationEvent) -> None:
        """A fact of the operation in flight, if it is one still and news. It is in the name of whoever asked for the
        operation, for so is all that follows from it. Raises as append does.
        """
        loaded = await self._store.load(APPLICATION, application_id)
        events = record(loaded.state, event)
        if events and loaded.last_origin:
            origin = replace(loaded.last_origin, causation_id=str(uuid4()), correlation_id=event.operation_id)
            if await self._try(APPLICATION, (application_id, loaded, events), origin):
                log.info("told", cluster=self._cluster_id, application=application_id, type=event.TYPE)

    async def _append(self, aggregate: Aggregate[Any], entry: Entry) -> bool:
        # an id of its own: the same finding may come again later, and is another occurrence then
        occurrence = str(uuid4())
        self._wrote(occurrence)
        return await self._try(aggregate, entry, Origin(occurrence, occurrence, ME, "observed"))

    async def _try(self, aggregate: Aggregate[Any], entry: Entry, origin: Origin) -> bool:
        aggregate_id, loaded, events = entry
        try:
            await self._store.append(aggregate, aggregate_id, loaded, events, origin)
        except Conflict:
            log.info("not corrected: the log went on", aggregate=f"{aggregate.category}/{aggregate_id}")
            return False
        return True
