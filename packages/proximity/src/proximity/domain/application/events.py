"""Everything that can happen to an application, on one page.

An operation begins with a `…Requested`, and ends with OperationSucceeded, OperationFailed or OperationCancelled. In
between, each effect on Proxmox is StepIntended -> (TaskAccepted) -> its own outcome, or StepFailed. What the reconciler
sees (Observed) belongs to no operation.
"""

from typing import ClassVar, Literal, get_args

from proximity.domain.application.configuration import Configuration
from proximity.domain.application.spec import Spec
from proximity.domain.finding import Explanation, Finding, Setting
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause

Kind = Literal["deploy", "start", "shutdown", "stop", "restart", "delete", "adopt", "release"]
Desired = Literal["running", "stopped", "absent"]
# over when they are decided
AtOnce = Literal["cancel", "resolve", "accept_configuration"]
StepName = Literal[
    "preflight",
    "download_template",
    "pull_image",
    "claim_vmid",
    "create",
    "configure",
    "start",
    "find_address",
    "probe",
    "shutdown",
    "stop",
    "destroy",
    "prove_gone",
    "inspect",
    "mark",
    "unmark",
]


class _OfOperation(Event):
    operation_id: str


# --- what was asked for


class DeployRequested(_OfOperation):
    """`slug` is the unique form of the name and the container's hostname."""

    TYPE: ClassVar[str] = "application.deploy_requested.v1"
    name: str
    slug: str
    cluster_id: str
    node: str | None
    spec: Spec


class StartRequested(_OfOperation):
    TYPE: ClassVar[str] = "application.start_requested.v1"


class ShutdownRequested(_OfOperation):
    TYPE: ClassVar[str] = "application.shutdown_requested.v1"


class StopRequested(_OfOperation):
    TYPE: ClassVar[str] = "application.stop_requested.v1"


class RestartRequested(_OfOperation):
    TYPE: ClassVar[str] = "application.restart_requested.v1"


class DeleteRequested(_OfOperation):
    """Another operation that is still in flight ends first, as cancelled. `destroy`: also a container that was adopted,
    which otherwise is released.
    """

    TYPE: ClassVar[str] = "application.delete_requested.v1"
    force: bool
    destroy: bool = False


class AdoptRequested(_OfOperation):
    """A container that is there becomes the application's. `slug` is the unique form of the name."""

    TYPE: ClassVar[str] = "application.adopt_requested.v1"
    name: str
    slug: str
    cluster_id: str
    node: str
    vmid: int
    spec: Spec


class ReleaseRequested(_OfOperation):
    """The container is given back as it was, and the application is no more."""

    TYPE: ClassVar[str] = "application.release_requested.v1"


class CancelRequested(_OfOperation):
    """`operation_id` is the operation to be cancelled, `by_operation_id` the cancelling one (over with this event)."""

    TYPE: ClassVar[str] = "application.cancel_requested.v1"
    by_operation_id: str


class OperationResolved(_OfOperation):
    """A person says what became of the call of an undecided step; `by_operation_id` is the resolving operation.

    `not_executed`: nor will it be any more.
    """

    TYPE: ClassVar[str] = "application.operation_resolved.v1"
    by_operation_id: str
    step: StepName
    verdict: Literal["succeeded", "not_executed", "failed"]


class ConfigurationAccepted(_OfOperation):
    """A person takes a setting for right that was changed outside: the finding `key` is closed by it. `operation_id` is
    the accepting operation, over with this event.
    """

    TYPE: ClassVar[str] = "application.configuration_accepted.v1"
    key: str
    setting: Setting


# --- how an effect is carried out


class StepIntended(_OfOperation):
    """Written before Proxmox is called: who will do it, to which guest, and what an outcome will be judged by.

    `node_time` is the node's clock in Unix seconds; `digest` that of the configuration seen (configure only).
    """

    TYPE: ClassVar[str] = "application.step_intended.v1"
    step: StepName
    runner: str
    attempt: int
    node: str
    vmid: int | None = None
    node_time: int
    digest: str | None = None


class TaskAccepted(_OfOperation):
    """Proxmox works on it under this UPID."""

    TYPE: ClassVar[str] = "application.task_accepted.v1"
    step: StepName
    upid: str


class CallUnanswered(_OfOperation):
    """The call was sent and its answer lost: it may have been executed, now or later."""

    TYPE: ClassVar[str] = "application.call_unanswered.v1"
    step: StepName
    reason: str


