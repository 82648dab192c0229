"""Two simulated clusters whose nodes and VMIDs have the same names: what really is, and how it is disturbed."""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from support.provisioning import EVERYTHING

Row = dict[str, Any]
STRANGER = "stranger@pve!somebody"
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
READY_SECONDS = 60.0
LEFT = ("create", "destroyed")


def left_behind(guest: Row) -> bool:
    """Locked for ever by a worker that died, or unlocked since and without anything on it."""
    return guest["lock"] in LEFT or (not guest["lock"] and not guest["description"])


@dataclass
class Simulated:
    """One cluster, seen from behind: nothing here goes through Proximity, or with its token."""

    url: str
    control_url: str
    fingerprint: str
    token_id: str
    token_secret: str = field(repr=False)
    # what Proximity calls it, once it is connected
    cluster_id: str = ""
    # vmid -> what a guest that is not Proximity's was when the run began
    foreign: dict[int, Row] = field(default_factory=dict)
    _stranger: str = field(default="", repr=False)
    # it speaks to this machine only
    _http: httpx2.AsyncClient = field(default_factory=lambda: httpx2.AsyncClient(verify=False, timeout=60), repr=False)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, self.control_url + path, json=body)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def guests(self) -> list[Row]:
        """{vmid, node, type, name, status, lock, description, address, config}."""
        return list((await self.control("GET", "/state"))["guests"])

    async def guest(self, vmid: int) -> Row | None:
        return next((guest for guest in await self.guests() if guest["vmid"] == vmid), None)

    async def journal(self) -> list[Row]:
        return list(await self.control("GET", "/journal"))

    async def unlock(self, vmid: int) -> None:
        """`pct unlock`. Nothing happens if there is no such guest."""
        await self._http.post(f"{self.control_url}/guests/{vmid}/unlock", json={})

    async def as_stranger(self, method: str, path: str, **form: Any) -> httpx2.Response:
        """A call of the API with a token that is nobody's but the harness's."""
        if not self._stranger:
            privileges = [*EVERYTHING, "Datastore.AllocateTemplate"]
            acl = [{"path": "/", "privileges": privileges, "propagate": 1}]
            self._stranger = (await self.control("POST", "/tokens", {"id": STRANGER, "acl": acl}))["token_secret"]
        headers = {"Authorization": f"PVEAPIToken={STRANGER}={self._stranger}"}
        url = f"{self.url}/api2/json{path}"
        return await self._http.request(method, url, data=form or None, headers=headers)

    async def make_foreign(self, vmid: int, node: str, description: str, *, start: bool) -> None:
        form = {
            "vmid": vmid, "hostname": f"foreign{vmid}", "ostemplate": TEMPLATE, "rootfs": "local-lvm:1", "memory": 128,
            "cores": 1, "unprivileged": 1, "features": "nesting=1", "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
        } | ({"description": description} if description else {})  # fmt: skip
        await self._done(await self.as_stranger("POST", f"/nodes/{node}/lxc", **form))
        if start:
            await self._done(await self.as_stranger("POST", f"/nodes/{node}/lxc/{vmid}/status/start"))

    async def destroy(self, vmid: int) -> None:
        """`pct destroy --purge`, by a person. Nothing happens if there is no such guest."""
        guest = await self.guest(vmid)
        if guest is not None:
            await self._done(await self.as_stranger("DELETE", f"/nodes/{guest['node']}/lxc/{vmid}?purge=1"))

    async def tidy_images(self) -> None:
        """A person removes the archives of images, of which each is pulled again when it is needed next."""
        for node in ("pve1", "pve2"):
            content = f"/nodes/{node}/storage/local/content"
            listed = await self.as_stranger("GET", f"{content}?content=vztmpl")
            for volume in listed.json()["data"] if listed.is_success else ():
                if volume["volid"].endswith(".tar"):
                    await self.as_stranger("DELETE", f"{content}/{volume['volid']}")

    async def works_on(self, guest: Row) -> bool:
        """Whether a worker is busy with it. Unlike the harness's other questions this one goes through the API."""
        path = f"/nodes/{guest['node']}/tasks?source=active&vmid={guest['vmid']}"
        answer = await self.as_stranger("GET", path)
        return answer.is_success and bool(answer.json()["data"])

    async def close(self) -> None:
        await self._http.aclose()

    async def _done(self, answer: httpx2.Response) -> None:
        """Waits for the task that was answered."""
        if not answer.is_success:
            raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.reason_phrase}")
        status = await self.task(answer.json()["data"])
        while status["status"] == "running":
            await asyncio.sleep(0.05)
            status = await self.task(status["upid"])

    async def task(self, upid: str) -> Row:
        """{status, exitstatus, ...}."""
        answer = await self.as_stranger("GET", f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status")
        return dict(answer.json()["data"]) if answer.is_success else {"status": "gone", "upid": upid}


class Lab:
    """The simulator's process. It is not among what is killed: it stands for the hardware."""

    def __init__(self, folder: Path, time_scale: float, seed: int) -> None:
        self._folder = folder
        self._scale, self._seed = time_scale, seed
        self._process: asyncio.subprocess.Process | None = None
        self.clusters: list[Simulated] = []

    async def start(self) -> None:
        self._folder.mkdir(parents=True)
        ready = self._folder / "ready.json"
        options = {"--clusters": 2, "--time-scale": self._scale, "--seed": self._seed, "--ready-file": ready}
        with (self._folder / "simulator.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "proximity_simulator", *(str(part) for o in options.items() for part in o),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        async with asyncio.timeout(READY_SECONDS):
            while not ready.exists():  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(0.02)
        known = ("url", "control_url", "fingerprint", "token_id", "token_secret")
        told = json.loads(ready.read_text())["clusters"]
        self.clusters = [Simulated(**{name: one[name] for name in known}) for one in told]

    async def stop(self) -> None:
        for cluster in self.clusters:
            await cluster.close()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
