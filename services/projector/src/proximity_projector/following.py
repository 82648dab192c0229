"""Bringing one schema up to date with the log, and keeping it so."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from time import perf_counter

import structlog

from proximity.messaging.changes import Change, announce
from proximity.messaging.connection import Bus
from proximity.messaging.tail import Tail
from proximity_projector.health import Health
from proximity_projector.store import Store

log = structlog.get_logger(__name__)

BATCH = 1000
# Without events the database is asked this often (in seconds) whether it is there, and what is live.
LOOK_EVERY = 1.0
# An announcement may be lost: now and then it is repeated.
_REPEAT_EVERY = 5


@dataclass(frozen=True)
class Reached:
    """Where the schema stands after a round, and which schema is read by others (None: none yet)."""

    position: int
    live: str | None


async def follow(bus: Bus, store: Store, health: Health) -> AsyncGenerator[Reached, None]:
    """One round per batch, and one per LOOK_EVERY without events. Yields first where it begins.

    Raises FencedError, TailLostError, asyncpg's errors, and those of an event that cannot be read.
    """
    live = await store.look()
    await tell(bus, store, live)  # whoever was here before may have died before saying it
    yield Reached(store.checkpoint.position, live)
    quiet = 0
    async with Tail(bus, after=store.checkpoint.position) as tail:
        while True:
            batch = await tail.next(BATCH, within=LOOK_EVERY)
            begun = perf_counter()
            live = await store.apply(batch)
            quiet = 0 if batch else quiet + 1
            if batch or quiet % _REPEAT_EVERY == 0:
                await tell(bus, store, live)
            if batch:
                took = perf_counter() - begun
                health.events.inc(len(batch))
                health.batch_seconds.observe(took)
                log.info("projected", events=len(batch), position=store.checkpoint.position, seconds=round(took, 4))
            health.behind.set(tail.behind)
            health.position.set(store.checkpoint.position)
            yield Reached(store.checkpoint.position, live)


async def tell(bus: Bus, store: Store, live: str | None) -> None:
    """Readers of the live schema learn that it went on. What is being built is nobody's business yet."""
    if live == store.schema:
        await announce(bus, Change(store.checkpoint.epoch, store.checkpoint.position))
