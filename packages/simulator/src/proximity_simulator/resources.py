"""Nodes, their state, and the list of everything: as stale as on a real cluster."""

import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from fakepve.model import PveError
from fakepve.server import USER

from . import figures
from .base import RELEASE, REPOSITORY, VERSION, Base, Values, answer

SWEEP_SECONDS = 10.0
"""How often pvestatd of each node looks at its guests."""
FORGOTTEN_SECONDS = 300.0
"""After this long without a sweep of its node a guest's status is unknown."""
CLUSTER = "homelab"
FRESH = ("lock", "tags", "hastate", "pool")


@dataclass(frozen=True)
class Swept:
    """What pvestatd saw of a guest id; it stays, also for a new guest of that id, until the next sweep."""

    at: float
    node: str
    seen: dict[str, Any]


class Resources(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.swept: dict[int, Swept] = {}
        self.cluster_name = CLUSTER

    # ------------------------------------------------------------------ sweep

    def sweep(self) -> None:
        now, online = time.time(), {node for node in self.nodes if self.online(node)}
        self.swept = {vmid: swept for vmid, swept in self.swept.items() if swept.node not in online}
        for guest in (*self.cts, *self.vms):
            if guest.node in online:
                self.swept[guest.vmid] = Swept(now, guest.node, self._seen(guest, now))

    def _seen(self, guest: Any, now: float) -> dict[str, Any]:
        measured = figures.of_guest(guest, now)
        return {
            "name": guest.name, "status": guest.status, "template": int(bool(guest.template)),
            "maxcpu": figures.guest_cpus(guest, self.node_cpus), "maxmem": figures.guest_memory(guest), **measured,
            "memhost": measured["mem"],
        }  # fmt: skip

    def online(self, node: str) -> bool:
        return bool(self.nodes.get(node, {}).get("online", True)) and not self.faults.holds("node_offline", node=node)

    # ------------------------------------------------------------------ views

    def _guest_entry(self, guest: Any, user: str) -> dict[str, Any]:
        kind = "qemu" if guest in self.vms else "lxc"
        entry = {"id": f"{kind}/{guest.vmid}", "type": kind, "node": guest.node, "vmid": guest.vmid}
        swept = self.swept.get(guest.vmid)
        if swept is None or time.time() - swept.at > self.scaled(FORGOTTEN_SECONDS):
            entry["status"] = "unknown"
        else:
            entry.update(swept.seen)
        # these come from the config and are never stale
        fresh = {"lock": guest.lock, "tags": guest.config.get("tags"), "hastate": guest.ha_state}
        pool = self._pool_of(guest.vmid)
        if pool and self.allowed(user, f"/pool/{pool}", "Pool.Audit"):
            fresh["pool"] = pool
        return entry | {key: value for key, value in fresh.items() if value}

    def _members(self, name: str, kind: str | None) -> list[dict[str, Any]]:
        """Of a pool; its guests as in the list of everything, without what comes from their configuration."""
        members: list[dict[str, Any]] = super()._members(name, kind)
        for member in members:
            guest = self.guest(member.get("vmid"))
            if guest is not None:
                fresh = self._guest_entry(guest, "root@pam")
                member.update({key: value for key, value in fresh.items() if key not in FRESH})
        return members

    def _node_entry(self, node: str, user: str) -> dict[str, Any]:
        online = self.online(node)
        entry = {"id": f"node/{node}", "type": "node", "node": node, "level": ""}
        entry["status"] = "online" if online else "offline"
        if online and self.allowed(user, f"/nodes/{node}", "Sys.Audit"):
            guests = [guest for guest in (*self.cts, *self.vms) if guest.node == node]
            entry.update(
                figures.of_node(guests, time.time(), self.booted_at, sorted(self.nodes).index(node), self.node_cpus)
            )
        return entry

    async def _nodes(self, request: web.Request) -> web.Response:
        nodes = [self._node_entry(node, request[USER]) for node in sorted(self.nodes)]
        return answer([node | {"ssl_fingerprint": self.fingerprint} for node in nodes])

    async def _resources(self, request: web.Request) -> web.Response:
        user, kind = request[USER], request.query.get("type")
        found: list[dict[str, Any]] = []
        if kind in (None, "vm"):
            guests = (*self.cts, *self.vms)
            seen = (guest for guest in guests if self.allowed(user, f"/vms/{guest.vmid}", "VM.Audit"))
            found += [self._guest_entry(guest, user) for guest in seen]
        if kind in (None, "node"):
            found += [self._node_entry(node, user) | {"cgroup-mode": 2} for node in sorted(self.nodes)]
        if kind in (None, "storage"):
            found += self._storage_entries(user)
        if kind is None:
            pools = (pool for pool in self.pools if self.allowed(user, f"/pool/{pool}", "Pool.Audit"))
            found += [{"id": f"/pool/{pool}", "pool": pool, "type": "pool"} for pool in pools]
            if self.allowed(user, "/sdn/zones/localnetwork", "SDN.Audit"):
                found += [self._zone_entry(node) for node in sorted(self.nodes)]
        return answer(found)

    @staticmethod
    def _zone_entry(node: str) -> dict[str, Any]:
        zone = f"network/{node}/zone/localnetwork"
        return {"id": zone, "type": "network", "network-type": "zone", "network": "localnetwork", "node": node,
                "status": "ok"}  # fmt: skip

    def _storage_entries(self, user: str) -> list[dict[str, Any]]:
        names = [name for name in self.storages if self.allowed(user, f"/storage/{name}", "Datastore.Audit")]
        entries = (self._storage_resource(node, name) for node in sorted(self.nodes) for name in names)
        return [entry for entry in entries if entry]

    async def _cluster_status(self, request: web.Request) -> web.Response:
        self.require(request[USER], "/", "Sys.Audit")
        quorate = int(not self.faults.holds("quorum_lost"))
        cluster = {"id": "cluster", "type": "cluster", "name": self.cluster_name, "version": len(self.nodes),
                   "nodes": len(self.nodes), "quorate": quorate}  # fmt: skip
        nodes = [
            {"id": f"node/{node}", "type": "node", "name": node, "nodeid": number, "level": "",
             "ip": f"192.168.1.{9 + number}", "online": int(self.online(node)), "local": int(number == 1)}
            for number, node in enumerate(sorted(self.nodes), 1)
        ]  # fmt: skip
        if not self.cluster_name:
            ip = self.bridge[1].partition("/")[0] or nodes[0]["ip"]
            return answer([nodes[0] | {"nodeid": 0, "ip": ip}])
        return answer([cluster, *nodes])

    def need_quorum(self) -> None:
        if self.faults.holds("quorum_lost"):
            raise PveError(500, "cluster not ready - no quorum?")

    async def _version(self, request: web.Request) -> web.Response:
        return answer({"version": VERSION, "release": RELEASE, "repoid": REPOSITORY})

    # ----------------------------------------------------------------- a node

    def _routes_a_nodes(self) -> list[Any]:
        node = "/nodes/{node}"
        return [
            ("GET", f"{node}/status", self._node_status),
            ("GET", f"{node}/time", self._node_time),
            ("GET", f"{node}/version", self._node_version),
            ("GET", f"{node}/network", self._node_network),
        ]

    async def _node_time(self, v: Values, user: str) -> dict[str, Any]:
        now = int(time.time())
        return {"timezone": "Etc/UTC", "time": now, "localtime": now}

    async def _node_version(self, v: Values, user: str) -> dict[str, Any]:
        return {"version": VERSION, "release": RELEASE, "repoid": REPOSITORY}

    async def _node_network(self, v: Values, user: str) -> list[dict[str, Any]]:
        zone = "/sdn/zones/localnetwork/vmbr0"
        if not (self.allowed(user, zone, "SDN.Use") or self.allowed(user, zone, "SDN.Audit")):
            return []
        name, cidr = self.bridge
        alone = cidr != ""
        cidr = cidr or f"192.168.1.{10 + sorted(self.nodes).index(v['node'])}/24"
        address, _, length = cidr.partition("/")
        bridge = {"iface": name, "type": "bridge", "method": "static", "method6": "manual", "families": ["inet"],
                  "address": address, "netmask": length, "cidr": cidr, "bridge_ports": "" if alone else "eno1",
                  "bridge_stp": "off", "bridge_fd": "0", "active": 1, "autostart": 1, "priority": 4}  # fmt: skip
        return [bridge if alone else bridge | {"gateway": "192.168.1.1"}]

    async def _node_status(self, v: Values, user: str) -> dict[str, Any]:
        entry = self._node_entry(v["node"], user)
        load = [f"{entry['cpu'] * self.node_cpus * share:.2f}" for share in (1, 0.9, 0.8)]
        kernel = "6.14.11-4-pve"
        return {
            "cpu": entry["cpu"], "wait": 0.0019, "idle": 0, "uptime": entry["uptime"], "loadavg": load,
            "pveversion": f"pve-manager/{VERSION}/{REPOSITORY}", "kversion": f"Linux {kernel} #1 SMP PREEMPT_DYNAMIC",
            "current-kernel": {"sysname": "Linux", "release": kernel, "version": "#1 SMP PREEMPT_DYNAMIC",
                               "machine": "x86_64"},
            "cpuinfo": {"cpus": self.node_cpus, "cores": 4, "sockets": 1, "model": "Intel(R) N305", "hvm": "1",
                        "vendor": "GenuineIntel",
                        "mhz": "2596.142", "family": "6", "user_hz": 100, "flags": "fpu vme de pse"},
            "memory": {"total": entry["maxmem"], "used": entry["mem"], "free": entry["maxmem"] - entry["mem"],
                       "available": entry["maxmem"] - entry["mem"]},
            "swap": {"total": 8 << 30, "used": 0, "free": 8 << 30},
            "rootfs": {"total": entry["maxdisk"], "used": entry["disk"], "free": entry["maxdisk"] - entry["disk"],
                       "avail": entry["maxdisk"] - entry["disk"]},
            "ksm": {"shared": 0}, "boot-info": {"mode": "legacy-bios"},
        }  # fmt: skip

    # ---------------------------------------------------------------- a guest

    def _cpus(self, ct: Any) -> int | float:
        return figures.guest_cpus(ct, self.node_cpus)

    def _status(self, ct: Any) -> dict[str, Any]:
        status: dict[str, Any] = super()._status(ct)
        return {**status, **figures.of_guest(ct, time.time()), **ct.stats}

    def _vm_usage(self, vm: Any) -> dict[str, Any]:
        usage: dict[str, Any] = super()._vm_usage(vm)
        return usage | figures.of_guest(vm, time.time())
