"""Who deserves a direct look. Looks are few (a minute has 45 requests for everything), so the order counts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from proximity.domain.application.state import NEVER
from proximity.domain.drift.findings import LOCK_LEFT
from proximity.domain.drift.history import MISSES
from proximity.domain.drift.view import Desired, Listed, Look, View
from proximity.domain.finding import Finding

# The list is up to ten seconds old when it is made: it cannot contradict a look that is younger.
LIST_LAGS = timedelta(seconds=10)
# How often to look whether something that is open is still so, although the list does not say otherwise.
AGAIN = timedelta(minutes=1)
# What no list shows (most settings, the marker) is looked at once in a while.
ROUTINE = timedelta(minutes=10)

_CONTRADICTED, _LOCKED, _NO_BASELINE, _OPEN, _STRANGER, _ROUTINE = range(6)


def suspects(
    desired: Sequence[Desired], view: View, guests: Mapping[int, Mapping[str, Finding]] | None = None
) -> list[int]:
    """VMIDs, most urgent first: those of whom the list says otherwise than is known, those locked for long, those
    without a baseline, those with an open finding; then guests that no application has and that were never looked at,
    and whom no whole look was at for long. Of the same urgency, the one that waits longest is first.

    `guests`: the findings that are open about guests that no application has.
    """
    waiting = []
    for app in desired:
        look = view.looks.get(app.vmid)
        rank = _urgency(app, look, view)
        if rank is not None:
            waiting.append((rank, look.at if look else NEVER, app.vmid))
    managed = {app.vmid for app in desired}
    for vmid, listed in view.guests.items():
        if vmid in managed or listed.node in view.away:
            continue
        look = view.looks.get(vmid)
        rank = _urgency_of_stranger(look, view, bool(guests and guests.get(vmid)))
        if rank is not None:
            waiting.append((rank, look.at if look else NEVER, vmid))
    return [vmid for _, _, vmid in sorted(waiting)]


def _urgency(app: Desired, look: Look | None, view: View) -> int | None:
    listed = view.guests.get(app.vmid)
    if app.busy or (listed.node if listed else app.node) in view.away:
        return None
    age = view.at - (look.at if look else NEVER)
    if _to_be_proven(app, look, view) or (age > LIST_LAGS and listed and _contradicts(app, look, listed)):
        return _CONTRADICTED
    if listed is None and not view.complete and age > AGAIN and (look is None or look.state == "there"):
        # hidden from the token, it may be
        return _CONTRADICTED
    if _lock_matters(app, look, view) and age > LIST_LAGS:
        return _LOCKED
    if app.baseline is None and (look is None or not look.whole or look.at <= app.since or age > AGAIN):
        return _NO_BASELINE
    if app.open and (look is None or look.at <= app.since or age > AGAIN):
        return _OPEN
    return _ROUTINE if look is None or not look.whole or age > ROUTINE else None


def _to_be_proven(app: Desired, look: Look | None, view: View) -> bool:
    """Complete lists miss it, and no look has been at it since."""
    times = view.missing.get(app.vmid, ())
    if len(times) < MISSES or "gone" in app.open:
        return False
    return look is None or look.at <= max(times[MISSES - 1], app.since) or view.at - look.at > AGAIN


def _contradicts(app: Desired, look: Look | None, listed: Listed) -> bool:
    """The list says otherwise than the log, with what is known to be otherwise. Of another guest nothing is wanted, and
    what a look has shown already is told, or cannot be.
    """
    if "vmid_taken" in app.open or (look is not None and look.at > app.since and _agree(look, listed)):
        return False
    if "gone" in app.open or listed.node != app.node:
        return True
    renamed = app.open.get("renamed")
    if listed.name is not None and listed.name != (renamed.observed if renamed else app.hostname or f"CT{app.vmid}"):
        return True
    if listed.running is None or app.power is None:
        return False
    return listed.running != ("started_outside" in app.open or (app.power == "running" and not _stopped(app)))


def _agree(look: Look, listed: Listed) -> bool:
    if look.state != "there" or look.node != listed.node:
        return False
    if listed.running is not None and look.running != listed.running:
        return False
    # without the configuration its name is not known, and another look would not tell it either
    return listed.name is None or not look.values or listed.name == (look.hostname or f"CT{listed.vmid}")


def _stopped(app: Desired) -> bool:
    return "stopped_outside" in app.open


def _lock_matters(app: Desired, look: Look | None, view: View) -> bool:
    """Locked for so long that it would be said, or said and not locked any more."""
    seen = view.locked.get(app.vmid)
    if "lock_left" in app.open:
        return seen is None
    if seen is None or view.at - seen[1] <= LOCK_LEFT:
        return False
    return look is None or look.at - seen[1] <= LOCK_LEFT


def _urgency_of_stranger(look: Look | None, view: View, open_: bool) -> int | None:
    """It may be an orphan of ours, or a copy."""
    if look is None:
        return _STRANGER
    age = view.at - look.at
    if open_ and age > AGAIN:
        return _OPEN
    return _ROUTINE if age > ROUTINE else None
