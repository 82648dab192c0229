"""Up and down. Each looks first: a guest that is as wanted is left alone."""

from abc import ABC, abstractmethod
from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Intent
from proximity_provisioner.effect import Ready
from proximity_provisioner.evidence import guest_evidence
from proximity_provisioner.job import Answer, Happened, Job
from proximity_provisioner.ownership import Ours
from proximity_provisioner.sight import ours_to_change

Goal = Literal["running", "stopped"] | None
Counted = tuple[Literal["node", "storage"], ...]


class _Power(ABC):
    goal: Goal
    counted: Counted = ()

    async def prepare(self, job: Job) -> Ready | Answer:
        seen = await ours_to_change(job)
        if not isinstance(seen, Ours):
            return seen
        status = await job.proxmox.guest_status(job.container.node, job.container.vmid)
        return Happened(await self.outcome(job, 0)) if status.status == self.goal else Ready(digest=seen.config.digest)

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        return await guest_evidence(job, intent)

    @abstractmethod
    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent: ...


class Start(_Power):
    goal: Goal = "running"
    counted: Counted = ("node",)

    async def call(self, job: Job, ready: Ready) -> str | None:
        return await job.proxmox.start_container(job.container.node, job.container.vmid)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerStarted(operation_id=job.op.id, warnings=warnings)


class Shutdown(_Power):
    goal: Goal = "stopped"

    async def call(self, job: Job, ready: Ready) -> str | None:
        timeout = job.tools.settings.shutdown_timeout_seconds
        return await job.proxmox.shutdown_container(job.container.node, job.container.vmid, timeout)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerShutDown(operation_id=job.op.id)


class Stop(_Power):
    goal: Goal = "stopped"

    async def call(self, job: Job, ready: Ready) -> str | None:
        return await job.proxmox.stop_container(job.container.node, job.container.vmid)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerStopped(operation_id=job.op.id)
