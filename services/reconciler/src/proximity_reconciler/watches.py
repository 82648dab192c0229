"""Each connected cluster is watched by one replica at a time: its leader."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from proximity.messaging.leadership import TEND_EVERY, Leadership
from proximity_reconciler.observers import Observers
from proximity_reconciler.operations import Operations
from proximity_reconciler.watch import Watch

log = structlog.get_logger(__name__)


class Watches:
    def __init__(
        self, operations: Operations, leadership: Leadership, observers: Observers, make: Callable[[str, bool], Watch]
    ) -> None:
        """`make`: of a cluster, and whether somebody may have watched it until just before."""
        self._operations = operations
        self._leadership = leadership
        self._observers = observers
        self._make = make
        self._running: dict[str, asyncio.Task[None]] = {}
        self._watched: set[str] = set()

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
                await asyncio.sleep(TEND_EVERY)
        finally:
            await asyncio.gather(*(self._end(cluster_id) for cluster_id in list(self._running)))
            await self._leadership.resign_all()

    async def once(self) -> None:
        """Raises TimeoutError."""
        clusters = frozenset(self._operations.clusters)
        try:
            await self._leadership.tend({_scope(cluster_id) for cluster_id in clusters})
        finally:
            for cluster_id in list(self._running):
                if not self._leadership.leads(_scope(cluster_id)) or cluster_id not in clusters:
                    await self._end(cluster_id)
        for cluster_id in clusters - self._running.keys():
            if self._leadership.leads(_scope(cluster_id)):
                self._begin(cluster_id)

    def _begin(self, cluster_id: str) -> None:
        log.info("watching", cluster=cluster_id)
        scope = _scope(cluster_id)
        watch = self._make(cluster_id, cluster_id in self._watched or self._leadership.succeeded(scope))
        self._watched.add(cluster_id)
        self._running[cluster_id] = asyncio.create_task(watch.run(partial(self._leadership.leads, scope)))

    async def _end(self, cluster_id: str) -> None:
        log.info("no longer watching", cluster=cluster_id)
        task = self._running.pop(cluster_id)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._observers.forget(cluster_id)


def _scope(cluster_id: str) -> str:
    return f"watch.{cluster_id}"
