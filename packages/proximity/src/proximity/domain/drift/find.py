"""What is otherwise than it should be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proximity.domain.application.state import NEVER, Baseline
from proximity.domain.drift import findings
from proximity.domain.drift.configuration import addresses, at_first, completed, is_secret
from proximity.domain.drift.findings import LOCK_LEFT, NOT_THERE, POWER
from proximity.domain.drift.history import MISSES, PROOF_LASTS
from proximity.domain.drift.view import Desired, Difference, Drift, FirstSeen, Known, Look, Moved, View
from proximity.domain.finding import Finding

Open = Mapping[str, Finding]


def find_drift(
    desired: Sequence[Desired],
    view: View,
    installation_id: str,
    applications: Mapping[str, Known],
    guests: Mapping[int, Open] | None = None,
) -> list[Difference]:
    """All that differs, as far as is known: a finding that is open and that nothing speaks against is among it.

    `desired`: every application that has a container on this cluster. `applications`: all of the installation, by id.
    `guests`: the findings that are open about guests that no application has, by VMID.
    """
    found: list[Difference] = []
    for app in desired:
        found += _of_application(app, view)
    for vmid, finding in _of_guests(desired, view, installation_id, applications, guests or {}):
        found.append(Drift(None, vmid, finding))
    return found


def _of_application(app: Desired, view: View) -> Iterable[Difference]:
    look = None if app.busy else view.proof(app.vmid, app.since)
    if look is None or look.state == "elsewhere":
        return _drifts(app, app.open.values())
    if look.state == "forbidden":
        return _drifts(app, {**app.open, "unseen": findings.unseen(app.vmid)}.values())
    if look.state == "gone":
        return _drifts(app, [findings.gone(app.vmid)] if _proven(app, look, view) else app.open.values())
    if not look.values:
        return _drifts(app, _by_status_alone(app, look))
    if _taken(app, look):
        return _drifts(app, [findings.vmid_taken(app.vmid)])
    return [*_news(app, look), *_drifts(app, _of_container(app, look, view))]


def _drifts(app: Desired, found: Iterable[Finding]) -> list[Difference]:
    return [Drift(app.application_id, app.vmid, finding) for finding in found]


def _proven(app: Desired, look: Look, view: View) -> bool:
    """Unseen is not gone: complete lists in a row do not have it, and then Proxmox said that it has no such guest, just
    now: it may have been restored since, where the token sees it as little as before.
    """
    times = view.missing.get(app.vmid, ())
    return view.complete and len(times) >= MISSES and look.at > times[MISSES - 1] and view.at - look.at <= PROOF_LASTS


def _taken(app: Desired, look: Look) -> bool:
    """The guest with its number is another one: a virtual machine, somebody else's by its marker, or by its network
    cards.
    """
    if look.values.get("type") == "qemu":
        return True
    own = app.marker
    for marker in look.markers:
        if (marker.installation, marker.application, marker.vmid) == (own.installation, own.application, own.vmid):
            return False
    if any(marker.vmid == app.vmid for marker in look.markers):
        return True
    cards = addresses(app.baseline.values) if app.baseline else frozenset()
    if cards:
        return not cards & addresses(look.values)
    return any(kind in app.open for kind in NOT_THERE)


def _by_status_alone(app: Desired, look: Look) -> list[Finding]:
    """Without its configuration nothing proves whose it is: enough for its power, if there was no doubt before."""
    if look.node != app.node or any(kind in app.open for kind in NOT_THERE):
        return [f for key, f in app.open.items() if key != "unseen"]
    return [f for key, f in app.open.items() if key not in (*POWER, "unseen")] + list(_power(app, look))


def _news(app: Desired, look: Look) -> Iterator[Difference]:
    """What differs and is in order."""
    if app.marker not in look.markers:
        return
    if look.node != app.node:
        yield Moved(app.application_id, app.vmid, look.node, app.node)
    if app.baseline is None:
        yield FirstSeen(app.application_id, app.vmid, Baseline(look.configuration, dict(look.environment)))
    elif not app.baseline.whole:
        values = completed(app.baseline.values, look.configuration)
        yield FirstSeen(app.application_id, app.vmid, Baseline(values, app.baseline.environment))


def _of_container(app: Desired, look: Look, view: View) -> Iterator[Finding]:
    yield from _power(app, look)
    unnamed = f"CT{app.vmid}"
    if (look.hostname or unnamed) != (app.hostname or unnamed):
        yield findings.renamed(app.vmid, app.hostname, look.hostname or "")
    if app.marker not in look.markers:
        yield findings.marker_removed(app.marker)
    if app.baseline is not None:
        yield from _configuration(app.baseline, look)
    elif app.marker not in look.markers:
        yield from (f for f in app.open.values() if f.kind == "configuration_changed")
    if look.lock is not None and _left(app, look, look.lock, view):
        yield findings.lock_left(app.vmid, look.lock)


def _power(app: Desired, look: Look) -> Iterator[Finding]:
    if look.running is None:
        yield from (app.open[kind] for kind in POWER if kind in app.open)
    elif app.power == "running" and not look.running:
        yield findings.stopped_outside(lost=app.lost == "stopped")
    elif app.power == "stopped" and look.running:
        yield findings.started_outside(lost=app.lost == "running")


def _configuration(baseline: Baseline, look: Look) -> Iterator[Finding]:
    before = baseline.values
    now = look.configuration if baseline.whole else at_first(look.configuration)
    if before != now:
        for field in sorted(before.keys() | now.keys()):
            if before.get(field) == now.get(field):
                continue
            if is_secret(field):
                yield findings.secret_changed(field, now.get(field))
            else:
                yield findings.configuration_changed(field, before.get(field), now.get(field))
    if baseline.environment != look.environment:
        for variable in sorted(baseline.environment.keys() | look.environment.keys()):
            if baseline.environment.get(variable) != look.environment.get(variable):
                yield findings.environment_changed(variable, look.environment.get(variable))


def _left(app: Desired, look: Look, lock: str, view: View) -> bool:
    known = app.open.get("lock_left")
    if known is not None and known.observed == lock:
        return True
    seen, since = view.locked.get(app.vmid, ("", look.at))
    return seen == lock and look.at - since > LOCK_LEFT


def _of_guests(
    desired: Sequence[Desired],
    view: View,
    installation_id: str,
    applications: Mapping[str, Known],
    guests: Mapping[int, Open],
) -> Iterator[tuple[int, Finding]]:
    managed = {app.vmid for app in desired}
    here = {app.application_id: app.busy for app in desired}
    marked = {vmid for vmid, look in view.looks.items() if look.markers}
    for vmid in sorted((marked | guests.keys()) - managed):
        # whether a guest is gone is not told here; of one that is not listed an old look would be believed for ever
        look = view.proof(vmid, NEVER) if vmid in view.guests else None
        open_ = guests.get(vmid, {})
        if look is None or look.state != "there" or not look.values:
            found: Iterable[Finding] = open_.values()
        else:
            found = _of_guest(vmid, look, installation_id, applications, here, open_)
        for finding in found:
            yield vmid, finding


def _of_guest(
    vmid: int,
    look: Look,
    installation_id: str,
    applications: Mapping[str, Known],
    here: Mapping[str, bool],
    open_: Open,
) -> Iterable[Finding]:
    """`here`: the applications that have a container on this cluster; whether they are busy."""
    ours = [marker for marker in look.markers if marker.installation == installation_id]
    for marker in ours:
        known = applications.get(marker.application)
        # a copy is one whatever its original does meanwhile; what may be an orphan is judged by a newer look
        newer = known is None or look.at > known.since or marker.vmid != vmid
        if here.get(marker.application) or not newer:
            return open_.values()
    for marker in sorted(ours, key=lambda m: (m.vmid != vmid, m.vmid, m.application)):
        known = applications.get(marker.application)
        name = known.name if known else None
        elsewhere = known is not None and known.has_container and marker.application not in here
        if marker.vmid == vmid and not elsewhere:
            return [findings.orphan(vmid, name)]
        return [findings.marker_copied(marker.vmid, name, elsewhere=elsewhere)]
    return []
