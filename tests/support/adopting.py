"""Containers of other people on the simulated cluster: changed behind Proximity's back, adopted, looked at."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from proximity.domain.application import commands as cmd
from proximity.domain.application.spec import Resources, Spec
from proximity.proxmox.observe import GuestConfig
from support.provisioning import Stage

FOUND = Spec(
    recipe="adopted",
    recipe_version="1",
    runtime="adopted",
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
)
UNIFI, PIHOLE = 105, 100  # one of the demo set that is stopped, on pve2, and one that runs, on pve1


@dataclass(frozen=True)
class Strangers:
    stage: Stage

    def node(self, vmid: int) -> str:
        guest = self.stage.simulator.guest(vmid)
        assert guest is not None
        return str(guest["node"])

    def power(self, vmid: int) -> str:
        guest = self.stage.simulator.guest(vmid)
        assert guest is not None
        return str(guest["status"])

    async def config(self, vmid: int) -> GuestConfig:
        return await self.stage.proxmox().guest_config(self.node(vmid), vmid)

    async def write(self, vmid: int, **values: str) -> GuestConfig:
        """As Proxmox has it then."""
        client, node = self.stage.proxmox(), self.node(vmid)
        await client.configure_container(node, vmid, values, (await client.guest_config(node, vmid)).digest)
        return await client.guest_config(node, vmid)

    async def migrate(self, vmid: int, target: str) -> None:
        """Of a stopped one."""
        client = self.stage.proxmox()
        path = ("nodes", self.node(vmid), "lxc", vmid, "migrate")
        await self.stage.task_done(str(await client._act("post", *path, values={"target": target})))
        assert self.node(vmid) == target

    async def destroy(self, vmid: int) -> None:
        """A stopped one."""
        await self.stage.task_done(await self.stage.proxmox().destroy_container(self.node(vmid), vmid))

    # --- and Proximity

    async def adopt(self, vmid: int, name: str = "Old", **other: Any) -> tuple[str, str]:
        """Asks for it. The ids of the application and the operation."""
        application_id = str(uuid4())
        wanted: dict[str, Any] = {"cluster_id": self.stage.cluster_id, "spec": FOUND, **other}
        if "node" not in wanted:
            wanted["node"] = self.node(vmid)
        command = cmd.AdoptGuest(
            operation_id=str(uuid4()), application_id=application_id, name=name, vmid=vmid, **wanted
        )
        return application_id, await self.stage.send("application", application_id, command)

    async def adopted(self, vmid: int, name: str = "Old", **other: Any) -> str:
        """The application's id."""
        application_id, operation_id = await self.adopt(vmid, name, **other)
        await self.stage.succeeded(application_id, operation_id)
        return application_id
