"""The charts: `rrddata` of nodes, guests and storages."""

import time
from typing import Any

from fakepve.model import PveError

from . import figures
from .base import Base, Values
from .calls import on_node

FRAMES = {"hour": (60, 60), "day": (60, 1440), "week": (1800, 336), "month": (1800, 1440), "year": (21600, 1440),
          "decade": (604800, 570)}  # fmt: skip
"""timeframe -> seconds between points, number of points."""
PRESSURES = ("cpusome", "cpufull", "iosome", "iofull", "memorysome", "memoryfull")
NO_GUEST = "rrd_fetch_r failed: opening '/var/lib/rrdcached/db/pve-vm-9.0/{}': No such file or directory"
LOADED = {"MAX": 1.3, "AVERAGE": 1.0}


def times(frame: str, now: float) -> list[int]:
    """Of all points, oldest first, up to the last full step."""
    step, count = FRAMES[frame]
    last = int(now) // step * step
    return [last - step * back for back in reversed(range(count))]


def pressures(at: float, phase: float) -> dict[str, float]:
    some = {kind: round(max(0.0, 0.3 + 0.4 * figures.wave(at, phase + index, 1200)), 4)
            for index, kind in enumerate(PRESSURES)}  # fmt: skip
    return {f"pressure{kind}": value for kind, value in some.items()}


class Charts(Base):
    def _routes_a_charts(self) -> list[Any]:
        node = "/nodes/{node}"
        return [
            ("GET", f"{node}/rrddata", self._node_chart),
            ("GET", f"{node}/lxc/{{vmid}}/rrddata", self._guest_chart),
            ("GET", f"{node}/qemu/{{vmid}}/rrddata", self._guest_chart),
            ("GET", f"{node}/storage/{{storage}}/rrddata", self._storage_chart),
        ]

    async def _node_chart(self, v: Values, user: str) -> list[dict[str, Any]]:
        node, load = v["node"], LOADED[v.get("cf") or "AVERAGE"]
        guests = [guest for guest in (*self.cts, *self.vms) if guest.node == node]
        phase = float(sorted(self.nodes).index(node))
        return [self._node_point(at, guests, phase, load) for at in times(v["timeframe"], time.time())]

    def _node_point(self, at: int, guests: list[Any], phase: float, load: float) -> dict[str, Any]:
        seen = figures.of_node(guests, at, self.booted_at, phase, self.node_cpus)
        cpu = min(1.0, seen["cpu"] * load)
        traffic = 4000.0 * load * (1.2 + figures.wave(at, phase, 600))
        shown = {name: value for name, value in pressures(at, phase).items() if name != "pressurecpufull"}
        return shown | {
            "time": at, "cpu": cpu, "iowait": round(0.002 + 0.002 * abs(figures.wave(at, phase)), 6),
            "loadavg": round(cpu * self.node_cpus, 2), "maxcpu": self.node_cpus, "memtotal": seen["maxmem"],
            "memused": seen["mem"], "memavailable": seen["maxmem"] - seen["mem"], "swaptotal": 8 << 30, "swapused": 0,
            "roottotal": seen["maxdisk"], "rootused": seen["disk"], "netin": round(traffic, 2),
            "netout": round(traffic * 0.6, 2), "arcsize": 0,
        }  # fmt: skip

    async def _guest_chart(self, v: Values, user: str) -> list[dict[str, Any]]:
        guest = self.guest(int(v["vmid"]))
        if guest is None or guest.node != v["node"]:
            raise PveError(500, f"RRD error: rrdcached@unix:/var/run/rrdcached.sock: {NO_GUEST.format(v['vmid'])}")
        load, now = LOADED[v.get("cf") or "AVERAGE"], time.time()
        points = times(v["timeframe"], now)
        return [self._guest_point(guest, at, load, last=at == points[-1]) for at in points]

    def _guest_point(self, guest: Any, at: int, load: float, last: bool) -> dict[str, Any]:
        """Only the time where nothing was measured; no activity while it does not run."""
        running = guest.status == "running"
        if running and not last and at < (guest.started_at or 0):
            return {"time": at}
        seen = figures.of_guest(guest, max(at, (guest.started_at or 0) + 60) if running else at)
        sizes = {
            "time": at, "disk": seen["disk"], "maxdisk": seen["maxdisk"], "maxmem": figures.guest_memory(guest),
            "maxcpu": figures.guest_cpus(guest, self.node_cpus),
        }  # fmt: skip
        if not running:
            return sizes
        activity = 1.2 + figures.wave(at, guest.vmid, 700)
        moved = {"netin": 900, "netout": 300, "diskread": 70, "diskwrite": 210}
        return sizes | pressures(at, guest.vmid) | {
            "cpu": max(0.0, seen["cpu"]) * load, "mem": seen["mem"],
            **{name: round(rate * activity * load, 2) for name, rate in moved.items()},
        }  # fmt: skip

    async def _storage_chart(self, v: Values, user: str) -> list[dict[str, Any]]:
        with on_node(v["node"]):
            total, used, _ = self._space(self._store(v["storage"]))
        name = v["storage"]
        return [
            {"time": at, "total": total, "used": used + int((1 << 26) * figures.wave(at, len(name), 1800))}
            for at in times(v["timeframe"], time.time())
        ]
