"""What a step has at hand, and what it may answer."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from proximity.domain.application.events import ApplicationEvent, StepFailed
from proximity.domain.application.process import Step
from proximity.domain.application.state import Application, Container, Operation, Placement, State
from proximity.domain.cluster.state import Cluster
from proximity.domain.operation.cause import Cause
from proximity.messaging.event_store import Loaded
from proximity.proxmox.hypervisor import Hypervisor
from proximity_provisioner.tools import Tools


@dataclass(frozen=True)
class Job:
    """One step of one operation, as the log had it when the step began."""

    application_id: str
    loaded: Loaded[State]
    app: Application
    op: Operation
    step: Step
    cluster: Cluster
    proxmox: Hypervisor
    tools: Tools

    @property
    def container(self) -> Container:
        if self.app.container is None:
            raise RuntimeError(f"{self.step.name} without a container")
        return self.app.container

    @property
    def placement(self) -> Placement:
        if self.app.placement is None:
            raise RuntimeError(f"{self.step.name} without a placement")
        return self.app.placement

    @property
    def node(self) -> str:
        return self.app.container.node if self.app.container else self.placement.node

    @property
    def removing(self) -> bool:
        """The guest is to disappear: that it is gone already is as good."""
        return self.op.kind == "delete" or self.op.unwinding or self.op.remaking

    @property
    def tag_refused(self) -> bool:
        """Proxmox has just said that our tag is not ours to set or remove: it is done without."""
        return self.op.tag_refused

    def waited(self) -> timedelta:
        """How long the operation is at this step, by the log's clock."""
        return self.tools.clock.now() - self.op.step_since

    def failed(self, cause: Cause, upid: str | None = None, log: tuple[str, ...] = ()) -> "Happened":
        event = StepFailed(operation_id=self.op.id, step=self.step.name, cause=cause, upid=upid, log=log)
        return Happened(event)


@dataclass(frozen=True)
class Happened:
    """To be written down. `settled`: it is an effect that took place, so it is written whatever else was meanwhile.
    `on`: the state it follows from, if that is newer than the job's.
    """

    event: ApplicationEvent
    settled: bool = False
    on: Loaded[State] | None = None


@dataclass(frozen=True)
class Later:
    """Look again then. `because` is said in the log, once."""

    after: timedelta
    because: Cause | None = None
    kind: Literal["poll", "retry"] = "retry"


Answer = Happened | Later


def growing(waited: timedelta, least: float, most: float, share: float) -> timedelta:
    """A waiting time that grows with what has been waited already; seconds."""
    return timedelta(seconds=min(most, max(least, waited.total_seconds() * share)))


def backoff(waited: timedelta) -> timedelta:
    return growing(waited, 1.0, 30.0, 0.25)
