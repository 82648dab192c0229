"""What has to be remembered from sweep to sweep: since when a guest is missing, since when it is locked."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from proximity.domain.drift.view import Listed

# A guest is missing once so many complete lists in a row did not have it.
MISSES = 3
# So long at most after a look that did not find it is it told that a guest is gone.
PROOF_LASTS = timedelta(seconds=10)


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