class StepTakenOver(_OfOperation):
    """Another runner goes on with the step: the one before is gone, or no longer waits for its call's answer."""

    TYPE: ClassVar[str] = "application.step_taken_over.v1"
    step: StepName
    runner: str
    from_runner: str


class StepPostponed(_OfOperation):
    """Cannot be done now and will be tried again. `withdrawn`: the call was certainly not executed."""

    TYPE: ClassVar[str] = "application.step_postponed.v1"
    step: StepName
    cause: Cause
    withdrawn: bool


class StepFailed(_OfOperation):
    """`log` holds the last lines of the task's log, if there was a task."""

    TYPE: ClassVar[str] = "application.step_failed.v1"
    step: StepName
    cause: Cause
    upid: str | None = None
    log: tuple[str, ...] = ()


# --- outcomes


class PreflightPassed(_OfOperation):
    """Where it will live and from what it will be made. `reason` says why this node."""

    TYPE: ClassVar[str] = "application.preflight_passed.v1"
    node: str
    rootfs_storage: str
    template_storage: str
    template_volid: str
    template_present: bool
    reason: str


class TemplateDownloaded(_OfOperation):
    TYPE: ClassVar[str] = "application.template_downloaded.v1"
    volid: str


class ImagePulled(_OfOperation):
    """The image lies as an archive in the storage: `volid`."""

    TYPE: ClassVar[str] = "application.image_pulled.v1"
    volid: str


class VmidClaimed(_OfOperation):
    TYPE: ClassVar[str] = "application.vmid_claimed.v1"
    cluster_id: str
    node: str
    vmid: int


class VmidFoundTaken(_OfOperation):
    """The very first send was answered "already exists" and the guest is not ours: another number is needed."""

    TYPE: ClassVar[str] = "application.vmid_found_taken.v1"
    vmid: int


class ContainerFoundHalfMade(_OfOperation):
    """Proxmox's worker died in the middle of the create. What it left is ours: it is destroyed, then made again."""

    TYPE: ClassVar[str] = "application.container_found_half_made.v1"
    vmid: int


class ContainerCreated(_OfOperation):
    """`warnings`: number of warnings in the task's log."""

    TYPE: ClassVar[str] = "application.container_created.v1"
    node: str
    vmid: int
    warnings: int = 0


class ContainerConfigured(_OfOperation):
    """`configuration`: what later changes are told by. None: it could not be read, or was not asked for yet; then it is
    as the reconciler sees it first (ConfigurationObserved).
    """

    TYPE: ClassVar[str] = "application.container_configured.v1"
    configuration: Configuration | None = None


class ContainerStarted(_OfOperation):
    TYPE: ClassVar[str] = "application.container_started.v1"
    warnings: int = 0


class AddressFound(_OfOperation):
    TYPE: ClassVar[str] = "application.address_found.v1"
    address: str


class ApplicationAnswered(_OfOperation):
    """The health probe succeeded."""

    TYPE: ClassVar[str] = "application.answered.v1"


class ContainerShutDown(_OfOperation):
    TYPE: ClassVar[str] = "application.container_shut_down.v1"


class ContainerStopped(_OfOperation):
    TYPE: ClassVar[str] = "application.container_stopped.v1"


class ContainerDestroyed(_OfOperation):
    """Proxmox says that it removed the guest; whether it is gone is proven next."""

    TYPE: ClassVar[str] = "application.container_destroyed.v1"


class ContainerProvenGone(_OfOperation):
    """A complete answer with the needed rights says that no such guest exists any more."""

    TYPE: ClassVar[str] = "application.container_proven_gone.v1"
    node: str
    vmid: int


# --- adopted containers


class ContainerInspected(_OfOperation):
    """What the container is before anything is written to it, so that it can be given back like that.

    `node`: where it is, which need not be where it was asked for. `had_tag`: it carried our tag already;
    `had_description`: it had a description at all. `configuration`: what later changes are told by, those before the
    end of the adoption included; None as of ContainerConfigured.
    """

    TYPE: ClassVar[str] = "application.container_inspected.v1"
    node: str
    hostname: str
    power: Literal["running", "stopped"]
    had_tag: bool
    had_description: bool
    configuration: Configuration | None = None


class ContainerMarked(_OfOperation):
    """Its description carries our marker. `tagged`: and it has our tag."""

    TYPE: ClassVar[str] = "application.container_marked.v1"
    tagged: bool


