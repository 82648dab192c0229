"""The acting port: every effect Proximity has on Proxmox. The api must never import it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from proximity.domain.application.image import Environment, Volume
from proximity.proxmox import answers
from proximity.proxmox.client import ProxmoxClient, was_not_sent
from proximity.proxmox.connection import Connection
from proximity.proxmox.observe import Observer

EFFECTS = 64  # calls of one cluster at once; threads are made as they are needed


@dataclass(frozen=True)
class ContainerSpec:
    """Body of a create. Never `start`, never tags (a pool token may not), never `swap` (its absence shows a create that
    did not finish), never an environment (that of an image overwrites it). `password`: opened from the vault, kept out
    of repr and logs. `volumes`: made now, so that what an image has at their paths lands in them. `host_managed`: the
    host asks for the address, the container has nothing that could. `ostype`: detected if it is None.
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
    volumes: tuple[Volume, ...] = ()
    host_managed: bool = False
    ostype: str | None = None


class Hypervisor(Observer, Protocol):
    """Each method sends one call in one piece and returns the UPID of its task, without waiting for the task.

    NotExecutedError: certainly not done. UnansweredError: unknown. Nothing is ever retried in here.
    """

    async def create_container(self, node: str, spec: ContainerSpec) -> str: ...

    async def configure_container(
        self,
        node: str,
        vmid: int,
        values: dict[str, str],
        digest: str,
        environment: Environment | None = None,
        delete: Sequence[str] = (),
    ) -> None:
        """Synchronous on Proxmox: when it returns it is done. `environment` replaces all of it; kept out of errors.
        `delete`: keys to be removed. TagRefusedError: nothing was changed because of a tag.
        """
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

    async def pull_image(self, node: str, storage: str, reference: str, archive: str) -> str:
        """From its registry, as the archive `<archive>.tar`. AlreadyExistsError: there is such a file."""
        ...


class ProxmoxHypervisor(ProxmoxClient):
    """The acting adapter. Each effect has a connection of its own: an idle one that Proxmox is just closing would turn
    "not sent" into "unknown". Another endpoint is tried only when certainly nothing was sent to this one.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # an effect never queues behind reads that hang: it would be sent long after it was announced
        self._acting = ThreadPoolExecutor(max_workers=EFFECTS, thread_name_prefix="proxmox-effect")

    def close(self) -> None:
        super().close()
        self._acting.shutdown(wait=False)

    async def create_container(self, node: str, spec: ContainerSpec) -> str:
        return answers.upid(await self._act("post", "nodes", node, "lxc", values=_create_body(spec)))

    async def configure_container(
        self,
        node: str,
        vmid: int,
        values: dict[str, str],
        digest: str,
        environment: Environment | None = None,
        delete: Sequence[str] = (),
    ) -> None:
        joined = {"env": "\0".join(f"{name}={value}" for name, value in environment.items())} if environment else {}
        removed = {"delete": ",".join(delete)} if delete else {}
        wanted = {**values, **joined, **removed, "digest": digest}
        await self._act("put", "nodes", node, "lxc", vmid, "config", values=wanted)

    async def start_container(self, node: str, vmid: int) -> str:
        return await self._power(node, vmid, "start")

    async def shutdown_container(self, node: str, vmid: int, timeout_seconds: int) -> str:
        return await self._power(node, vmid, "shutdown", timeout=timeout_seconds)

    async def stop_container(self, node: str, vmid: int) -> str:
        return await self._power(node, vmid, "stop")

    async def destroy_container(self, node: str, vmid: int) -> str:
        return answers.upid(await self._act("delete", "nodes", node, "lxc", vmid, values={"purge": 1}))

    async def download_template(self, node: str, storage: str, template: str) -> str:
        wanted = {"storage": storage, "template": template}
        return answers.upid(await self._act("post", "nodes", node, "aplinfo", values=wanted))

    async def pull_image(self, node: str, storage: str, reference: str, archive: str) -> str:
        path = ("nodes", node, "storage", storage, "oci-registry-pull")
        return answers.upid(await self._act("post", *path, values={"reference": reference, "filename": archive}))

    async def _power(self, node: str, vmid: int, action: str, **values: Any) -> str:
        return answers.upid(await self._act("post", "nodes", node, "lxc", vmid, "status", action, values=values))

    async def _act(self, method: str, *path: str | int, values: dict[str, Any]) -> Any:
        def send(index: int) -> Any:
            api = self._open(self._endpoints[index])
            try:
                return api.call(method, path, dict(values))
            finally:
                api.close()

        return await self._in_thread(lambda: self._first_answer(send, was_not_sent), self._acting)


def _create_body(spec: ContainerSpec) -> dict[str, Any]:
    # without backup=1 a backup would leave a volume out
    volumes = {
        f"mp{number}": f"{spec.rootfs_storage}:{volume.size_gib},mp={volume.path},backup=1"
        for number, volume in enumerate(spec.volumes)
    }
    return {
        "vmid": spec.vmid,
        "hostname": spec.hostname,
        "ostemplate": spec.template_volid,
        "rootfs": f"{spec.rootfs_storage}:{spec.disk_gib}",
        "cores": spec.cores,
        "memory": spec.memory_mib,
        **volumes,
        "net0": f"name=eth0,bridge={spec.bridge},ip=dhcp" + (",host-managed=1" if spec.host_managed else ""),
        "unprivileged": 1,
        "features": "nesting=1" if spec.nesting else None,
        "description": spec.description,
        "password": spec.password,
        "ssh-public-keys": spec.ssh_public_keys,
        "ostype": spec.ostype,
    }
