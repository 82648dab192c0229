"""What is known of an application, folded from its events (evolve.py)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from proximity.domain.application.events import Desired, Kind, StepName
from proximity.domain.application.spec import Spec
from proximity.domain.finding import Finding, Setting
from proximity.domain.operation.cause import Cause

NEVER = datetime.fromtimestamp(0, UTC)

# what the name of an environment variable follows where settings are named
VARIABLE = "env."

Power = Literal["stopped", "running", "unknown"]


@dataclass(frozen=True)
class Intent:
    """An effect that was announced and whose outcome is not in the log yet."""

    step: StepName
    runner: str
    node: str
    vmid: int | None
    node_time: int
    digest: str | None
    attempt: int
    since: datetime
    upid: str | None = None
    # nobody waits for the answer any more: evidence has to be looked for
    unanswered: bool = False


@dataclass(frozen=True)
class Operation:
    """The operation in flight. Times are the log's (JetStream's), never a replica's."""

    id: str
    kind: Kind
    since: datetime
    step_since: datetime
    force: bool = False
    destroy: bool = False
    done: frozenset[StepName] = frozenset()
    failed: frozenset[StepName] = frozenset()
    intent: Intent | None = None
    # the replica that acted last
    runner: str | None = None
    attempts: int = 0
    postponed: int = 0
    postponed_because: Cause | None = None
    failure: Cause | None = None
    cancelled_by: str | None = None
    overdue: bool = False
    unwind_since: datetime | None = None
    unwind_overdue: bool = False
    undecided: bool = False
    # Proxmox has said of the step in hand that our tag is not ours to set or remove
    tag_refused: bool = False
    # what was wanted before it was asked for
    desired_before: Desired = "running"
    # what a dead worker left of the create is being removed; then it is created again, under the same VMID
    remaking: bool = False

    @property
    def unwinding(self) -> bool:
        return self.failure is not None or self.cancelled_by is not None


@dataclass(frozen=True)
class Placement:
    node: str
    rootfs_storage: str
    template_storage: str
    template_volid: str
    template_present: bool


@dataclass(frozen=True)
class Container:
    """`created`: a create call may have been executed, so that something of it may exist on Proxmox."""

    cluster_id: str
    node: str
    vmid: int
    # the deploying operation: part of the marker in the guest's description
    operation_id: str
    created: bool = False
    power: Power = "unknown"
    address: str | None = None


@dataclass(frozen=True)
class Adoption:
    """What the container was before our marker was written, so that it can be given back like that.

    `hostname` empty: it was given none. `tagged`: it got our tag; None: not known.
    """

    had_tag: bool
    had_description: bool
    hostname: str
    tagged: bool | None = None


@dataclass(frozen=True)
class Baseline:
    """The configuration that is taken for right. `environment`: variable -> keyed hash of its value. `whole` False: of
    the values only those that were compared when it was seen.
    """

    values: dict[str, str]
    environment: dict[str, str]
    whole: bool = True

    def accepting(self, setting: Setting) -> "Baseline":
        """The same with that setting as it is now."""
        name = setting.field.removeprefix(VARIABLE)
        if name == setting.field:
            return replace(self, values=_with(self.values, name, setting.value))
        return replace(self, environment=_with(self.environment, name, setting.value))


def _with(known: dict[str, str], name: str, value: str | None) -> dict[str, str]:
    others = {key: known[key] for key in known if key != name}
    return others if value is None else {**others, name: value}


@dataclass(frozen=True)
class UnsettledCall:
    """A power call whose answer was lost may still be executed: nothing opposite is sent for a while (node time)."""

    goal: Literal["running", "stopped"]
    node_time: int


@dataclass(frozen=True)
class Absent:
    handled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Application:
    name: str
    slug: str
    cluster_id: str
    wanted_node: str | None
    spec: Spec
    desired: Desired = "running"
    placement: Placement | None = None
    container: Container | None = None
    operation: Operation | None = None
    # a delete that waits for the operation in flight to end
    queued: Operation | None = None
    unsettled: UnsettledCall | None = None
    # when (node time) a call that writes our marker got lost: given back, the guest is again what that call is for
    lost_mark: int | None = None
    # step -> the UPID it had last: the task of a lost call is not taken for an earlier one
    last_tasks: dict[StepName, str] = field(default_factory=dict)
    # the task of which it was said last that it ended unseen
    ended_unseen: str | None = None
    # None: we made the container ourselves
    adoption: Adoption | None = None
    # those that are open, by key
    findings: dict[str, Finding] = field(default_factory=dict)
    baseline: Baseline | None = None
    # `<cluster>-<vmid>` of the guest that is claimed by adopting it; None: nothing was adopted, or it is given back
    adopted_guest: str | None = None
    deployed: bool = False
    deleted: bool = False
    failure: Cause | None = None
    handled: frozenset[str] = field(default_factory=frozenset)


State = Absent | Application
INITIAL = Absent()
