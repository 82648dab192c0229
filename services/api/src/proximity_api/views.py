"""What a person sees of things: the rows of the read model as JSON. Times are ISO 8601, sizes say their unit."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """`next`: the cursor of the next page, null on the last one. `position`: how much of the log the answer knows."""

    items: list[T]
    next: str | None = None
    position: int


class Cause(BaseModel):
    """`proxmox`: Proxmox's own words, unchanged."""

    code: str
    message: str
    proxmox: str = ""


class _Row(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: str
    position: int


class Application(_Row):
    """`operation_id`: the operation in flight. `url`: where a person opens it. `failure`: of the last operation.

    `runtime`: what its container is made of. `disk_gib`: root disk and volumes together. `findings`: the open
    ones, key -> kind; see `GET /findings`. `gone`: its container is not there any more.
    """

    name: str
    slug: str
    recipe: str
    recipe_version: str
    runtime: Literal["template", "oci", "adopted"]
    adopted: bool
    status: Literal[
        "deploying",
        "adopting",
        "starting",
        "running",
        "shutting_down",
        "stopping",
        "stopped",
        "restarting",
        "releasing",
        "deleting",
        "gone",
        "failed",
        "undecided",
    ]
    desired: Literal["running", "stopped", "absent"]
    cluster_id: str
    node: str | None
    vmid: int | None
    address: str | None
    url: str | None
    operation_id: str | None
    cores: int
    memory_mib: int
    disk_gib: int
    failure: Cause | None
    findings: dict[str, str]
    created_at: datetime
    updated_at: datetime
    removed_at: datetime | None


class Step(BaseModel):
    name: str
    status: Literal["pending", "running", "done", "failed", "waiting"]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str | None = None


class Operation(_Row):
    """What was asked for and what became of it. `pending`: not decided yet. `target`: the id of what it is for.

    `resolve_command`: what a person runs on the node of an undecided operation. `actor`: `type:id`.
    """

    kind: str
    category: str
    target: str
    target_name: str
    status: Literal["pending", "running", "parked", "succeeded", "failed", "rejected", "cancelled", "undecided"]
    actor: str
    reason: str
    cause: Cause | None
    steps: list[Step]
    accepted_at: datetime
    ended_at: datetime | None
    cancel_requested: bool
    deadline_passed: bool
    resolve_command: str | None


# an undecided operation waits for a person: nothing more comes by itself soon
ENDED = frozenset({"succeeded", "failed", "rejected", "cancelled", "undecided"})


class Cluster(_Row):
    """`missing`: feature -> the rights (`path: privilege`) that the token lacks for it."""

    name: str
    slug: str
    status: Literal["connecting", "connected", "unreachable", "failed", "removed"]
    version: str | None
    endpoints: list[str]
    token_id: str
    fingerprint: str | None
    simulator: bool
    first_vmid: int
    last_vmid: int
    missing: dict[str, list[str]]
    failure: Cause | None
    removed_at: datetime | None


class User(_Row):
    username: str


class NodeAsFound(_Row):
    """`memory` in bytes."""

    cluster_id: str
    name: str
    online: bool
    cpus: int | None
    memory: int | None


class NodeFigures(BaseModel):
    """`cpu` is a share of all CPUs (0 to 1); `memory_used`, and `disk_used` of `disk`, its root file system, in bytes;
    `netin` and `netout` in bytes a second, averaged over a minute; `uptime` in seconds.
    """

    cpu: float | None = None
    memory_used: int | None = None
    disk: int | None = None
    disk_used: int | None = None
    netin: int | None = None
    netout: int | None = None
    uptime: int | None = None


class Node(NodeAsFound, NodeFigures):
    pass


class StorageAsFound(_Row):
    """A storage as one node has it; sizes in bytes."""

    cluster_id: str
    node: str
    name: str
    type: str
    content: list[str]
    shared: bool
    active: bool
    total: int | None


class StorageFigures(BaseModel):
    """In bytes."""

    used: int | None = None
    available: int | None = None


class Storage(StorageAsFound, StorageFigures):
    pass


class GuestAsFound(_Row):
    """What Proxmox has and no application; id `<cluster>-<vmid>`. Sizes in bytes.

    `app`, `port`: what it probably runs, guessed from its name and tags.
    """

    cluster_id: str
    vmid: int
    node: str
    type: Literal["lxc", "qemu"]
    name: str | None
    template: bool
    tags: list[str]
    pool: str | None
    ha: bool
    cores: int | None
    memory: int | None
    disk: int | None
    app: str | None
    port: int | None
    ignored: bool
    adoptable: bool


class GuestFigures(BaseModel):
    """Sizes in bytes; `cpu` is a share of the guest's cores (0 to 1); `netin` and `netout` since its start."""

    status: str | None = None
    cpu: float | None = None
    memory_used: int | None = None
    disk_used: int | None = None
    netin: int | None = None
    netout: int | None = None
    uptime: int | None = None


class GuestAddresses(BaseModel):
    """IPv4 first. Empty: it has none, as one that does not run; null: not known, as of virtual machines."""

    addresses: list[str] | None = None


class Guest(GuestAsFound, GuestFigures, GuestAddresses):
    pass


class _Taken(BaseModel):
    """`at`: when these figures were seen."""

    id: str
    at: datetime


class FiguresOfNode(NodeFigures, _Taken):
    pass


class FiguresOfStorage(StorageFigures, _Taken):
    pass


class FiguresOfGuest(GuestFigures, _Taken):
    pass


class AddressesOfGuest(GuestAddresses, _Taken):
    """Those that it had then; it has none while it does not run."""


class Figures(BaseModel):
    """The last values seen; of `guests` also those that applications have."""

    nodes: list[FiguresOfNode] = []
    storages: list[FiguresOfStorage] = []
    guests: list[FiguresOfGuest] = []
    addresses: list[AddressesOfGuest] = []


class Explanation(BaseModel):
    """The task on Proxmox that explains it; `at` in Unix seconds of the node's clock."""

    user: str
    task: str
    upid: str
    at: int


class Finding(_Row):
    """Something that is otherwise than it should be. `explained`: by whom; null: not known.

    `category` and `aggregate_id`: the application, guest or cluster it is about.
    """

    category: Literal["application", "guest", "cluster"]
    aggregate_id: str
    subject_name: str
    cluster_id: str
    kind: str
    message: str
    expected: str
    observed: str
    explained: Explanation | None
    opened_at: datetime


class Activity(_Row):
    """Something that happened, in a sentence. `id` is the event's."""

    at: datetime
    category: str
    aggregate_id: str
    subject_name: str
    type: str
    operation_id: str | None
    actor_type: str
    actor_id: str
    reason: str
    summary: str
    detail: dict[str, Any]
