"""Everything that can happen to a cluster connection, on one page."""

from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause

Kind = Literal["connect", "check", "remove"]


class NodeIdentity(BaseModel):
    """`fingerprint`: SHA-256 of the node's certificate, upper-case hex with colons; empty if it could not be read."""

    model_config = ConfigDict(frozen=True)

    name: str
    fingerprint: str = ""


class Findings(BaseModel):
    """What a look at the cluster found. `missing`: feature -> the rights (`path: privilege`) it lacks."""

    model_config = ConfigDict(frozen=True)

    version: str
    proxmox_name: str | None
    nodes: tuple[NodeIdentity, ...]
    missing: dict[str, tuple[str, ...]]


class _OfOperation(Event):
    operation_id: str


class ConnectRequested(_OfOperation):
    TYPE: ClassVar[str] = "cluster.connect_requested.v1"
    name: str
    slug: str
    endpoints: tuple[str, ...]
    token_id: str
    token_secret: str
    fingerprint: str | None
    ca: str | None
    first_vmid: int
    last_vmid: int
    simulator: bool


class CheckRequested(_OfOperation):
    TYPE: ClassVar[str] = "cluster.check_requested.v1"


class StepTaken(_OfOperation):
    """A replica has begun to look at the cluster."""

    TYPE: ClassVar[str] = "cluster.step_taken.v1"
    runner: str


class StepPostponed(_OfOperation):
    """It does not answer; it is asked again until the operation's deadline."""

    TYPE: ClassVar[str] = "cluster.step_postponed.v1"
    cause: Cause


class ClusterConnected(_OfOperation):
    TYPE: ClassVar[str] = "cluster.connected.v1"
    findings: Findings


class ClusterChecked(_OfOperation):
    TYPE: ClassVar[str] = "cluster.checked.v1"
    findings: Findings


class ClusterRemoved(_OfOperation):
    """Nothing on Proxmox is changed by it."""

    TYPE: ClassVar[str] = "cluster.removed.v1"


class OperationSucceeded(_OfOperation):
    TYPE: ClassVar[str] = "cluster.operation_succeeded.v1"
    kind: Kind


class OperationFailed(_OfOperation):
    TYPE: ClassVar[str] = "cluster.operation_failed.v1"
    kind: Kind
    cause: Cause


# --- what the reconciler sees


class ClusterUnreachable(Event):
    TYPE: ClassVar[str] = "cluster.unreachable.v1"
    cause: Cause


class ClusterReachable(Event):
    TYPE: ClassVar[str] = "cluster.reachable.v1"


class RightsLost(Event):
    """The token may do less than it could. `rights`: all that it has no more, as `path: privilege`."""

    TYPE: ClassVar[str] = "cluster.rights_lost.v1"
    rights: tuple[str, ...]


class RightsSettled(Event):
    """It may do again what it could, or a person checked the cluster since: what it may do now is what counts."""

    TYPE: ClassVar[str] = "cluster.rights_settled.v1"


class NodeAppeared(Event):
    """`cpus`, `memory` (bytes): None if the token may not see them."""

    TYPE: ClassVar[str] = "cluster.node_appeared.v1"
    node: str
    online: bool
    cpus: int | None = None
    memory: int | None = None


class NodeCameOnline(Event):
    TYPE: ClassVar[str] = "cluster.node_came_online.v1"
    node: str


class NodeWentOffline(Event):
    TYPE: ClassVar[str] = "cluster.node_went_offline.v1"
    node: str


class NodeGone(Event):
    """It is no member of the cluster any more: proven, see the reconciler."""

    TYPE: ClassVar[str] = "cluster.node_gone.v1"
    node: str


class StorageSeen(BaseModel):
    """A storage as one node has it. `total` in bytes."""

    model_config = ConfigDict(frozen=True)

    node: str
    storage: str
    type: str
    content: tuple[str, ...]
    shared: bool
    active: bool
    total: int | None


class StorageAppeared(Event):
    TYPE: ClassVar[str] = "cluster.storage_appeared.v1"
    storage: StorageSeen


class StorageReconfigured(Event):
    """Type, content types, size or state are others than before."""

    TYPE: ClassVar[str] = "cluster.storage_reconfigured.v1"
    storage: StorageSeen


class StorageGone(Event):
    """The node has no such storage any more: proven, see the reconciler."""

    TYPE: ClassVar[str] = "cluster.storage_gone.v1"
    node: str
    storage: str


ClusterEvent = (
    ConnectRequested
    | CheckRequested
    | StepTaken
    | StepPostponed
    | ClusterConnected
    | ClusterChecked
    | ClusterRemoved
    | OperationSucceeded
    | OperationFailed
    | ClusterUnreachable
    | ClusterReachable
    | RightsLost
    | RightsSettled
    | NodeAppeared
    | NodeCameOnline
    | NodeWentOffline
    | NodeGone
    | StorageAppeared
    | StorageReconfigured
    | StorageGone
)
EVENTS: tuple[type[Event], ...] = get_args(ClusterEvent)
