"""What a Proxmox in memory consists of: guests, workers, and how long things take, in seconds."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Literal

from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.hypervisor import ContainerSpec

# in the order of a real node, several times faster: fewer polls, the same steps
CREATE, START, STOP, SHUTDOWN, DESTROY, DOWNLOAD = 1.2, 0.8, 0.6, 1.2, 0.5, 0.8
UP_AFTER = 0.2  # of a start: the guest runs long before its task ends
DOWN_AFTER = 0.9  # of a shutdown
ADDRESS_AFTER = 1.2  # of running
FLOCK = 10.0  # how long a worker waits for the guest's lock file
SEEN_DEAD_AFTER = 10.0  # until then the task list says that a killed worker runs
DIED = "unexpected status"
GIB = 1024**3
OF_IMAGE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION": "1.27.3"}  # what the image sets
DEBIAN = "debian-12-standard_12.12-1_amd64.tar.zst"
OFFERED = (DEBIAN, "alpine-3.22-default_20250617_amd64.tar.xz")
Stage = Literal["gap", "early", "late"]
"""Of a worker's death. gap: before there is a task; early: nothing of the guest is changed yet, but its lock."""


class TaskError(Exception):
    """The worker ends with this exit status."""


class KilledError(Exception):
    """The worker is gone, in the middle of its work."""


@dataclass
class Guest:
    vmid: int
    node: str
    config: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    running: bool = False
    up_since: float = 0.0

    @property
    def lock(self) -> str | None:
        return self.config.get("lock")

    @property
    def description(self) -> str:
        return self.config.get("description", "")

    @property
    def digest(self) -> str:
        all_of_it = repr([*sorted(self.config.items()), *sorted(self.environment.items())])
        return hashlib.sha1(all_of_it.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Worker:
    """A task as the node knows it. `log_gone`: only the list still has its result."""

    upid: str
    node: str
    type: str
    id: str
    user: str
    starttime: int
    exitstatus: str | None = None
    died_at: float | None = None
    log_gone: bool = False
    log: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """The oracle: one for every guest that came to be or was removed."""

    at: float
    action: Literal["create", "destroy"]
    vmid: int
    upid: str


class Flock:
    """A guest's lock file, waited for as long as Proxmox does."""

    def __init__(self, lock: asyncio.Lock, vmid: int, refusal: type[ProxmoxError] | None) -> None:
        self._lock = lock
        self._vmid = vmid
        self._refusal = refusal

    async def __aenter__(self) -> None:
        try:
            await asyncio.wait_for(self._lock.acquire(), FLOCK)
        except TimeoutError:
            words = f"can't lock file '/run/lock/lxc/pve-config-{self._vmid}.lock' - got timeout"
            raise (self._refusal(words, 500) if self._refusal else TaskError(words)) from None

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def missing(node: str, vmid: int) -> str:
    return f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist"


def full(spec: ContainerSpec) -> dict[str, str]:
    """All but what only the last write of a create adds."""
    return {
        "arch": "amd64",
        "hostname": spec.hostname,
        "description": spec.description + "\n",
        "rootfs": f"{spec.rootfs_storage}:vm-{spec.vmid}-disk-0,size={spec.disk_gib}G",
        "cores": str(spec.cores),
        "memory": str(spec.memory_mib),
        "net0": f"name=eth0,bridge={spec.bridge},hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth",
        "ostype": "debian",
        "unprivileged": "1",
    }
