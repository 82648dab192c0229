"""How many requests a cluster gets: at most so many in any minute, shared out so that no kind starves another."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from proximity.proxmox.allowance import MINUTE, Allowance, evenly
from proximity_reconciler.looking import PROOF, REQUESTS

PER_MINUTE = 45
# requests of a look that proves a guest to be gone: fewer would make none
WHOLE_PROOF = REQUESTS + PROOF
# What has just happened takes a look at its power and one at the tasks.
EXPLAINED = 2
# What whoever takes a watch over begins with: one look at everything. The one before may have spent the rest.
FIRST = 6


@dataclass(frozen=True)
class Shares:
    """Of the requests of a minute: `fixed` for the list, the members and the rights, at least `tasks` for the tasks.

    What direct looks do not use goes to the tasks, but for `spare`: a look that becomes due finds a request left.
    Half of the looks are `kept` for what has just happened: what is only looked at again does not use them up. What is
    left to that is at least a whole proof. What is asked `aside`, with nobody waiting for it, takes from the tasks, not
    from the looks.
    """

    per_minute: int
    fixed: int
    tasks: int
    spare: int

    @classmethod
    def of(cls, per_minute: int) -> "Shares":
        third = max(1, per_minute // 3)
        return cls(per_minute, third, third, max(1, per_minute // 15))

    @property
    def looks(self) -> int:
        return self.per_minute - self.fixed - self.tasks

    @property
    def kept(self) -> int:
        return min(self.looks // 2, max(0, self.looks - WHOLE_PROOF))

    @property
    def aside(self) -> int:
        return self.looks // 2


class Budget:
    """Counts what is really sent: `take` is also asked for each repetition, from the thread that would send it.

    `successor`: somebody else may have spent it all in the minute before, but for FIRST. It comes back evenly. `leads`:
    whoever leads no more has nothing to spend.
    """

    def __init__(
        self,
        per_minute: int = PER_MINUTE,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        successor: bool = False,
    ) -> None:
        self._shares = Shares.of(per_minute)
        self._monotonic = monotonic
        self._allowance = Allowance(per_minute, monotonic, per_minute - FIRST if successor else 0)
        self._looks = deque(evenly(self._shares.looks, monotonic()) if successor else ())
        self._aside: deque[float] = deque()
        # when nothing was left for what is asked aside: the tasks make room for it
        self._refused = float("-inf")
        self.leads: Callable[[], bool] = lambda: True
        # False while the tasks are not asked for: the token may not see them
        self.tasks_wanted = True

    def take(self) -> bool:
        """False: nothing is left at the moment."""
        return self.leads() and self._allowance.take()

    def take_look(self, requests: int = 1, *, urgent: bool = False) -> bool:
        """The same for so many requests of a direct look, within its share. `urgent`: something has just happened."""
        now = self._monotonic()
        _forget(self._looks, now)
        share = self._shares.looks + (0 if self.tasks_wanted else self._shares.tasks)
        if not urgent:
            share -= self._shares.kept
        if len(self._looks) + requests > share or not self.leads() or not self._allowance.take(requests):
            return False
        self._looks.extend([now] * requests)
        return True

    def take_tasks(self, *, early: bool = False) -> bool:
        """One request for the tasks. `early`: something has just happened that they may explain; else they leave what
        that takes.
        """
        return self.leads() and self._allowance.take(leaving=0 if early else EXPLAINED)

    def take_aside(self) -> bool:
        """One request that nobody waits for. The tasks make room for it, as for a look; what looks leave of their share
        is its limit, and a look that becomes due finds as much left as without it.
        """
        shares = self._shares
        if self._looks_and_aside() >= shares.looks - shares.spare or len(self._aside) >= shares.aside:
            return False
        if not self.leads():
            return False
        if not self._allowance.take(leaving=shares.spare + 1):
            self._refused = self._monotonic()
            return False
        self._aside.append(self._monotonic())
        return True

    def list_every(self, wanted: float) -> float:
        """Four fifths of the fixed share are the list's."""
        return max(wanted, MINUTE / max(1, self._shares.fixed * 4 // 5))

    def tasks_every(self, wanted: float) -> float:
        """Seconds between two looks at the tasks: more while there is much to look at directly."""
        waits = self._monotonic() - self._refused < MINUTE
        looks = min(self._looks_and_aside() + self._shares.spare + waits, self._shares.looks)
        return max(wanted, MINUTE / (self._shares.per_minute - self._shares.fixed - looks))

    def _looks_and_aside(self) -> int:
        for times in (self._looks, self._aside):
            _forget(times, self._monotonic())
        return len(self._looks) + len(self._aside)


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - MINUTE:
        times.popleft()
