"""When to look at a task again: seldom while it cannot be over yet, often when it may end any moment."""

from datetime import timedelta

EARLY = timedelta(seconds=1)
"""A task that fails is seen within this."""
SELDOM = timedelta(seconds=2)
CLOSE = timedelta(seconds=0.15)
"""Between looks at a task that may end any moment."""


class Pace:
    """Remembers, for as long as the process lives, how soon a task of a kind was over at the soonest."""

    def __init__(self) -> None:
        self._soonest: dict[tuple[str, str], timedelta] = {}

    def ended(self, cluster_id: str, step: str, after: timedelta) -> None:
        key = cluster_id, step
        self._soonest[key] = min(after, self._soonest.get(key, after))

    def look_again(self, cluster_id: str, step: str, waited: timedelta) -> timedelta:
        """In that time. `waited`: since it began."""
        usual = min(SELDOM, max(timedelta(seconds=0.3), waited * 0.06))
        soonest = self._soonest.get((cluster_id, step))
        if soonest is None:
            return usual
        # a look earlier than the last one that found it over: that one came a while after the end
        if waited < (due := soonest - CLOSE):
            return min(due - waited, max(EARLY, usual))
        return min(SELDOM, max(CLOSE, (waited - soonest) * 0.2))
