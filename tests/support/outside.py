"""What people and other tools do to a simulated cluster, behind Proximity's back, with a token of their own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from proximity.domain.application.marker import Marker
from proximity.proxmox.certificate import normal_fingerprint, trust
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.transport import Api
from support.simulator import SimulatedCluster

STRANGER = "stranger@pve!test"
RIGHTS = [
    *("VM.Allocate", "VM.Audit", "VM.PowerMgmt", "VM.Clone", "VM.Migrate", "VM.Snapshot", "VM.Backup"),
    *("VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options"),
    *("Datastore.Audit", "Datastore.AllocateSpace", "Sys.Audit", "Sys.Modify", "SDN.Use"),
]
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
PATIENCE = 60.0


class Outsider:
    def __init__(self, simulator: SimulatedCluster, connection: Connection) -> None:
        self.simulator = simulator
        self.token = connection.token_id
        self._api = Api(
            connection,
            Endpoint.parse(connection.endpoints[0]),
            trust(connection),
            normal_fingerprint(connection.fingerprint or ""),
        )
        self._client = ProxmoxClient(connection)

    @classmethod
    def stranger(cls, simulator: SimulatedCluster) -> "Outsider":
        known = simulator.connection()
        secret = simulator.add_token(STRANGER, [{"path": "/", "privileges": RIGHTS, "propagate": 1}])
        return cls(simulator, Connection((known.url,), STRANGER, secret, known.fingerprint))

    @classmethod
    def ourselves(cls, simulator: SimulatedCluster) -> "Outsider":
        """With Proximity's own token: what the provisioner did."""
        known = simulator.connection()
        return cls(simulator, Connection((known.url,), known.token_id, known.token_secret, known.fingerprint))

    def close(self) -> None:
        self._api.close()
        self._client.close()

    async def do(self, method: str, path: str, **values: Any) -> float:
        """A call, and if it began a task, until that has succeeded. When the task was over, by time.monotonic()."""
        steps = path.split("/")
        answer = await asyncio.to_thread(
            self._api.call, method, steps, {k.replace("_", "-"): v for k, v in values.items()}
        )
        async with asyncio.timeout(PATIENCE):
            while str(answer).startswith("UPID:"):
                task = await self._client.task(str(answer))
                if task is not None and not task.running:
                    assert task.succeeded, task
                    break
                await asyncio.sleep(0.01)
        return time.monotonic()

    async def power(self, vmid: int, action: str) -> float:
        return await self.do("post", f"nodes/{self._node(vmid)}/lxc/{vmid}/status/{action}")

    async def configure(self, vmid: int, **values: Any) -> float:
        return await self.do("put", f"nodes/{self._node(vmid)}/lxc/{vmid}/config", **values)

    async def destroy(self, vmid: int) -> float:
        return await self.do("delete", f"nodes/{self._node(vmid)}/lxc/{vmid}", purge=1)

    async def create(self, vmid: int, node: str, hostname: str, marker: Marker | None = None, **values: Any) -> float:
        description = {"description": f"{marker.line()}\n"} if marker else {}
        wanted = {
            "vmid": vmid,
            "hostname": hostname,
            "ostemplate": TEMPLATE,
            "rootfs": "local-lvm:4",
            "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
            "unprivileged": 1,
            "memory": 512,
            **description,
            **values,
        }
        return await self.do("post", f"nodes/{node}/lxc", **wanted)

    def _node(self, vmid: int) -> str:
        guest = self.simulator.guest(vmid)
        assert guest is not None, f"no guest {vmid}"
        return str(guest["node"])


Act = Callable[[Outsider], Awaitable[object]]
Outside = Callable[[Act], None]
"""Does something there, and returns when it is done."""
