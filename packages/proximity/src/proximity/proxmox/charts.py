"""From Proxmox's charts (`rrddata`) to our values. Pure. A point has only its time where nothing was measured."""

from dataclasses import replace
from typing import Any

from proximity.proxmox.answers import Entry, fraction, rows, share, text
from proximity.proxmox.observe import Point, StoragePoint


def node_history(data: Any) -> list[Point]:
    return [_point(entry, ("memused", "memtotal"), ("rootused", "roottotal")) for entry in rows(data)]


def guest_history(data: Any) -> list[Point]:
    """What a virtual machine or a stopped container uses of its disk nobody measures: Proxmox says 0."""
    points = (_point(entry, ("mem", "maxmem"), ("disk", "maxdisk")) for entry in rows(data))
    return [replace(point, disk_used=point.disk_used or None) for point in points]


def storage_history(data: Any) -> list[StoragePoint]:
    return [
        StoragePoint(_at(entry), used=fraction(entry.get("used")), total=fraction(entry.get("total")))
        for entry in rows(data)
    ]


def _point(entry: Entry, memory: tuple[str, str], disk: tuple[str, str]) -> Point:
    """Of memory and disk: what is used, and the whole."""
    return Point(
        at=_at(entry),
        cpu=share(entry.get("cpu")),
        memory_used=fraction(entry.get(memory[0])),
        memory=fraction(entry.get(memory[1])),
        disk_used=fraction(entry.get(disk[0])),
        disk=fraction(entry.get(disk[1])),
        netin=fraction(entry.get("netin")),
        netout=fraction(entry.get("netout")),
    )


def _at(entry: Entry) -> int:
    return int(text(entry, "time"))
