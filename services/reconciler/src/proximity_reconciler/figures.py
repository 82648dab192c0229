"""How guests are, node by node, passed on when more than noise changed. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from proximity.proxmox.observe import GuestSeen

# Figures that hardly changed are passed on again after this long: uptimes and counters grow all the time.
AT_LEAST_EVERY = timedelta(minutes=1)
# What a direct look saw is in the list after this long.
LIST_LAGS = timedelta(seconds=12)
CPU_NOISE = 0.02
SHARE_NOISE = 0.02
NET_NOISE = 256 * 1024

Figures = dict[str, Any]
# VMID -> figures
OfNode = dict[str, Figures]


class GuestFigures:
    """What was passed on last, and what direct looks saw that the list does not know yet."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[datetime, dict[str, Figures]]] = {}
        self._fresher: dict[int, tuple[datetime, bool]] = {}

    def saw(self, vmid: int, at: datetime, running: bool) -> None:
        self._fresher[vmid] = (at, running)

    def news(self, at: datetime, guests: Iterable[GuestSeen], away: frozenset[str]) -> list[tuple[str, OfNode]]:
        """(node, VMID -> figures) of the nodes where something changed. Nothing of those that do not answer: what the
        list says of their guests is old.
        """
        self._fresher = {vmid: seen for vmid, seen in self._fresher.items() if at - seen[0] < LIST_LAGS}
        nodes: dict[str, dict[str, Figures]] = {}
        for guest in guests:
            if guest.node not in away and guest.status != "unknown":
                nodes.setdefault(guest.node, {})[str(guest.vmid)] = self._figures(guest)
        # a node whose last guest left has to say so
        for node in self._told.keys() - away:
            nodes.setdefault(node, {})
        found = [(node, now) for node, now in nodes.items() if self._is_news(at, node, now)]
        self._told |= {node: (at, now) for node, now in found}
        return list(found)

    def _figures(self, guest: GuestSeen) -> Figures:
        figures: Figures = {
            "status": guest.status,
            "cpu": guest.cpu,
            "memory_used": guest.memory_used,
            "disk_used": guest.disk_used,
            "netin": guest.netin,
            "netout": guest.netout,
            "uptime": guest.uptime,
        }
        if fresher := self._fresher.get(guest.vmid):
            status = "running" if fresher[1] else "stopped"
            if status != guest.status:
                figures |= {"status": status, "cpu": 0.0, "uptime": 0}
        return figures

    def _is_news(self, at: datetime, node: str, now: Mapping[str, Figures]) -> bool:
        told = self._told.get(node)
        if told is None or at - told[0] >= AT_LEAST_EVERY:
            return bool(now) or bool(told and told[1])
        before = told[1]
        return before.keys() != now.keys() or any(_differ(before[vmid], figures) for vmid, figures in now.items())


def _differ(before: Figures, now: Figures) -> bool:
    if before["status"] != now["status"] or (now["uptime"] or 0) < (before["uptime"] or 0):
        return True
    return (
        abs((now["cpu"] or 0) - (before["cpu"] or 0)) > CPU_NOISE
        or _moved(before["memory_used"], now["memory_used"])
        or _moved(before["disk_used"], now["disk_used"])
        or abs((now["netin"] or 0) - (before["netin"] or 0)) > NET_NOISE
        or abs((now["netout"] or 0) - (before["netout"] or 0)) > NET_NOISE
    )


def _moved(before: int | None, now: int | None) -> bool:
    return abs((now or 0) - (before or 0)) > SHARE_NOISE * max(before or 0, 1)
