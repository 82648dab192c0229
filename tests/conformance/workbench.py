"""A client and the guests made with it; every guest is removed afterwards."""

import asyncio
import dataclasses
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from conformance.place import Place
from proximity.proxmox.certificate import normal_fingerprint, trust
from proximity.proxmox.connection import Endpoint
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RefusedError, RightsMissingError
from proximity.proxmox.hypervisor import ContainerSpec, ProxmoxHypervisor
from proximity.proxmox.observe import Task
from proximity.proxmox.transport import Api

T = TypeVar("T")
_numbers = itertools.count()


class Workbench:
    def __init__(self, place: Place, shift: int) -> None:
        """`shift` keeps the VMIDs of test processes that run at once apart."""
        self.place = place
        self.node = place.node
        self.client = ProxmoxHypervisor(place.connection)
        self._shift = shift
        self._vmids: list[int] = []

    async def free_vmid(self) -> int:
        """Never one that was given out before, in the environment's range; it is cleaned up even if a test dies."""
        while True:
            vmid = self.place.vmid_base + self._shift * 1000 + next(_numbers)
            if not await self.client.vmid_in_use(vmid):
                self._vmids.append(vmid)
                return vmid

    def spec(self, vmid: int) -> ContainerSpec:
        return ContainerSpec(
            vmid=vmid,
            hostname=f"conformance-{vmid}",
            template_volid=self.place.template,
            rootfs_storage=self.place.rootfs_storage,
            disk_gib=2,
            cores=1,
            memory_mib=256,
            bridge=self.place.bridge,
            description=f"proximity:conformance:a:o:{vmid}",
        )

    async def create(self, **changes: object) -> int:
        vmid = await self.free_vmid()
        spec = dataclasses.replace(self.spec(vmid), **changes)  # type: ignore[arg-type]
        await self.success(await self.client.create_container(self.node, spec))
        return vmid

    async def upload(self, archive: Path) -> str:
        """The volume id of an archive from this machine, put into the template storage if it is not there."""
        storage, connection = self.place.template_storage, self.place.connection
        volume = f"{storage}:vztmpl/{archive.name}"
        if volume not in await self.client.templates(self.node, storage):
            pinned = connection.fingerprint and normal_fingerprint(connection.fingerprint)
            api = Api(connection, Endpoint.parse(connection.endpoints[0]), trust(connection), pinned)
            with archive.open("rb") as file:
                values = {"content": "vztmpl", "filename": file}
                path = ("nodes", self.node, "storage", storage, "upload")
                await self.success(await asyncio.to_thread(api.call, "post", path, values))
            api.close()
        return volume

    async def start(self, vmid: int) -> None:
        await self.success(await self.client.start_container(self.node, vmid))

    async def end(self, upid: str) -> Task:
        async def ended() -> Task | None:
            task = await self.client.task(upid)
            assert task is not None
            return None if task.running else task

        return await self.until(ended)

    async def success(self, upid: str) -> Task:
        task = await self.end(upid)
        assert task.succeeded, (task.exitstatus, await self.client.task_log(upid))
        return task

    async def until(self, look: Callable[[], Awaitable[T | None]], patience: float | None = None) -> T:
        limit = time.monotonic() + (patience or self.place.patience)
        while (found := await look()) is None:
            assert time.monotonic() < limit, "it did not happen in time"
            await asyncio.sleep(1.0 if self.place.real else 0.02)
        return found

    async def close(self) -> None:
        for vmid in self._vmids:
            with suppress(GuestMissingError, RightsMissingError):
                await self._remove(vmid)
        self.client.close()

    async def _remove(self, vmid: int) -> None:
        async def unlocked() -> bool | None:
            return (await self.client.guest_config(self.node, vmid)).lock is None or None

        await self.until(unlocked)
        if (await self.client.guest_status(self.node, vmid)).status == "running":
            with suppress(RefusedError):
                await self.end(await self.client.stop_container(self.node, vmid))
        await self.success(await self.client.destroy_container(self.node, vmid))

    async def is_there(self, vmid: int) -> bool:
        try:
            await self.client.guest_config(self.node, vmid)
        except GuestMissingError:
            return False
        except ProxmoxError as error:
            if error.status == 403:
                return await self.client.vmid_in_use(vmid)
            raise
        return True
