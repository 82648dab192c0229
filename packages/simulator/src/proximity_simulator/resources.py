"""Nodes, their state, and the list of everything: as stale as on a real cluster."""

import json
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


@dataclass(frozen=True)
class Swept:
    """What pvestatd saw of a guest id; it stays, also for a new guest of that id, until the next sweep."""

    at: float
    node: str
    seen: dict[str, Any]
    text: str
    """The entry as JSON, up to its closing brace: clusters have thousands of guests."""


class Resources(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.swept: dict[int, Swept] = {}
        self.spaces: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.cluster_name = CLUSTER

    # ------------------------------------------------------------------ sweep

    def sweep(self) -> None:
        now, online = time.time(), {node for node in self.nodes if self.online(node)}
        self.swept = {vmid: swept for vmid, swept in self.swept.items() if swept.node not in online}
        for guest in (*self.cts, *self.vms):
            if guest.node in online:
                seen = self._seen(guest, now)
                text = json.dumps(self._identity(guest) | seen)[:-1]
                self.swept[guest.vmid] = Swept(now, guest.node, seen, text)
        self.spaces = {
            (node, name): self._storage_resource(node, name) for node in self.nodes for name in self.storages
        }

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

    def _identity(self, guest: Any) -> dict[str, Any]:
        kind = "qemu" if hasattr(guest, "agent") else "lxc"
        return {"id": f"{kind}/{guest.vmid}", "type": kind, "node": guest.node, "vmid": guest.vmid}

    def _guest_entry(self, guest: Any) -> dict[str, Any]:
        swept = self.swept.get(guest.vmid)
        known = swept is not None and time.time() - swept.at <= self.scaled(FORGOTTEN_SECONDS)
        return self._identity(guest) | (swept.seen if swept and known else {"status": "unknown"})

    def _guest_text(self, guest: Any, pool: str | None, oldest: float) -> str:
        """`oldest`: the time before which what was seen is forgotten."""
        swept = self.swept.get(guest.vmid)
        fresh = swept is not None and swept.at >= oldest and swept.node == guest.node
        text = swept.text if swept and fresh else json.dumps(self._guest_entry(guest))[:-1]
        # these come from the config and are never stale
        lock, tags, state = guest.lock, guest.config.get("tags"), guest.ha_state
        if not (lock or tags or state or pool):
            return text + "}"
        known = {"lock": lock, "tags": tags, "hastate": state, "pool": pool}
        return f"{text}, {json.dumps({key: value for key, value in known.items() if value})[1:]}"

    def _guest_texts(self, user: str) -> list[str]:
        """Of those the user may see. A guest without an entry of its own and outside of pools is like any other."""
        pools = {vmid: pool for pool, members in self.pools.items() for vmid in members}
        shown = {pool for pool in self.pools if self.allowed(user, f"/pool/{pool}", "Pool.Audit")}
        own = {path for path, *_ in self.access.entries() if path.startswith("/vms/")}
        any_guest = self.allowed(user, "/vms/0", "VM.Audit")
        oldest = time.time() - self.scaled(FORGOTTEN_SECONDS)
        texts = []
        for guest in (*self.cts, *self.vms):
            pool = pools.get(guest.vmid)
            special = pool is not None or (own and f"/vms/{guest.vmid}" in own)
            if self.allowed(user, f"/vms/{guest.vmid}", "VM.Audit") if special else any_guest:
                texts.append(self._guest_text(guest, pool if pool in shown else None, oldest))
        return texts

    def _pool_entry(self, pool: str) -> dict[str, Any]:
        """With the sums over those of its guests that run."""
        entry: dict[str, Any] = {"id": f"/pool/{pool}", "pool": pool, "type": "pool"}
        swept = [self.swept[vmid].seen for vmid in self.pools[pool] if vmid in self.swept]
        running = [seen for seen in swept if seen["uptime"]]
        if running:
            entry |= {key: sum(seen[key] for seen in running) for key in ("mem", "maxmem", "maxcpu")}
            entry["cpu"] = sum(seen["cpu"] * seen["maxcpu"] for seen in running) / entry["maxcpu"]
            entry["uptime"] = max(seen["uptime"] for seen in running)
        return entry

    def _members(self, name: str, kind: str | None) -> list[dict[str, Any]]:
        """Of a pool; its guests as in the list of everything, without what comes from their configuration."""
        members: list[dict[str, Any]] = super()._members(name, kind)
        for member in members:
            guest = self.guest(member.get("vmid"))
            if guest is not None:
                member.update(self._guest_entry(guest))
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
        texts = self._guest_texts(user) if kind in (None, "vm") else []
        found: list[dict[str, Any]] = []
        if kind in (None, "node"):
            found += [self._node_entry(node, user) | {"cgroup-mode": 2} for node in sorted(self.nodes)]
        if kind in (None, "storage"):
            found += self._storage_entries(user)
        if kind is None:
            pools = (pool for pool in self.pools if self.allowed(user, f"/pool/{pool}", "Pool.Audit"))
            found += [self._pool_entry(pool) for pool in pools]
            if self.allowed(user, "/sdn/zones/localnetwork", "SDN.Audit"):
                found += [self._zone_entry(node) for node in sorted(self.nodes)]
        texts += [json.dumps(entry) for entry in found]
        return web.json_response(text=f'{{"data": [{", ".join(texts)}]}}')

    @staticmethod
    def _zone_entry(node: str) -> dict[str, Any]:
        zone = f"network/{node}/zone/localnetwork"
        return {"id": zone, "type": "network", "network-type": "zone", "network": "localnetwork", "node": node,
                "status": "ok"}  # fmt: skip

    def _storage_entries(self, user: str) -> list[dict[str, Any]]:
        names = [name for name in self.storages if self.allowed(user, f"/storage/{name}", "Datastore.Audit")]
        entries = (self.spaces.get((node, name)) for node in sorted(self.nodes) for name in names)
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
        now = int(self.clock(v["node"]))
        return {"timezone": "Etc/UTC", "time": now, "localtime": now}

    async def _node_version(self, v: Values, user: str) -> dict[str, Any]:
        fault = self.faults.held("old_version", node=v["node"])
        if fault is None:
            return {"version": VERSION, "release": RELEASE, "repoid": REPOSITORY}
        return {"version": fault.text, "release": ".".join(fault.text.split(".")[:2]), "repoid": REPOSITORY}

    def version_of(self, node: str) -> tuple[int, ...]:
        fault = self.faults.held("old_version", node=node)
        return tuple(int(number) for number in (fault.text if fault else VERSION).split("."))

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
