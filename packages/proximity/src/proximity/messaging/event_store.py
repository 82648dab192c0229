"""The log: one aggregate is one subject of EVENTS, appended with the expected last sequence of that subject."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from proximity.domain.claim import claim
from proximity.domain.claim.claim import ClaimRefusedError, Wish
from proximity.domain.ids import event_id
from proximity.domain.model import Event
from proximity.messaging import direct, subjects
from proximity.messaging.aggregates import CLAIM, Aggregate
from proximity.messaging.codec import dataschema, encode
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import recorded
from proximity.messaging.direct import StoredMessage
from proximity.messaging.envelope import MESSAGE_ID, Metadata, Origin, Recorded, to_headers
from proximity.messaging.publishing import NotStoredError, Outgoing, UnavailableError, publish

__all__ = ["Conflict", "EventStore", "Loaded", "OriginReusedError", "UnavailableError"]

S = TypeVar("S")

CACHED_AGGREGATES = 10_000
# How long an append goes on trying while NATS does not answer.
PATIENCE = 20.0


class Conflict(Exception):  # noqa: N818 - nobody's error: somebody else was faster
    """The aggregate went on since it was loaded: load it again and decide anew."""


class OriginReusedError(Exception):
    """Another event is stored under the same id: two different appends were made with one causation. A bug."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """An aggregate at one point. `sequence`: of its last event (0: there is none); `last`: that event's metadata."""

    state: S
    sequence: int = 0
    version: int = 0
    last_stored_at: datetime | None = None
    last: Metadata | None = None

    @property
    def last_origin(self) -> Origin | None:
        """For what follows from the last event."""
        return Origin.of(self.last) if self.last else None


