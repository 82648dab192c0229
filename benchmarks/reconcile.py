"""What it costs to compare clusters of 100, 1,000 and 10,000 guests with the log, all of them applications' containers.

Unchanged: each guest has a direct look and is as it should be. 1 % changed: so many are stopped, renamed, have another
size of memory or are missing. Beside it the least that anybody would have to do: compare each guest's status with the
wanted one.
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import process_time

from figures import Figure, show
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Baseline
from proximity.domain.drift import (
    Correction,
    Damping,
    Desired,
    Known,
    Listed,
    Look,
    View,
    corrections,
    find_drift,
    locked,
    missing,
    powers,
    suspects,
)
from proximity.domain.drift.configuration import comparable
from proximity.domain.drift.history import MISSES, Power

SIZES = (100, 1_000, 10_000)
RUNS = 7
MOST_MS = 150
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, LOOKED, JUST_NOW = NOW - timedelta(hours=1), NOW - timedelta(minutes=1), NOW - timedelta(seconds=1)


def values(number: int) -> dict[str, str]:
    return {
        "arch": "amd64",
        "cores": "2",
        "description": f"made by Proximity\nproximity:i1:a{number}:o{number}:{number}",
        "features": "nesting=1",
        "hostname": f"app-{number}",
        "memory": "1024",
        "mp0": f"local-lvm:vm-{number}-disk-1,mp=/data,size=16G",
        "net0": f"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X},"
        "ip=dhcp,type=veth",
        "onboot": "1",
        "ostype": "debian",
        "rootfs": f"local-lvm:vm-{number}-disk-0,size=8G",
        "swap": "512",
        "tags": "proximity",
        "unprivileged": "1",
    }


def cluster(count: int) -> tuple[list[Desired], View]:
    desired, guests, looks = [], {}, {}
    for vmid in range(20_000, 20_000 + count):
        marker, node, name = Marker("i1", f"a{vmid}", f"o{vmid}", vmid), f"pve{vmid % 8}", f"app-{vmid}"
        environment = {"TOKEN": f"{vmid:08x}", "URL": f"{vmid:08x}"}
        baseline = Baseline(comparable(values(vmid)), dict(environment))
        desired.append(Desired(f"a{vmid}", vmid, node, name, marker, "running", False, BEFORE, baseline))
        guests[vmid] = Listed(vmid, node, name, running=True)
        looks[vmid] = Look(LOOKED, "there", node, True, name, None, (marker,), values(vmid), environment)
    return desired, View(NOW, complete=True, guests=guests, looks=looks)


def changed(view: View) -> View:
    """One in a hundred, in turn: stopped, renamed, given more memory, gone."""
    guests, looks, missed = dict(view.guests), dict(view.looks), {}
    for turn, vmid in enumerate(list(guests)[::100]):
        look = looks[vmid]
        if turn % 4 == 0:
            guests[vmid], looks[vmid] = replace(guests[vmid], running=False), replace(look, running=False)
        elif turn % 4 == 1:
            guests[vmid], looks[vmid] = replace(guests[vmid], name="other"), replace(look, hostname="other")
        elif turn % 4 == 2:
            looks[vmid] = replace(look, values={**look.values, "memory": "2048"})
        else:
            del guests[vmid]
            looks[vmid] = Look(JUST_NOW, "gone", look.node)
            missed[vmid] = tuple(BEFORE + timedelta(seconds=n) for n in range(MISSES))
    return replace(view, guests=guests, looks=looks, missing=missed)


def sweep(desired: list[Desired], view: View, known: dict[str, Known], before: dict[int, Power]) -> list[Correction]:
    """All that is computed anew when a list came in: the history, who deserves a look, what differs, what to say."""
    missing(view.missing, view.at, view.complete, view.guests, [d.vmid for d in desired])
    locked({}, view.at, view.guests)
    powers(before, view.at, view.guests, view.away)
    suspects(desired, view)
    return corrections(desired, find_drift(desired, view, "i1", known), Damping(), view.at)[0]


def bare(desired: list[Desired], view: View) -> list[int]:
    guests = view.guests
    return [d.vmid for d in desired if (seen := guests.get(d.vmid)) is None or seen.running != (d.power == "running")]


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds, the median of some runs; the first look at a configuration is not among them."""
    work()
    taken = []
    for _ in range(RUNS):
        begun = process_time()
        work()
        taken.append((process_time() - begun) * 1000)
    return statistics.median(taken)


def figures() -> list[Figure]:
    measured = []
    for count in SIZES:
        desired, unchanged = cluster(count)
        known = {d.application_id: Known(d.hostname, d.since) for d in desired}
        before = powers({}, LOOKED, unchanged.guests, unchanged.away)
        for what, view, expected in (("unchanged", unchanged, 0), ("1 % changed", changed(unchanged), count // 100)):
            said = len(sweep(desired, view, known, before))
            if said != expected:
                raise AssertionError(f"{said} corrections for {expected} changes")
            taken = cpu(partial(sweep, desired, view, known, before))
            floor = cpu(partial(bare, desired, view))
            target = MOST_MS if (what, count) == ("unchanged", max(SIZES)) else None
            measured.append(Figure(f"comparing {count:,} guests, {what}", taken, "ms", floor=floor, target=target))
    return measured


if __name__ == "__main__":
    show(figures())
