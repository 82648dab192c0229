"""What may be asked of an application."""

from typing import ClassVar, Literal, get_args

from proximity.domain.application.spec import Spec
from proximity.domain.finding import Setting
from proximity.domain.model import Command


class DeployApplication(Command):
    """`node` None: the node is chosen by the preflight."""

    TYPE: ClassVar[str] = "application.deploy.v1"
    application_id: str
    name: str
    cluster_id: str
    node: str | None = None
    spec: Spec


class StartApplication(Command):
    TYPE: ClassVar[str] = "application.start.v1"
    application_id: str


class ShutdownApplication(Command):
    """Asks the guest to go down by itself."""

    TYPE: ClassVar[str] = "application.shutdown.v1"
    application_id: str


class StopApplication(Command):
    """Pulls the plug."""

    TYPE: ClassVar[str] = "application.stop.v1"
    application_id: str


class RestartApplication(Command):
    """Shutdown, then start: two steps, because a repeated reboot reboots twice."""

    TYPE: ClassVar[str] = "application.restart.v1"
    application_id: str


class DeleteApplication(Command):
    """`force`: stop at once instead of asking the guest to shut down. Supersedes whatever else is going on.

    An adopted container is given back as it was, unless `destroy` says expressly that it is to go, too.
    """

    TYPE: ClassVar[str] = "application.delete.v1"
    application_id: str
    force: bool = False
    destroy: bool = False


class AdoptGuest(Command):
    """A container that is there becomes an application. Only our marker and, if allowed, a tag are written to it."""

    TYPE: ClassVar[str] = "application.adopt.v1"
    application_id: str
    name: str
    cluster_id: str
    node: str
    vmid: int
    spec: Spec


class ReleaseApplication(Command):
    """Gives an adopted container back as it was."""

    TYPE: ClassVar[str] = "application.release.v1"
    application_id: str


class CancelOperation(Command):
    """Ends `target_operation_id` at its next safe point; a deployment removes what it made."""

    TYPE: ClassVar[str] = "application.cancel.v1"
    application_id: str
    target_operation_id: str


class ResolveOperation(Command):
    """A person says what became of the call that nobody else can know of, so that the operation goes on or ends."""

    TYPE: ClassVar[str] = "application.resolve.v1"
    application_id: str
    target_operation_id: str
    verdict: Literal["succeeded", "not_executed", "failed"]


class AcceptConfiguration(Command):
    """A setting that was changed outside is right as it is. `key`: of the finding that tells of it. `setting`: as it
    was told when the person accepted it; None: as it is told when this is decided.
    """

    TYPE: ClassVar[str] = "application.accept_configuration.v1"
    application_id: str
    key: str
    setting: Setting | None = None


ApplicationCommand = (
    DeployApplication
    | StartApplication
    | ShutdownApplication
    | StopApplication
    | RestartApplication
    | DeleteApplication
    | CancelOperation
    | AdoptGuest
    | ReleaseApplication
    | ResolveOperation
    | AcceptConfiguration
)
COMMANDS: tuple[type[Command], ...] = get_args(ApplicationCommand)
