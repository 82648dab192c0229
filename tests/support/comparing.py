"""What a comparison is made of, with little to write: an application, a look at it, a view of its cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Baseline
from proximity.domain.drift import Desired, Difference, Drift, Known, Listed, Look, View, find_drift
from proximity.domain.drift.configuration import comparable
from proximity.domain.drift.history import MISSES
from proximity.domain.finding import Finding
from support.deciders import NOON

INSTALLATION = "i1"
VALUES = {
    "arch": "amd64",
    "cores": "2",
    "memory": "512",
    "swap": "512",
    "hostname": "wiki",
    "rootfs": "local-lvm:vm-105-disk-0,size=8G",
    "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:05,ip=dhcp,type=veth",
    "unprivileged": "1",
}
ENVIRONMENT = {"TOKEN": "5e884898"}
MARKER = Marker(INSTALLATION, "a1", "o1", 105)
APPLICATIONS = {"a1": Known("wiki", NOON), "a9": Known("old wiki", NOON)}


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


APP = Desired(
    application_id="a1",
    vmid=105,
    node="pve1",
    hostname="wiki",
    marker=MARKER,
    power="running",
    busy=False,
    since=NOON,
    baseline=Baseline(comparable(VALUES), dict(ENVIRONMENT)),
)
LOOK = Look(
    at=later(20),
    state="there",
    node="pve1",
    running=True,
    hostname="wiki",
    markers=(MARKER,),
    values=VALUES,
    environment=ENVIRONMENT,
)
GONE = Look(at=later(20), state="gone", node="pve1")
LISTED = Listed(vmid=105, node="pve1", name="wiki", running=True)
# when the complete lists were made that missed it
MISSED = tuple(later(n) for n in range(1, MISSES + 1))


def app(*open_: Finding, **changed: Any) -> Desired:
    return replace(APP, open={f.key: f for f in open_}, **changed)


def look(values: Mapping[str, str | None] | None = None, **changed: Any) -> Look:
    """`values`: what else the configuration says; None: not any more."""
    merged: dict[str, str | None] = {**VALUES, **(values or {})}
    return replace(LOOK, values={k: v for k, v in merged.items() if v is not None}, **changed)


def view(seen: Look | None = None, listed: Listed | None = LISTED, **changed: Any) -> View:
    """Of a cluster with one guest, 105."""
    guests, looks = ({105: listed} if listed else {}), ({105: seen} if seen else {})
    return replace(View(later(25), complete=True, guests=guests, looks=looks), **changed)


def compared(desired: Desired | None, seen: View, open_: Iterable[Finding] = ()) -> list[Difference]:
    """`open_` about guest 105, if no application has it."""
    guests = {105: {f.key: f for f in open_}}
    return find_drift([desired] if desired else [], seen, INSTALLATION, APPLICATIONS, guests)


def found(differences: Iterable[Difference]) -> dict[str, Finding]:
    return {d.finding.key: d.finding for d in differences if isinstance(d, Drift)}
