"""The projector: one of them works on a schema, the others stand by; any of them may die at any moment.

It follows the live schema. Where that was made by other definitions, or from another log, it builds its own beside it
and lets it be read once it has caught up with the head seen at the start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from uuid import uuid4

import asyncpg
import nats.errors
import nats.js.errors
import structlog
from pydantic import ValidationError

from proximity.messaging.codec import UnknownTypeError
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import EnvelopeError
from proximity.messaging.event_store import EventStore
from proximity.messaging.tail import TailLostError
from proximity.readmodel.schema import definitions_of, schema_name
from proximity_projector import schemas
from proximity_projector.following import follow, tell
from proximity_projector.health import Health
from proximity_projector.store import Checkpoint, FencedError, Store

log = structlog.get_logger(__name__)

# One that has the lock and leaves events lying for so long (seconds) does not work: it is put out.
STALLED_AFTER = 10.0
_STAND_BY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
# A rebuild that read nothing new from the log for so long (seconds) tells whoever asked for it.
_GIVEN_UP_AFTER = 30.0

# A connection that the server ends: asyncpg's own confusion if that meets the next statement.
_DATABASE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Comes and goes with the servers: begin anew from the checkpoint.
NATS_PASSING = (TailLostError, TimeoutError, nats.errors.Error, nats.js.errors.Error)
PASSING = (FencedError, *_DATABASE, *NATS_PASSING)
# No retry helps: another version of Proximity is needed.
UNREADABLE = (UnknownTypeError, EnvelopeError, ValidationError)

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Projector:
    def __init__(self, bus: Bus, connect: Connect, health: Health) -> None:
        self._bus = bus
        self._connect = connect
        self._health = health
        self._log = EventStore(bus)
        self._definitions = schemas.definitions()
        # whether a schema of ours has been the live one since we started
        self._was_read = False

    async def run(self) -> None:
        """Until cancelled. Returns only when an event cannot be read; `health` says which."""
        pause = _FIRST_PAUSE
        now = asyncio.get_running_loop().time
        while True:
            begun = now()
            try:
                await self._once()
                continue
            except PASSING as error:
                log.warning("begins anew", error=f"{type(error).__name__}: {error}")
                self._health.unwell(f"{type(error).__name__}: {error}")
            except UNREADABLE as error:
                log.critical("stopped: an event cannot be read", error=str(error))
                self._health.unwell(f"stopped: {error}")
                return
            finally:
                self._health.active.set(0)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE) if now() - begun < 2 * _LONGEST_PAUSE else _FIRST_PAUSE

    async def _once(self) -> None:
        """Works on one schema until another one is to be worked on."""
        conn = await self._connect()
        try:
            await schemas.prepare(conn)
            schema = await self._choose(conn)
            await self._stand_by(conn, schema)
            if schema == await self._choose(conn):
                await self._work(conn, schema)
        finally:
            conn.terminate()

    async def _choose(self, conn: asyncpg.Connection) -> str:
        """The live schema if it is of our definitions, else our own."""
        live = await schemas.live(conn)
        return live if live and self._ours(live) else schema_name(self._definitions)

    async def _stand_by(self, conn: asyncpg.Connection, schema: str) -> None:
        """Until nobody else works on the schema, or it is no longer the one to work on."""
        seen: Checkpoint | None = None
        since = 0.0
        now = asyncio.get_running_loop().time
        while not await schemas.wait_for(conn, schema, _STAND_BY):
            self._health.well()
            if schema != await self._choose(conn):
                return
            at = await schemas.checkpoint(conn, schema)
            if at != seen or at.position >= await self._log.head():
                seen, since = at, now()
            elif now() - since > STALLED_AFTER:
                log.warning("takes over from one that does not work", schema=schema, position=at.position)
                await schemas.evict(conn, schema)

    async def _work(self, conn: asyncpg.Connection, schema: str) -> None:
        head = await self._log.head()
        store = await self._open(conn, schema, head)
        if store is None:
            # positions of another log: what was made from it stays readable until its successor is built
            schema = schema_name(self._definitions, uuid4().hex[:8])
            await schemas.take(conn, schema)
            store = await self._open(conn, schema, head)
        if store is None:
            raise FencedError(f"{schema} is not empty")
        self._health.active.set(1)
        building = await schemas.live(conn) != schema
        if not building:
            await schemas.drop_unused(conn, keep=[schema])
        log.info("works", schema=schema, position=store.checkpoint.position, head=head, building=building)
        async with aclosing(follow(self._bus, store, self._health)) as rounds:
            async for reached in rounds:
                if reached.position < head:
                    self._health.unwell(f"catching up: {reached.position} of {head}")
                    continue
                self._health.well()
                if building and not self._superseded(reached.live):
                    await publish(self._bus, conn, store)
                elif not building and reached.live != schema and reached.live and self._ours(reached.live):
                    log.info("another schema is read now", schema=reached.live)
                    break
                building, self._was_read = False, True
        # at once, not when the server notices that the connection is gone: what follows drops what nobody holds
        await schemas.leave(conn, schema)

    def _ours(self, schema: str) -> bool:
        return definitions_of(schema) == self._definitions

    def _superseded(self, live: str | None) -> bool:
        """Another version of Proximity was started after us and is read now: that is not undone after a mere error."""
        return self._was_read and live is not None and not self._ours(live)

    async def _open(self, conn: asyncpg.Connection, schema: str, head: int) -> Store | None:
        """None: the schema was made from another log."""
        at = await schemas.open_or_create(conn, schema, self._definitions, self._bus.log_id)
        if at.installation_id != self._bus.log_id or at.position > head:
            log.warning("made from another log", schema=schema, position=at.position, head=head)
            return None
        return Store(conn, schema, at)


async def publish(bus: Bus, conn: asyncpg.Connection, store: Store) -> None:
    """The schema has caught up: from now on it is the one that is read."""
    await schemas.switch(conn, store.schema)
    dropped = await schemas.drop_unused(conn, keep=[store.schema])
    log.info("is read now", schema=store.schema, position=store.checkpoint.position, dropped=dropped)
    await tell(bus, store, store.schema)


async def rebuild(bus: Bus, conn: asyncpg.Connection, health: Health) -> Store:
    """Builds a new copy from the whole log beside the one that is read, then lets it be read instead.

    A running projector notices and follows the copy as soon as we leave it. Dying half-way leaves a schema that the
    next one to be published sweeps away. Goes on where it was when the log was away for a moment. Raises what `follow`
    raises.
    """
    await schemas.prepare(conn)
    definitions = schemas.definitions()
    schema = schema_name(definitions, uuid4().hex[:8])
    await schemas.take(conn, schema)
    at = await schemas.open_or_create(conn, schema, definitions, bus.log_id)
    store = Store(conn, schema, at)
    head = await EventStore(bus).head()
    now = asyncio.get_running_loop().time
    at, since = store.checkpoint, now()
    while store.checkpoint.position < head:
        try:
            async with aclosing(follow(bus, store, health)) as rounds:
                async for reached in rounds:
                    if reached.position >= head:
                        break
        except NATS_PASSING as error:
            if store.checkpoint != at:
                at, since = store.checkpoint, now()
            if now() - since > _GIVEN_UP_AFTER:
                raise
            log.warning("reads on", position=store.checkpoint.position, error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_FIRST_PAUSE)
    await publish(bus, conn, store)
    return store
