"""Slows down guessing of passwords and of the setup token."""

import time
from collections import OrderedDict
from collections.abc import Callable

from proximity_api.problems import Problem

FREE_ATTEMPTS = 5
LONGEST = 300.0
REMEMBERED = 10_000


class Throttle:
    """After FREE_ATTEMPTS failures each further one doubles the wait, up to LONGEST seconds.

    Counted per key (address and name) in this process: n replicas give n times as many attempts, and no more.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # key -> failures in a row, and until when nothing is tried
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raises the problem 429 while the key has to wait."""
        _, until = self._failures.get(key, (0, 0.0))
        wait = until - self._clock()
        if wait > 0:
            raise Problem(
                "too_many_attempts", "Wait a moment before the next try.", headers={"Retry-After": str(int(wait) + 1)}
            )

    def failed(self, key: str) -> None:
        failures = self._failures.pop(key, (0, 0.0))[0] + 1
        excess = failures - FREE_ATTEMPTS
        wait = min(LONGEST, 2.0 ** min(excess, 10)) if excess >= 0 else 0.0
        self._failures[key] = (failures, self._clock() + wait)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)
