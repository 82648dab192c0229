"""How many requests a cluster gets: at most so many in any minute, counted where they are sent."""

import threading
import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0


def evenly(count: int, now: float) -> list[float]:
    """So many times in the minute before."""
    return [now - MINUTE * (count - 1 - number) / count for number in range(count)]


class Allowance:
    """May be asked from several threads. `spent`: so many are taken for sent, evenly over the minute before."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float] = time.monotonic, spent: int = 0) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._sent = deque(evenly(spent, monotonic()))
        self._lock = threading.Lock()

    def take(self, requests: int = 1, leaving: int = 0) -> bool:
        """All of them or none. False: not so many are left at the moment, or fewer than `leaving` would be then."""
        with self._lock:
            now = self._monotonic()
            while self._sent and self._sent[0] <= now - MINUTE:
                self._sent.popleft()
            if len(self._sent) + requests > self._per_minute - leaving:
                return False
            self._sent.extend([now] * requests)
            return True