class EventStore:
    """Loading, appending, reading. May be shared by the tasks of one event loop; the fold cache is its own."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._cache: OrderedDict[tuple[str, str], Loaded[Any]] = OrderedDict()

    async def load(self, aggregate: Aggregate[S], aggregate_id: str) -> Loaded[S]:
        """Folds what the cache does not have yet. Raises TimeoutError."""
        key = (aggregate.category, aggregate_id)
        loaded: Loaded[S] = self._cache.get(key) or Loaded(aggregate.initial)
        for message in await self._stored(*key, after=loaded.sequence):
            event = recorded(message)
            state = aggregate.evolve(loaded.state, event.event, event.stored_at)
            loaded = Loaded(state, event.position, loaded.version + 1, event.stored_at, event.metadata)
        self._remember(key, loaded)
        return loaded

    async def append(
        self,
        aggregate: Aggregate[S],
        aggregate_id: str,
        loaded: Loaded[S],
        events: Sequence[Event],
        origin: Origin,
        wishes: Sequence[Wish] = (),
    ) -> Loaded[S]:
        """Appends the events and grants the wishes, all or nothing; returns the aggregate folded on.

        What is in the log already from the same origin is recognised and not stored again. Raises Conflict (load
        again), ClaimRefusedError, UnavailableError, RefusedError.
        """
        if not events:
            return loaded
        mine = self._outgoing(aggregate.category, aggregate_id, loaded, events, origin)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                stored = await self._try(aggregate, aggregate_id, loaded, mine, wishes, origin)
                if stored:
                    return await self._load_from(stored, aggregate, aggregate_id)
            except TimeoutError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise UnavailableError(f"{aggregate.category} {aggregate_id}: {error}") from error
                await asyncio.sleep(0.1)

    async def read(
        self, after: int, limit: int = 500, categories: Collection[str] | None = None
    ) -> list[Recorded[Any]]:
        """Events with a position above `after` in order, about `limit` of them; atomic batches are never cut.

        Empty only when there is nothing more. Raises TimeoutError, UnknownTypeError.
        """
        only = next(iter(categories)) if categories is not None and len(categories) == 1 else None
        # a claim is not the last of its batch: whether that is whole can be seen among all events only
        subject = subjects.events_of(only) if only and only != CLAIM.category else subjects.ALL_EVENTS
        while True:
            page = await direct.page(self._bus, subjects.EVENTS, subject, after + 1, limit)
            messages = _whole_batches(page.messages) if page.pending else page.messages
            events = [
                recorded(m) for m in messages if categories is None or subjects.aggregate(m.subject)[0] in categories
            ]
            if events or not page.pending:
                return events
            if messages:
                after = messages[-1].sequence
            else:
                limit *= 2

    async def head(self) -> int:
        """The position of the last event, 0 if there is none. Raises TimeoutError."""
        info = json.loads(await self._bus.request(subjects.stream_info(subjects.EVENTS), b""))
        return int(info["state"]["last_seq"])

    async def aggregate_ids(self, category: str) -> list[str]:
        """The ids of all aggregates of that category that ever had an event. Raises TimeoutError."""
        ids: list[str] = []
        while True:
            request = {"subjects_filter": subjects.events_of(category), "offset": len(ids)}
            answer = await self._bus.request(subjects.stream_info(subjects.EVENTS), json.dumps(request).encode())
            info = json.loads(answer)
            ids += [subjects.aggregate(subject)[1] for subject in info["state"].get("subjects") or {}]
            if len(ids) >= info.get("total", 0):
                return ids

    async def _try(
        self,
        aggregate: Aggregate[S],
        aggregate_id: str,
        loaded: Loaded[S],
        mine: list[Outgoing],
        wishes: Sequence[Wish],
        origin: Origin,
    ) -> int:
        """The sequence up to which the aggregate has to be loaded now; 0: only a claim went on, try again."""
        duplicate, known_at = False, 0
        try:
            stored = await publish(self._bus, [*await self._claims(wishes, origin, len(mine)), *mine])
            if not stored.duplicate:
                return stored.sequence
            duplicate, known_at = True, stored.sequence
            refusal: Exception | None = None
        except (NotStoredError, ClaimRefusedError) as error:
            duplicate = isinstance(error, NotStoredError) and error.duplicate
            refusal = error
        newer = await self._stored(aggregate.category, aggregate_id, after=0 if duplicate else loaded.sequence)
        if found := _recognise(mine[-1], newer):
            return found
        if duplicate:
            if await self._reused(mine, newer, known_at):
                raise OriginReusedError(f"another append has the same causation {origin.causation_id}") from refusal
            raise TimeoutError("it is stored, but whoever answers does not have it yet")
        if newer:
            raise Conflict(f"{aggregate.category} {aggregate_id} went on to {newer[-1].sequence}") from refusal
        if isinstance(refusal, ClaimRefusedError):
            raise refusal
        return 0

    async def _reused(self, mine: Sequence[Outgoing], stored: Sequence[StoredMessage], known_at: int) -> bool:
        """Whether an id is that of another event, of this aggregate or (at a sequence that the server names) not.

        In a cluster a follower may answer, which has less than the leader that knows the id: that proves nothing.
        """
        ids = {message.headers[MESSAGE_ID] for message in mine}
        if any(message.headers.get(MESSAGE_ID) in ids for message in stored):
            return True
        if not known_at:
            return False
        there = (await direct.page(self._bus, subjects.EVENTS, subjects.ALL_EVENTS, known_at, 1)).messages
        return bool(there) and there[0].sequence == known_at and there[0].subject != mine[0].subject

    async def _claims(self, wishes: Sequence[Wish], origin: Origin, first_index: int) -> list[Outgoing]:
        """What the wishes add to the batch. Several wishes for one claim are decided one after the other."""
        outgoing: list[Outgoing] = []
        grouped: dict[str, list[Wish]] = {}
        for wish in wishes:
            grouped.setdefault(f"{wish.kind}.{wish.key}", []).append(wish)
        for claim_id, of_claim in grouped.items():
            loaded = await self.load(CLAIM, claim_id)
            state, events = loaded.state, list[Event]()
            for wish in of_claim:
                for event in claim.decide(wish, state):
                    state = claim.evolve(state, event)
                    events.append(event)
            index = first_index + len(outgoing)
            outgoing += self._outgoing(CLAIM.category, claim_id, loaded, events, origin, index)
        return outgoing

    def _outgoing(
        self,
        category: str,
        aggregate_id: str,
        loaded: Loaded[Any],
        events: Sequence[Event],
        origin: Origin,
        first_index: int = 0,
    ) -> list[Outgoing]:
        subject = subjects.event(category, aggregate_id)
        now = self._bus.clock.now()
        outgoing = []
        for number, event in enumerate(events):
            meta = Metadata(
                id=event_id(origin.causation_id, first_index + number),
                type=event.TYPE,
                source=self._bus.source,
                time=now,
                causation_id=origin.causation_id,
                correlation_id=origin.correlation_id,
                actor=origin.actor,
                reason=origin.reason,
                traceparent=origin.traceparent,
                version=loaded.version + number + 1,
            )
            headers = to_headers(meta, f"{category}/{aggregate_id}", aggregate_id, dataschema(type(event)))
            outgoing.append(Outgoing(subject, headers, encode(event), loaded.sequence if number == 0 else None))
        return outgoing

    async def _load_from(self, sequence: int, aggregate: Aggregate[S], aggregate_id: str) -> Loaded[S]:
        """Reads what was just written: a follower that answers may not have it yet. Raises TimeoutError."""
        async with self._bus.answer_in_time():
            while True:
                loaded = await self.load(aggregate, aggregate_id)
                if loaded.sequence >= sequence:
                    return loaded
                await asyncio.sleep(0.01)

    async def _stored(self, category: str, aggregate_id: str, after: int) -> list[StoredMessage]:
        return await direct.all_of(self._bus, subjects.EVENTS, subjects.event(category, aggregate_id), after)

    def _remember(self, key: tuple[str, str], loaded: Loaded[Any]) -> None:
        known = self._cache.get(key)
        if known is None or known.sequence <= loaded.sequence:
            self._cache[key] = loaded
        self._cache.move_to_end(key)
        if len(self._cache) > CACHED_AGGREGATES:
            self._cache.popitem(last=False)


def _recognise(mine: Outgoing, stored: Sequence[StoredMessage]) -> int:
    """The sequence at which the very same event is stored, else 0. A batch is whole: its last event speaks for it."""
    for message in stored:
        if message.headers.get(MESSAGE_ID) == mine.headers[MESSAGE_ID]:
            same = message.data == mine.data and message.headers.get("ce-type") == mine.headers["ce-type"]
            return message.sequence if same else 0
    return 0


def _whole_batches(messages: list[StoredMessage]) -> list[StoredMessage]:
    """Without the beginning of an atomic batch whose end lies on the next page."""
    last = messages[-1].headers
    batch = last.get("Nats-Batch-Id")
    if batch is None or "Nats-Batch-Commit" in last:
        return messages
    return [m for m in messages if m.headers.get("Nats-Batch-Id") != batch]
