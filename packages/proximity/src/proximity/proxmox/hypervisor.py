"""The acting port: every effect Proximity has on Proxmox. The api must never import it."""

from dataclasses import dataclass, field
from typing import Protocol

from proximity.proxmox.observe import Observer


@dataclass(frozen=True)
class ContainerSpec:
    """Body of a create. Never `start`, never tags (a pool token may not), never `swap` (its absence shows a create that
    did not finish). `password`: opened from the vault, kept out of repr and logs.
    """

    vmid: int
    hostname: str
    template_volid: str
    rootfs_storage: str
    disk_gib: int
    cores: int
    memory_mib: int
    bridge: str
    description: str
    nesting: bool = True
    password: str | None = field(default=None, repr=False)
    ssh_public_keys: str | None = None


class Hypervisor(Observer, Protocol):
    """Each method sends one call in one piece and returns the UPID of its task, without waiting for the task.

    NotExecutedError: certainly not done. UnansweredError: unknown. Nothing is ever retried in here.
    """

    async def create_container(self, node: str, spec: ContainerSpec) -> str: ...

    async def configure_container(self, node: str, vmid: int, values: dict[str, str], digest: str) -> None:
        """Synchronous on Proxmox: when it returns it is done."""
        ...

    async def start_container(self, node: str, vmid: int) -> str: ...

    async def shutdown_container(self, node: str, vmid: int, timeout_seconds: int) -> str: ...

    async def stop_container(self, node: str, vmid: int) -> str: ...

    async def destroy_container(self, node: str, vmid: int) -> str:
        """With purge, never with force: a running guest is refused."""
        ...

    async def download_template(self, node: str, storage: str, template: str) -> str:
        """From the node's template index."""
        ...
