"""The image, from its registry, if it is not on the node already."""

from datetime import timedelta
from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.image import Image
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Intent
from proximity.domain.operation.cause import Cause
from proximity.proxmox.observe import Task
from proximity_provisioner.effect import Ready
from proximity_provisioner.evidence import TASK_TYPES, our_tasks
from proximity_provisioner.job import Answer, Happened, Job, Later
from proximity_provisioner.steps.template import is_there

BEING_PULLED = Cause(code="being_pulled", message="Another deployment is pulling the same image. That is awaited.")


class PullImage:
    """Repeating it is harmless: the archive is written under another name and takes its own when it is complete."""

    goal: Literal["running", "stopped"] | None = None
    counted: tuple[Literal["node", "storage"], ...] = ("node",)

    async def prepare(self, job: Job) -> Ready | Answer:
        if await is_there(job):
            return Happened(await self.outcome(job, 0))
        listed = await job.proxmox.tasks(job.node, vmid=None, type=TASK_TYPES["pull_image"], since=0)
        if any(task.running and _is_of(task, job) for task in listed):
            return Later(timedelta(seconds=2), because=BEING_PULLED, kind="poll")
        return Ready()

    async def call(self, job: Job, ready: Ready) -> str | None:
        place, image = job.placement, _image(job)
        return await job.proxmox.pull_image(place.node, place.template_storage, image.reference, image.archive)

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        """The file proves; a running task is awaited. It may be another deployment's, into another storage."""
        if await is_there(job):
            return Evidence(goal_reached=True)
        running = any(task.running and _is_of(task, job) for task in await our_tasks(job, intent))
        return Evidence(goal_reached=None if running else False)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ImagePulled(operation_id=job.op.id, volid=job.placement.template_volid)


def _image(job: Job) -> Image:
    if job.app.spec.image is None:
        raise RuntimeError(f"{job.step.name} without an image")
    return job.app.spec.image


def _is_of(task: Task, job: Job) -> bool:
    """The task of a pull has the archive's name as its id."""
    return task.id == f"{_image(job).archive}.tar"
