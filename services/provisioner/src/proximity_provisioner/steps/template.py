"""The template, from the node's own index, if it is not there."""

from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Intent
from proximity_provisioner.effect import Ready
from proximity_provisioner.evidence import our_tasks
from proximity_provisioner.job import Answer, Happened, Job


class DownloadTemplate:
    goal: Literal["running", "stopped"] | None = None
    counted: tuple[Literal["node", "storage"], ...] = ("node",)

    async def prepare(self, job: Job) -> Ready | Answer:
        return Happened(await self.outcome(job, 0)) if await is_there(job) else Ready()

    async def call(self, job: Job, ready: Ready) -> str | None:
        place = job.placement
        template = place.template_volid.rpartition("/")[2]
        return await job.proxmox.download_template(place.node, place.template_storage, template)

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        """A download's task does not say what it fetches: the finished file proves, a running task is awaited."""
        if await is_there(job):
            return Evidence(goal_reached=True)
        running = any(task.running for task in await our_tasks(job, intent))
        return Evidence(goal_reached=None if running else False)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.TemplateDownloaded(operation_id=job.op.id, volid=job.placement.template_volid)


async def is_there(job: Job) -> bool:
    """What the container is to be made of lies in the storage that the preflight chose."""
    place = job.placement
    return place.template_volid in await job.proxmox.templates(place.node, place.template_storage)
