"""Repairs what was missed: each second, wakes the operations in flight that nobody carries on."""

import asyncio
from datetime import timedelta

import structlog

from proximity.messaging.buckets import Bucket
from proximity.messaging.clock import ServerClock
from proximity.messaging.event_store import EventStore
from proximity.messaging.leases import living
from proximity.messaging.publishing import UnavailableError
from proximity.messaging.wake import Wake
from proximity_reconciler.operations import Operations

log = structlog.get_logger(__name__)

CATEGORIES = ("application", "cluster")
PAGE = 2000
CLOCK_MAY_BE = timedelta(seconds=30)


class Sweep:
    """`position`: up to where the log is known; `caught_up`: the whole log was read once."""

    def __init__(self, store: EventStore, leases: Bucket, wake: Wake, clock: ServerClock, every: float) -> None:
        self.operations = Operations()
        self.position = 0
        self.caught_up = asyncio.Event()
        self.woken = 0
        self._store = store
        self._leases = leases
        self._wake = wake
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Until cancelled. What NATS does not answer now is asked again a moment later."""
        while True:
            try:
                await self.once()
            except (TimeoutError, UnavailableError) as error:
                log.warning("no sweep: NATS does not answer", error=str(error))
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """Raises TimeoutError, UnavailableError: then nothing is known about who lives, and nobody is woken."""
        await self._follow()
        if not len(self.operations):
            return
        alive = await living(self._leases)
        await self._clock.refresh_if_older(CLOCK_MAY_BE)
        now = self._clock.now()
        for op in self.operations.to_wake(alive, now):
            await self._wake.schedule(op.operation_id, "sweep", op.category, op.aggregate_id)
            self.operations.woken(op, now)
            self.woken += 1
            log.info(
                "woken",
                operation=op.operation_id,
                category=op.category,
                aggregate=op.aggregate_id,
                runner=op.runner,
                runner_lives=op.runner in alive,
            )

    async def _follow(self) -> None:
        while events := await self._store.read(self.position, PAGE, CATEGORIES):
            for event in events:
                self.operations.apply(event)
            self.position = events[-1].position
        self.caught_up.set()
