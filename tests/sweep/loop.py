"""An event loop whose time is virtual: when nothing is ready, it is at once the time of the next timer.

simloop does more of this, but needs Python 3.12, and CI runs 3.11. No sockets, no threads; whatever waits for either
would wait for ever, which is an error here and not a hang.
"""

import asyncio
import gc
import random
from asyncio import base_events
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StalledError(Exception):
    """Nothing is ready and nothing is scheduled: what is awaited will never come."""


class _Shuffled(deque[asyncio.Handle]):
    """Ready callbacks, taken in an order that the seed decides."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def popleft(self) -> asyncio.Handle:
        if len(self) > 1:
            self.rotate(-self._chance.randrange(len(self)))
        return super().popleft()


class _Clock:
    """In the place of the selector: waiting is moving the time on."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StalledError(f"at {self._loop.time():.3f} s")
        if timeout > 0:
            self._loop.jump()
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """`seed` None: callbacks run in the order in which they became ready."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _Clock(self)
        if seed is not None:
            self._ready: deque[asyncio.Handle] = _Shuffled(random.Random(seed))
        self.set_exception_handler(self._failed)
        self.unexpected: list[dict[str, Any]] = []

    def time(self) -> float:
        return self._now

    def jump(self) -> None:
        """To the next timer."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # as _run_once has it
        self._now = max(self._now, scheduled[0].when())

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.unexpected.append(context)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else could have to be woken."""


def run(main: Coroutine[Any, Any, T], seed: int | None = None) -> T:
    """Runs it to its end, then ends whatever it left running."""
    loop, collected = VirtualLoop(seed), gc.get_threshold()
    try:
        # a run makes many small things that live as long as it: looking for rubbish among them takes an eighth of it
        gc.set_threshold(20_000, *collected[1:])
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        while left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        gc.set_threshold(*collected)
        asyncio.set_event_loop(None)
        loop.close()
