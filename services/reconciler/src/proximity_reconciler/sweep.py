"""Repairs what was missed: each second, wakes the operations in flight that nobody carries on."""

import asyncio
from datetime import timedelta

import structlog

from proximity.messaging.buckets import Bucket
from proximity.messaging.clock import ServerClock
from proximity.messaging.leases import living
from proximity.messaging.publishing import UnavailableError
from proximity.messaging.wake import Wake
from proximity_reconciler.following import Follower

log = structlog.get_logger(__name__)

CLOCK_MAY_BE = timedelta(seconds=30)


class Sweep:
    """`woken`: how many wake-ups were sent."""

    def __init__(self, follower: Follower, leases: Bucket, wake: Wake, clock: ServerClock, every: float) -> None:
        self.woken = 0
        self._follower = follower
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
        await self._follower.follow()
        operations = self._follower.operations
        if not len(operations):
            return
        alive = await living(self._leases)
        await self._clock.refresh_if_older(CLOCK_MAY_BE)
        now = self._clock.now()
        for op in operations.to_wake(alive, now):
            await self._wake.schedule(op.operation_id, "sweep", op.category, op.aggregate_id)
            operations.woken(op, now)
            self.woken += 1
            log.info(
                "woken",
                operation=op.operation_id,
                category=op.category,
                aggregate=op.aggregate_id,
                runner=op.runner,
                runner_lives=op.runner in alive,
            )
