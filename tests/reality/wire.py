"""How Proxmox VE answers the reconciler: HTTP answers, shaped as recorded ones, made of the truth and of a trouble.

All of the client runs on it but the socket and its threads.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.errors import UnreachableError
from proximity.proxmox.transport import Api
from reality.trouble import Question, Trouble
from reality.truth import NODES, Guest, Truth

T = TypeVar("T")
PVESTATD, FORGOTTEN = 10.0, 300.0
TRAVEL = 0.02
ALL = {"VM.Audit", "VM.Config.Options", "Pool.Audit", "Sys.Audit", "Datastore.Audit"}
_PATHS: dict[str, Question] = {
    r"/cluster/resources": "resources",
    r"/cluster/status": "status",
    r"/cluster/tasks": "tasks",
    r"/cluster/nextid": "nextid",
    r"/access/permissions": "permissions",
    r"/nodes/(?P<node>[^/]+)/storage": "storage",
    r"/nodes/(?P<node>[^/]+)/rrddata": "chart",
    r"/nodes/(?P<node>[^/]+)/lxc/(?P<vmid>\d+)/config": "config",
    r"/nodes/(?P<node>[^/]+)/lxc/(?P<vmid>\d+)/status/current": "current",
    r"/nodes/(?P<node>[^/]+)/lxc/(?P<vmid>\d+)/interfaces": "interfaces",
}


class RefusalError(Exception):
    def __init__(self, status: int, reason: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.errors = status, reason, errors


class Window:
    """Through which one reconciler sees. `asked`: when, and for what. `pooled`: its token has rights by a pool only."""

    def __init__(self, truth: Truth, *, pooled: bool = False) -> None:
        self.truth = truth
        self.pooled = pooled
        self.trouble = Trouble()
        self.asked: list[tuple[float, Question]] = []

    def answer(self, url: str) -> Any:
        """Raises RefusalError."""
        parts = urlsplit(url)
        path = parts.path.removeprefix("/api2/json")
        question, found = next((q, m) for p, q in _PATHS.items() if (m := re.fullmatch(p, path)))
        self.asked.append((self.truth.seconds(), question))
        if question in self.trouble.halved and self.truth.random.random() < 0.5:
            words = "failed to read from command socket: Connection reset by peer"
            raise RefusalError(500 if question == "current" else 596, words if question == "current" else "Broken pipe")
        about = found.groupdict()
        if about.get("node") in self.trouble.away:
            raise RefusalError(595, "No route to host")
        if question == "nextid":
            return self._nextid(int(parse_qs(parts.query)["vmid"][0]))
        if question in ("config", "current", "interfaces"):
            return self._guest(question, about["node"], int(about["vmid"]))
        whole: dict[Question, Callable[[], Any]] = {
            "resources": self._resources, "status": self._status, "tasks": self._tasks,
            "permissions": self._permissions, "storage": list, "chart": self._chart,
        }  # fmt: skip
        return whole[question]()

    # --- what the node that answers knows

    @property
    def _guests(self) -> Mapping[int, Guest]:
        trouble = self.trouble
        return self.truth.guests if trouble.quorate else self.truth.at(trouble.since)

    def _may(self, vmid: int, right: str) -> bool:
        match self.trouble.rights:
            case "nothing":
                return False
            case "no environment":
                return right != "VM.Config.Options"
            case "no Sys.Audit":
                return right != "Sys.Audit"
        if self.pooled and vmid not in self._guests:
            # the pool forgets it
            return False
        return vmid not in self.trouble.hidden

    @property
    def _sees_all(self) -> bool:
        return not self.pooled and self.trouble.rights not in ("nothing", "no Sys.Audit")

    def _permissions(self) -> dict[str, dict[str, int]]:
        trouble = self.trouble
        if trouble.rights == "nothing":
            return {}
        lost = {"no environment": {"VM.Config.Options"}, "no Sys.Audit": {"Sys.Audit"}}.get(trouble.rights, set())
        rights = ALL - lost
        hidden = trouble.hidden if trouble.rights == "but some guests" else frozenset()
        if self.pooled:
            # a guest that was taken out of the pool is a path less
            shown = {vmid for vmid in self._guests if vmid not in trouble.hidden}
            rights -= {"Sys.Audit"}
            return {"/pool/P": dict.fromkeys(rights, 1)} | {f"/vms/{vmid}": dict.fromkeys(rights, 0) for vmid in shown}
        if hidden:
            others = {f"/vms/{vmid}": dict.fromkeys(rights, 0) for vmid in self._guests if vmid not in hidden}
            return {"/": {right: 1 for right in rights if not right.startswith("VM.")}} | others
        return {path: dict.fromkeys(rights, 1) for path in ("/", "/nodes", "/pool", "/storage", "/vms")}

    def _status(self) -> list[dict[str, Any]]:
        if not self._sees_all:
            raise RefusalError(403, "Permission check failed (/, Sys.Audit)")
        quorate = int(self.trouble.quorate)
        cluster = {"id": "cluster", "type": "cluster", "name": "home", "version": 3, "nodes": 3, "quorate": quorate}
        nodes = [
            {"id": f"node/{node}", "type": "node", "name": node, "nodeid": n, "online": int(not self._is_away(node)),
             "local": int(n == 1), "ip": f"10.0.0.{n}", "level": ""}
            for n, node in enumerate(NODES, 1)
        ]  # fmt: skip
        return [cluster, *nodes]

    def _is_away(self, node: str) -> bool:
        """Without quorum a node sees no other one; whoever may not ask for the quorum sees that at least."""
        return node in self.trouble.away or (not self.trouble.quorate and not self._sees_all and node != NODES[0])

    def _tasks(self) -> list[dict[str, object]]:
        if not self._sees_all:
            return []
        now = self.truth.seconds()
        workers = [w for w in self.truth.workers[-60:] if w.node not in self.trouble.away]
        return [worker.listed(now) for worker in reversed(workers)]

    def _chart(self) -> list[dict[str, Any]]:
        """The point of this minute has nothing yet."""
        if not self._sees_all:
            raise RefusalError(403, "Permission check failed (/nodes, Sys.Audit)")
        last = int(self.truth.seconds()) // 60 * 60
        return [{"time": last - 60 * back} | ({"netin": 7.5, "netout": 2.5} if back else {}) for back in (2, 1, 0)]

    def _resources(self) -> list[dict[str, Any]]:
        now, trouble = self.truth.seconds(), self.trouble
        swept_at = (trouble.since if trouble.stuck else now) // PVESTATD * PVESTATD
        swept = self.truth.at(swept_at)
        guests = [
            self._entry(guest, swept.get(vmid), swept_at)
            for vmid, guest in sorted(self._guests.items())
            if self._may(vmid, "VM.Audit") and vmid not in trouble.omitted
        ]
        nodes: list[dict[str, Any]] = [
            {"id": f"node/{node}", "type": "node", "node": node, "level": "", "cgroup-mode": 2,
             "status": "offline" if self._is_away(node) else "online"}
            for node in NODES
        ]  # fmt: skip
        for node in nodes if self._sees_all else ():
            if node["status"] == "online":
                node |= {"maxcpu": 4, "cpu": self.truth.random.random(), "maxmem": 1 << 34, "mem": 1 << 33, "uptime": 9,
                         "maxdisk": 1 << 36, "disk": 1 << 34}  # fmt: skip
        return [*guests, *nodes, *self._storages()]

    def _storages(self) -> list[dict[str, Any]]:
        if self.trouble.rights == "nothing":
            return []
        return [
            {"id": f"storage/{node}/local", "type": "storage", "storage": "local", "node": node, "plugintype": "dir",
             "content": "vztmpl,rootdir", "shared": 0, "status": "available", "maxdisk": 1 << 40, "disk": 1 << 30}
            for node in NODES
            if not self._is_away(node)
        ]  # fmt: skip

    def _entry(self, guest: Guest, swept: Guest | None, at: float) -> dict[str, Any]:
        """Name, status and figures are what pvestatd of its node saw last; the rest is as it is now."""
        entry: dict[str, Any] = {
            "id": f"{guest.kind}/{guest.vmid}", "type": guest.kind, "node": guest.node, "vmid": guest.vmid,
        }  # fmt: skip
        now = self.truth.seconds()
        dead_for = now - (self.trouble.since if guest.node in self.trouble.away else at)
        if swept is None or swept.node != guest.node or dead_for > FORGOTTEN:
            entry["status"] = "unknown"
        else:
            usage: dict[str, float] = {
                "cpu": self.truth.random.random() / 4,
                "mem": 1 << 28,
                "uptime": 3600 + int(at % 1_000_000),
            }
            entry |= {
                "name": swept.name, "status": "running" if swept.running else "stopped", "template": 0,
                "maxcpu": 1, "maxmem": swept.memory << 20, "maxdisk": 4 << 30, "disk": 1 << 30,
                "netin": int(at), "netout": int(at), **(usage if swept.running else dict.fromkeys(usage, 0)),
            }  # fmt: skip
        fresh = {"lock": guest.lock, "tags": guest.tags, "pool": "P" if self.pooled else None}
        return entry | {key: value for key, value in fresh.items() if value}

    def _guest(self, question: Question, node: str, vmid: int) -> Any:
        guest = self._guests.get(vmid)
        for right in ("VM.Audit", "VM.Config.Options")[: 2 if question == "config" else 1]:
            if not self._may(vmid, right) and (right == "VM.Audit" or guest):
                raise RefusalError(403, f"Permission check failed (/vms/{vmid}, {right})")
        if guest is None or guest.node != node or guest.kind != "lxc":
            raise RefusalError(500, f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist")
        if question == "config":
            return guest.config
        if question == "interfaces":
            return [{"name": "eth0", "hwaddr": guest.card, "inet": "10.0.0.7/24"}] if guest.running else None
        lock = {"lock": guest.lock} if guest.lock else {}
        status = "running" if guest.running else "stopped"
        return {"vmid": vmid, "name": guest.name, "status": status, "type": "lxc", "uptime": 7, "cpus": 1, **lock}

    def _nextid(self, vmid: int) -> str:
        if vmid in self._guests:
            raise RefusalError(400, "Parameter verification failed.", {"vmid": f"VM {vmid} already exists"})
        return str(vmid)


class _Adapter(BaseAdapter):
    """In the place of the socket."""

    def __init__(self, window: Window, endpoint: Endpoint) -> None:
        super().__init__()
        self._window = window
        self._endpoint = endpoint

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.method == "GET", "the reconciler only looks"
        trouble = self._window.trouble
        match trouble.deaf:
            case "refuses":
                raise UnreachableError(f"{self._endpoint}: Connection refused")
            case "is silent":
                raise requests.ReadTimeout
            case "596":
                return _response(request, 596, "Broken pipe", b"")
            case "proxy's page":
                return _response(request, 200, "OK", b"<html>Please wait</html>", "text/html")
            case "401":
                return _response(request, 401, "Authentication failed!", b"")
        if self._endpoint.host in trouble.away:
            raise UnreachableError(f"{self._endpoint}: No route to host")
        try:
            return _response(request, 200, "OK", json.dumps({"data": self._window.answer(str(request.url))}).encode())
        except RefusalError as refusal:
            body: dict[str, Any] = {"data": None, "message": f"{refusal.reason}\n"}
            body |= {"errors": refusal.errors} if refusal.errors else {}
            text = b"" if refusal.status in (595, 596) else json.dumps(body).encode()
            return _response(request, refusal.status, refusal.reason, text)

    def close(self) -> None:
        """Nothing is open."""


def _response(
    request: requests.PreparedRequest, status: int, reason: str, body: bytes, kind: str = "application/json"
) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason, response.url = status, reason, str(request.url)
    response.headers = CaseInsensitiveDict({"Content-Type": f"{kind};charset=UTF-8"})
    response.request, response.encoding = request, "utf-8"
    response._content = body
    return response


class WireClient(ProxmoxClient):
    """Answers take a while: what was asked for may be otherwise before the answer is there."""

    def __init__(self, window: Window, connection: Connection) -> None:
        self._window = window
        super().__init__(connection)

    def _open(self, endpoint: Endpoint) -> Api:
        api = super()._open(endpoint)
        api._session.mount("https://", _Adapter(self._window, endpoint))
        return api

    async def _in_thread(self, work: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        trouble = self._window.trouble
        seconds = self.connection.read_timeout if trouble.deaf == "is silent" else TRAVEL + trouble.slow
        share = self._window.truth.random.random()
        await asyncio.sleep(seconds * share)
        try:
            return work()
        finally:
            await asyncio.sleep(seconds * (1 - share))
