"""Everything that can happen to a guest that Proximity does not manage. Its figures are observations, not events."""

from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from proximity.domain.finding import Finding
from proximity.domain.model import Event

Kind = Literal["ignore", "notice"]


class Facts(BaseModel):
    """What a list of the cluster tells of it. `memory`, `disk` in bytes; None: the token may not see them.

    `app`, `port`: what it probably runs, guessed from its name and tags; None: no idea.
    """

    model_config = ConfigDict(frozen=True)

    node: str
    type: Literal["lxc", "qemu"]
    name: str | None
    template: bool = False
    tags: tuple[str, ...] = ()
    pool: str | None = None
    ha: bool = False
    cores: int | None = None
    memory: int | None = None
    disk: int | None = None
    app: str | None = None
    port: int | None = None


class GuestAppeared(Event):
    TYPE: ClassVar[str] = "guest.appeared.v1"
    cluster_id: str
    vmid: int
    facts: Facts


class GuestReconfigured(Event):
    """`facts`: all of them, as they are now."""

    TYPE: ClassVar[str] = "guest.reconfigured.v1"
    facts: Facts


class GuestGone(Event):
    """Proven: see the reconciler."""

    TYPE: ClassVar[str] = "guest.gone.v1"


class GuestAdopted(Event):
    """It is the container of an application from now on."""

    TYPE: ClassVar[str] = "guest.adopted.v1"
    application_id: str


class GuestIgnored(Event):
    """A person does not want to be offered it."""

    TYPE: ClassVar[str] = "guest.ignored.v1"
    operation_id: str


class GuestNoticed(Event):
    """It is offered again."""

    TYPE: ClassVar[str] = "guest.noticed.v1"
    operation_id: str


class FindingOpened(Event):
    TYPE: ClassVar[str] = "guest.finding_opened.v1"
    finding: Finding


class FindingClosed(Event):
    TYPE: ClassVar[str] = "guest.finding_closed.v1"
    key: str


class OperationSucceeded(Event):
    TYPE: ClassVar[str] = "guest.operation_succeeded.v1"
    operation_id: str
    kind: Kind


Observed = GuestAppeared | GuestReconfigured | GuestGone | GuestAdopted | FindingOpened | FindingClosed
GuestEvent = Observed | GuestIgnored | GuestNoticed | OperationSucceeded
EVENTS: tuple[type[Event], ...] = get_args(GuestEvent)
