"""How many requests a cluster gets: at most so many in any minute, however fast things change."""

import time
from collections import deque
from collections.abc import Callable

PER_MINUTE = 45
MINUTE = 60.0


class Budget:
    def __init__(self, per_minute: int = PER_MINUTE, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._spent: deque[float] = deque()

    def take(self) -> bool:
        """False: nothing is left at the moment."""
        now = self._monotonic()
        while self._spent and self._spent[0] <= now - MINUTE:
            self._spent.popleft()
        if len(self._spent) >= self._per_minute:
            return False
        self._spent.append(now)
        return True
