"""Who deserves a direct look. Looks are few (a minute has 45 requests for everything), so the order counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from proximity.domain.application.state import NEVER
from proximity.domain.drift.findings import LOCK_LEFT
from proximity.domain.drift.history import LIST_LAGS, MISSES, PROOF_LASTS
from proximity.domain.drift.view import Desired, Listed, Look, View
from proximity.domain.finding import Finding

# How often to look whether something that is open is still so, although the list does not say otherwise.
AGAIN = timedelta(minutes=1)
# The same of what no list has: to look there costs a whole proof, and the list shows when it is back.
UNLISTED_AGAIN = timedelta(minutes=5)
# What no list shows (most settings, the marker) is looked at once in a while.
ROUTINE = timedelta(minutes=10)

_CONTRADICTED, _LOCKED, _UNREAD, _DUE = range(4)

# what is said of a container that no list has
UNLISTED = frozenset({"gone", "unseen"})

# the rank, and of the same rank who comes first
Urgency = tuple[int, datetime]


def suspects(
    desired: Sequence[Desired], view: View, guests: Mapping[int, Mapping[str, Finding]] | None = None
) -> list[int]:
    """VMIDs, most urgent first: those of whom the list says otherwise than is known, those locked for long, those whose
    configuration is still to be read; then everybody else at times, whoever is overdue for longest: those with an open
    finding more often. So nobody is forgotten however many findings are open.

    `guests`: the findings that are open about guests that no application has.
    """
    waiting: list[tuple[Urgency, int]] = []
    for app in desired:
        urgency = _urgency(app, view.looks.get(app.vmid), view)
        if urgency is not None:
            waiting.append((urgency, app.vmid))
    managed = {app.vmid for app in desired}
    for vmid, listed in view.guests.items():
        if vmid in managed or listed.node in view.away:
            continue
        due = _due(view.looks.get(vmid), AGAIN if guests and guests.get(vmid) else ROUTINE, view)
        if due is not None:
            waiting.append((due, vmid))
    return [vmid for _, vmid in sorted(waiting)]


def _urgency(app: Desired, look: Look | None, view: View) -> Urgency | None:
    listed = view.guests.get(app.vmid)
    if app.busy or (listed.node if listed else app.node) in view.away:
        return None
    seen = look.at if look else NEVER
    age = view.at - seen
    if _to_be_proven(app, look, view) or (age > LIST_LAGS and listed and _contradicts(app, look, listed)):
        return _CONTRADICTED, seen
    if listed is None and not view.complete and age > AGAIN and (look is None or look.state == "there"):
        # hidden from the token, it may be
        return _CONTRADICTED, seen
    if _lock_matters(app, look, view) and age > LIST_LAGS:
        return _LOCKED, seen
    if (look is not None and not look.whole) or (app.baseline is None and seen <= app.since):
        return _UNREAD, seen
    if app.open and seen <= app.since:
        return _DUE, seen
    if listed is None and app.open.keys() & UNLISTED:
        return _due(look, UNLISTED_AGAIN, view)
    return _due(look, AGAIN if app.open or app.baseline is None else ROUTINE, view)


def _due(look: Look | None, after: timedelta, view: View) -> Urgency | None:
    due = look.at + after if look else NEVER
    return (_DUE, due) if due < view.at else None


def _to_be_proven(app: Desired, look: Look | None, view: View) -> bool:
    """Complete lists miss it, and no look has been at it since."""
    times = view.missing.get(app.vmid, ())
    if len(times) < MISSES or "gone" in app.open:
        return False
    proven = look is not None and look.state == "gone" and view.complete
    if "unseen" in app.open and not proven:
        # a look has shown already that it is there
        return False
    lasts = PROOF_LASTS if proven else AGAIN
    return look is None or look.at <= max(times[MISSES - 1], app.since) or view.at - look.at > lasts


def _contradicts(app: Desired, look: Look | None, listed: Listed) -> bool:
    """The list says otherwise than the log, with what is known to be otherwise. Of another guest nothing is wanted, and
    what a look has shown already is told, or cannot be.
    """
    if "vmid_taken" in app.open or (look is not None and look.at > app.since and _agree(look, listed)):
        return False
    if app.open.keys() & UNLISTED or listed.node != app.node:
        return True
    renamed = app.open.get("renamed")
    if listed.name is not None and listed.name != (renamed.observed if renamed else app.hostname or f"CT{app.vmid}"):
        return True
    return power_contradicts(app, listed)


def power_contradicts(app: Desired, listed: Listed) -> bool:
    """The list says otherwise than the log whether it runs."""
    if listed.running is None or app.power is None:
        return False
    stopped = "stopped_outside" in app.open
    return listed.running != ("started_outside" in app.open or (app.power == "running" and not stopped))


def _agree(look: Look, listed: Listed) -> bool:
    if look.state != "there" or look.node != listed.node:
        return False
    if listed.running is not None and look.running != listed.running:
        return False
    # without the configuration its name is not known, and another look would not tell it either
    return listed.name is None or not look.values or listed.name == (look.hostname or f"CT{listed.vmid}")


def _lock_matters(app: Desired, look: Look | None, view: View) -> bool:
    """Locked for so long that it would be said, or said and not locked any more."""
    seen = view.locked.get(app.vmid)
    if "lock_left" in app.open:
        return seen is None
    if seen is None or view.at - seen[1] <= LOCK_LEFT:
        return False
    return look is None or look.at - seen[1] <= LOCK_LEFT