class ContainerUnmarked(_OfOperation):
    """It does not carry our marker any more. `tag_left`: but our tag, which Proxmox would not let us take off."""

    TYPE: ClassVar[str] = "application.container_unmarked.v1"
    tag_left: bool = False


# --- what the reconciler sees


class FindingOpened(Event):
    """It is otherwise than it should be. It stays so until FindingClosed."""

    TYPE: ClassVar[str] = "application.finding_opened.v1"
    finding: Finding


class FindingClosed(Event):
    TYPE: ClassVar[str] = "application.finding_closed.v1"
    key: str


class ContainerFoundMoved(Event):
    """It is on another node of its cluster, with its marker. `explained` None: by whom is not known."""

    TYPE: ClassVar[str] = "application.container_found_moved.v1"
    node: str
    from_node: str
    explained: Explanation | None = None


class ConfigurationObserved(Event):
    """What later changes are told by. `environment`: variable -> keyed hash of its value, never the value. `whole`: all
    settings that there are, not only those that were compared at first.
    """

    TYPE: ClassVar[str] = "application.configuration_observed.v1"
    values: dict[str, str]
    environment: dict[str, str]
    whole: bool = False


# --- what keeps it from ending


class TaskEndedUnseen(_OfOperation):
    """Only a diagnosis, by the reconciler: the task of the step has ended, and nothing in the log takes note of it.

    `exitstatus`: as Proxmox has it; `ended`: Unix seconds of the node's clock, None: Proxmox does not say.
    """

    TYPE: ClassVar[str] = "application.task_ended_unseen.v1"
    step: StepName
    upid: str
    exitstatus: str
    ended: int | None


class DeadlinePassed(_OfOperation):
    """Only a diagnosis: the operation takes longer than its kind may. `phase` unwind: so does cleaning up."""

    TYPE: ClassVar[str] = "application.deadline_passed.v1"
    phase: Literal["forward", "unwind"]
    waiting_for: str


# --- ends


class OperationUndecided(_OfOperation):
    """Nobody can know what became of the last call. The guest stays blocked until evidence arrives or a person decides.

    `command` is what a person runs on the node.
    """

    TYPE: ClassVar[str] = "application.operation_undecided.v1"
    kind: Kind
    step: StepName
    cause: Cause
    command: str


class OperationSucceeded(_OfOperation):
    TYPE: ClassVar[str] = "application.operation_succeeded.v1"
    kind: Kind | AtOnce


class OperationFailed(_OfOperation):
    """`left_behind`: the guest that may still exist on Proxmox, as `node/vmid`. `desired`: what is wanted of the
    container from now on; None: what was wanted with the operation.
    """

    TYPE: ClassVar[str] = "application.operation_failed.v1"
    kind: Kind
    cause: Cause
    left_behind: str | None = None
    desired: Desired | None = None


class OperationCancelled(_OfOperation):
    """`left_behind`, `desired`: as of a failure."""

    TYPE: ClassVar[str] = "application.operation_cancelled.v1"
    kind: Kind
    by_operation_id: str
    left_behind: str | None = None
    desired: Desired | None = None


Requested = (
    DeployRequested
    | StartRequested
    | ShutdownRequested
    | StopRequested
    | RestartRequested
    | DeleteRequested
    | AdoptRequested
    | ReleaseRequested
)
Outcome = (
    PreflightPassed
    | TemplateDownloaded
    | ImagePulled
    | VmidClaimed
    | VmidFoundTaken
    | ContainerFoundHalfMade
    | ContainerCreated
    | ContainerConfigured
    | ContainerStarted
    | AddressFound
    | ApplicationAnswered
    | ContainerShutDown
    | ContainerStopped
    | ContainerDestroyed
    | ContainerProvenGone
    | ContainerInspected
    | ContainerMarked
    | ContainerUnmarked
)
Observed = FindingOpened | FindingClosed | ContainerFoundMoved | ConfigurationObserved
Ended = OperationSucceeded | OperationFailed | OperationCancelled
ApplicationEvent = (
    Requested
    | CancelRequested
    | OperationResolved
    | ConfigurationAccepted
    | StepIntended
    | TaskAccepted
    | CallUnanswered
    | StepTakenOver
    | StepPostponed
    | StepFailed
    | Outcome
    | TaskEndedUnseen
    | DeadlinePassed
    | OperationUndecided
    | Ended
)
EVENTS: tuple[type[Event], ...] = get_args(ApplicationEvent | Observed)
