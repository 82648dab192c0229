"""The observing port: reads only. The reconciler and the api see Proxmox through this."""

from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True)
class Version:
    """`version`: `9.2.11`; `release`: `9.2`."""

    version: str
    release: str


@dataclass(frozen=True)
class NodeSeen:
    """Figures are None without Sys.Audit or while the node is offline; memory and `disk` (its root file system) in
    bytes, cpu 0..1. `fingerprint`: only /nodes tells it.
    """

    node: str
    online: bool
    fingerprint: str | None
    cpus: int | None = None
    cpu: float | None = None
    memory: int | None = None
    memory_used: int | None = None
    uptime: int | None = None
    disk: int | None = None
    disk_used: int | None = None


@dataclass(frozen=True)
class Membership:
    """From /cluster/status. A single node without a cluster has no name and is quorate. `nodes`: the members."""

    name: str | None
    quorate: bool
    nodes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StorageOnNode:
    """`total`, `available` in bytes; 0 while it is not active. The list of everything is up to 10 s old and counts what
    is set aside for root as available.
    """

    storage: str
    type: str
    content: frozenset[str]
    active: bool
    shared: bool
    total: int
    available: int


# Not frozen, though nobody changes one: thousands are made with each list, and a frozen one takes five times as long.
@dataclass(slots=True)
class GuestSeen:
    """An entry of /cluster/resources: up to 10 s old, so no proof of anything. `status` unknown: not swept yet, then
    without name and figures. Lock, tags, pool and HA state are fresh; `pool` needs Pool.Audit.

    `cpus` what it may use, `cpu` 0..1 of that; `memory`, `disk` what it has and `…_used` of that, `netin`, `netout`
    since its start, in bytes; `uptime` in seconds.
    """

    vmid: int
    node: str
    type: Literal["lxc", "qemu"]
    name: str | None
    status: str
    tags: tuple[str, ...] = ()
    lock: str | None = None
    template: bool = False
    pool: str | None = None
    hastate: str | None = None
    cpus: float | None = None
    memory: int | None = None
    disk: int | None = None
    cpu: float | None = None
    memory_used: int | None = None
    disk_used: int | None = None
    netin: int | None = None
    netout: int | None = None
    uptime: int | None = None


@dataclass(frozen=True)
class Resources:
    """From /cluster/resources: what the token may see. `storages`: each with its node; those with Datastore.Audit."""

    guests: tuple[GuestSeen, ...]
    nodes: tuple[NodeSeen, ...]
    storages: tuple[tuple[str, StorageOnNode], ...] = ()


@dataclass(frozen=True)
class GuestConfig:
    """`values`: every key as Proxmox gives it, as text, but for the digest and `environment`, which may hold secrets.
    `description` without the trailing newline.
    """

    digest: str
    description: str
    lock: str | None
    values: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class GuestStatus:
    """From status/current. `lock`: as in the configuration."""

    status: Literal["running", "stopped"]
    lock: str | None = None
    uptime: int = 0


@dataclass(frozen=True)
class Task:
    """A worker task. `exitstatus` None while it runs; success is `OK` or `WARNINGS: n`. `user`: with token part, from
    the UPID. `starttime`, `endtime` in Unix seconds of the node's clock; not every answer has an `endtime`.
    """

    upid: str
    node: str
    type: str
    id: str
    user: str
    starttime: int
    running: bool
    exitstatus: str | None = None
    endtime: int | None = None

    @property
    def succeeded(self) -> bool:
        return self.exitstatus is not None and (self.exitstatus == "OK" or self.exitstatus.startswith("WARNINGS:"))

    @property
    def warnings(self) -> int:
        words = self.exitstatus or ""
        return int(words.removeprefix("WARNINGS:").strip() or 0) if words.startswith("WARNINGS:") else 0


Timeframe = Literal["hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Point:
    """Of a history, averaged over its step. `at`: Unix seconds; `cpu`: 0..1 of what it has; `memory`, `disk` (a node's
    root file system) and `…_used` of them: bytes; `netin`, `netout`: bytes a second. None: nothing was measured.
    """

    at: int
    cpu: float | None = None
    memory_used: float | None = None
    memory: float | None = None
    disk_used: float | None = None
    disk: float | None = None
    netin: float | None = None
    netout: float | None = None


@dataclass(frozen=True, slots=True)
class StoragePoint:
    """As a Point; in bytes."""

    at: int
    used: float | None = None
    total: float | None = None


class Observer(Protocol):
    """Every method may raise ProxmoxError (errors.py) and changes nothing."""

    async def version(self) -> Version: ...

    async def node_version(self, node: str) -> Version:
        """Of that node: those of a cluster may differ."""
        ...

    async def permissions(self, path: str | None = None) -> dict[str, dict[str, int]]:
        """path -> privilege -> propagates (a 0 means the right is there). With `path`: exactly that path."""
        ...

    async def membership(self) -> Membership:
        """Whether writes can succeed (quorum). Needs Sys.Audit on `/`; without it RightsMissingError."""
        ...

    async def nodes(self) -> list[NodeSeen]: ...

    async def resources(self) -> Resources:
        """Everything at once; cheap for Proxmox, whatever the number of guests."""
        ...

    async def storages(self, node: str) -> list[StorageOnNode]: ...

    async def templates(self, node: str, storage: str) -> list[str]:
        """Volume ids of the container templates and image archives in the storage."""
        ...

    async def downloadable_templates(self, node: str) -> list[str]:
        """File names in the node's template index (`pveam available`)."""
        ...

    async def node_time(self, node: str) -> int:
        """The node's clock, Unix seconds. Needs Sys.Audit on the node; without it the answer's HTTP Date is used."""
        ...

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        """GuestMissingError: not on this node. RightsMissingError: gone or forbidden, see vmid_in_use."""
        ...

    async def guest_status(self, node: str, vmid: int) -> GuestStatus: ...

    async def guest_addresses(self, node: str, vmid: int) -> list[str]:
        """Addresses of a running container, IPv4 first; no loopback, no link-local. Empty is no proof of anything."""
        ...

    async def vmid_in_use(self, vmid: int) -> bool:
        """From /cluster/nextid: needs no right at all, so it tells gone from forbidden."""
        ...

    async def tasks(self, node: str, *, vmid: int | None, type: str, since: int) -> list[Task]:
        """Running and finished tasks of that type that began at `since` or later (node time), oldest first."""
        ...

    async def cluster_tasks(self) -> list[Task]:
        """Those that run and the last 25 or so that ended on each node, oldest first; none without Sys.Audit on `/`."""
        ...

    async def task(self, upid: str) -> Task | None:
        """None: the node no longer knows it (its log was rotated away)."""
        ...

    async def task_log(self, upid: str, last: int = 20) -> list[str]: ...


class History(Protocol):
    """How things were, for screens. As an Observer."""

    async def node_history(self, node: str, timeframe: Timeframe) -> list[Point]:
        """From Proxmox's RRD, oldest first. Needs Sys.Audit on the node."""
        ...

    async def guest_history(
        self, node: str, type: Literal["lxc", "qemu"], vmid: int, timeframe: Timeframe
    ) -> list[Point]:
        """As of a node; empty while Proxmox has recorded nothing of it on that node."""
        ...

    async def storage_history(self, node: str, storage: str, timeframe: Timeframe) -> list[StoragePoint]:
        """As of a guest. Needs Datastore.Audit or Datastore.AllocateSpace on the storage."""
        ...
