"""Each connected cluster is watched by one replica at a time: the one that holds its slot."""

import asyncio
from collections.abc import Callable

import structlog

from proximity.messaging.leases import Slots
from proximity_reconciler.observers import Observers
from proximity_reconciler.operations import Operations
from proximity_reconciler.watch import Watch

log = structlog.get_logger(__name__)

LOOK_ROUND_EVERY = 1.0


class Watches:
    """`me`: this replica's name among the holders."""

    def __init__(
        self,
        operations: Operations,
        slots: Slots,
        observers: Observers,
        me: str,
        make: Callable[[str], Watch],
        every: float,
    ) -> None:
        self._operations = operations
        self._slots = slots
        self._observers = observers
        self._me = me
        self._make = make
        self._every = every
        self._running: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._running)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self.once()
                except TimeoutError as error:
                    log.warning("clusters not shared out: NATS does not answer", error=str(error))
                await asyncio.sleep(LOOK_ROUND_EVERY)
        finally:
            await asyncio.gather(*(self._end(cluster_id) for cluster_id in list(self._running)))

    async def once(self) -> None:
        """Raises TimeoutError."""
        for cluster_id in list(self._running):
            if not self._slots.holds(_scope(cluster_id), self._me) or cluster_id not in self._operations.clusters:
                await self._end(cluster_id)
                await self._slots.release(_scope(cluster_id), self._me)
        for cluster_id in self._operations.clusters - self._running.keys():
            if await self._slots.acquire(_scope(cluster_id), self._me, 1):
                log.info("watching", cluster=cluster_id)
                self._running[cluster_id] = asyncio.create_task(self._make(cluster_id).run(self._every))

    async def _end(self, cluster_id: str) -> None:
        log.info("no longer watching", cluster=cluster_id)
        task = self._running.pop(cluster_id)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._observers.forget(cluster_id)


def _scope(cluster_id: str) -> str:
    return f"watch.{cluster_id}"
