"""What has to be remembered from sweep to sweep: since when a guest is missing, is locked, runs or is stopped."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from proximity.domain.drift.view import Listed, Look

# A guest is missing once so many complete lists in a row did not have it.
MISSES = 3
# So long at most after a look that did not find it is it told that a guest is gone.
PROOF_LASTS = timedelta(seconds=10)
# The list is up to ten seconds old when it is made: it cannot contradict a look that is younger.
LIST_LAGS = timedelta(seconds=10)
# Of a node whose pvestatd tells nothing new a list repeats the last news for so long, and then says that it is unknown.
NEWS_LASTS = timedelta(minutes=5)
# Lists that say the same for so long are not of the moment in between, as of a restart.
LISTS_AGREE = 2 * LIST_LAGS


def missing(
    before: Mapping[int, tuple[datetime, ...]],
    at: datetime,
    complete: bool,
    guests: Mapping[int, Listed],
    wanted: Iterable[int],
) -> dict[int, tuple[datetime, ...]]:
    """`View.missing` with the list made at `at`; `wanted`: the VMIDs that applications have.

    A list that is not complete proves nothing by what is not in it, and what is in it is there.
    """
    missed = {vmid: before.get(vmid, ()) for vmid in wanted if vmid not in guests}
    if complete:
        return {vmid: (*times, at)[:MISSES] for vmid, times in missed.items()}
    return {vmid: times for vmid, times in missed.items() if times}


def locked(
    before: Mapping[int, tuple[str, datetime]], at: datetime, guests: Mapping[int, Listed]
) -> dict[int, tuple[str, datetime]]:
    """Which lock each guest has, and since when, with the list made at `at`. A guest not in it keeps its own."""
    now = {vmid: lock for vmid, lock in before.items() if vmid not in guests}
    for vmid, listed in guests.items():
        if listed.lock is not None:
            seen = before.get(vmid)
            now[vmid] = seen if seen and seen[0] == listed.lock else (listed.lock, at)
    return now


@dataclass(frozen=True)
class Power:
    """What the lists say of a guest on one node: `running` from the list made at `since` to that at `last`. It was news
    after `newer`: when the last list was made that said otherwise, or so long ago that it would be forgotten by now.
    """

    node: str
    running: bool
    since: datetime
    last: datetime
    newer: datetime

    def as_look(self, since: datetime, look: Look | None) -> Look | None:
        """What may be judged by although nobody looked; None: it proves nothing. `since`: when the log stored the last
        event about the guest; `look`: the last one at it.
        """
        if self.newer - LIST_LAGS <= since or self.last - self.since < LISTS_AGREE:
            return None
        if look is not None and look.at >= self.since:
            return None
        return Look(self.since, "there", self.node, running=self.running, whole=False)


def powers(
    before: Mapping[int, Power], at: datetime, guests: Mapping[int, Listed], away: Container[str]
) -> dict[int, Power]:
    """What the lists say of each guest's power with the one made at `at`. Of a node that is away it says nothing."""
    now: dict[int, Power] = {}
    for vmid, listed in guests.items():
        seen = before.get(vmid)
        if listed.running is None or listed.node in away:
            now |= {vmid: seen} if seen else {}
        elif seen is None or seen.node != listed.node:
            now[vmid] = Power(listed.node, listed.running, at, at, at - NEWS_LASTS)
        elif seen.running == listed.running:
            now[vmid] = replace(seen, last=at)
        else:
            now[vmid] = Power(listed.node, listed.running, at, at, seen.last)
    return now
