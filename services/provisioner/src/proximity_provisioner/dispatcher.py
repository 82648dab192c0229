"""Runs what hints point at: bounded, and at most one run of the same aggregate at a time in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import structlog

from proximity.messaging.event_store import UnavailableError

log = structlog.get_logger(__name__)

Key = tuple[str, str]

PAUSE = 2.0  # seconds


class Dispatcher:
    """`run(category, id)` carries one aggregate on. If it raises, the next sweep tries again.

    `at_once` counts for each lane: what waits for a cluster that does not answer keeps nobody else from running.
    """

    def __init__(self, run: Callable[[str, str], Awaitable[None]], at_once: int) -> None:
        self._run = run
        self._lanes = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(at_once))
        self._again: dict[Key, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False

    def submit(self, category: str, aggregate_id: str, lane: str = "") -> None:
        """A hint for something that is running already makes it run once more."""
        key = (category, aggregate_id)
        if key in self._again:
            self._again[key] = True
            return
        self._again[key] = False
        task = asyncio.create_task(self._work(key, lane), name=f"{category} {aggregate_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Waits for what is in hand, then breaks it off: its successor finds out what became of it."""
        self._draining = True
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks, timeout=seconds)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _work(self, key: Key, lane: str) -> None:
        try:
            async with self._lanes[lane]:
                while True:
                    self._again[key] = False
                    await self._run_once(key, lane)
                    if not self._again[key]:
                        return
        finally:
            del self._again[key]

    async def _run_once(self, key: Key, lane: str) -> None:
        category, aggregate_id = key
        try:
            await self._run(category, aggregate_id)
        except (TimeoutError, UnavailableError) as error:
            log.warning("NATS does not answer, it is tried again", category=category, id=aggregate_id, error=str(error))
            # an intent may be in the log that names this replica: while it lives, nobody else looks after it
            asyncio.get_running_loop().call_later(PAUSE, self._retry, key, lane)
        except Exception:
            log.exception("a run failed, it is tried again", category=category, id=aggregate_id)

    def _retry(self, key: Key, lane: str) -> None:
        if not self._draining:
            self.submit(*key, lane)
