"""Gathers what recovery.judge needs: what became of a call whose answer nobody has."""

from datetime import timedelta
from typing import Literal

from proximity.domain.application.events import StepName
from proximity.domain.application.recovery import Evidence, GuestEvidence
from proximity.domain.application.state import Intent
from proximity.proxmox.errors import GuestMissingError
from proximity.proxmox.observe import Task
from proximity_provisioner.job import Job
from proximity_provisioner.ownership import Elsewhere, Gone, NotOurs, Ours, look

TASK_TYPES: dict[StepName, str] = {
    "download_template": "download",
    "pull_image": "ociregistrypull",
    "create": "vzcreate",
    "start": "vzstart",
    "shutdown": "vzshutdown",
    "stop": "vzstop",
    "destroy": "vzdestroy",
}
# A task's start is in whole seconds, rounded down, and was seen up to half a second before the request was sent.
BEFORE = 2


async def our_tasks(job: Job, intent: Intent) -> list[Task]:
    """Tasks of the intent's type and guest that our token began after it; running and finished."""
    return _ours(job, intent, await _tasks(job, intent))


async def _tasks(job: Job, intent: Intent) -> list[Task]:
    """Everybody's, as far as the token may see them."""
    kind = TASK_TYPES.get(intent.step)
    if kind is None:
        return []
    vmid = None if intent.step in ("download_template", "pull_image") else intent.vmid
    return await job.proxmox.tasks(intent.node, vmid=vmid, type=kind, since=intent.node_time - BEFORE)


def _ours(job: Job, intent: Intent, listed: list[Task]) -> list[Task]:
    # the task of an earlier call of the same step may have begun in the same second
    known = job.app.last_tasks.get(intent.step) if intent.upid is None else None
    return [task for task in listed if task.user == job.cluster.token_id and task.upid != known]


async def in_list(job: Job, intent: Intent, upid: str) -> Task | None:
    """A finished task stays in the node's list longer than its log."""
    return next((task for task in await our_tasks(job, intent) if task.upid == upid), None)


async def guest_evidence(job: Job, intent: Intent, *, answered_exists: bool = False) -> Evidence:
    """Of a call on a guest. Raises ProxmoxError when nobody can tell."""
    # the very first send was refused: whoever works on that number now, it is not for us
    refused_at_once = answered_exists and intent.attempt == 1
    listed = await _tasks(job, intent)
    if intent.upid is None and not refused_at_once and (tasks := _ours(job, intent, listed)):
        latest = max([task for task in tasks if task.running] or tasks, key=lambda task: task.starttime)
        return Evidence(upid=latest.upid, answered_exists=answered_exists)
    sight = await look(job)
    match sight:
        case Gone():
            guest = GuestEvidence(exists=False)
        case Elsewhere():
            # a create finds the number taken; to a power call the guest is gone; what a destroy did cannot be told
            exists: dict[StepName, bool | None] = {"create": True, "destroy": None}
            guest = GuestEvidence(exists=exists.get(intent.step, False))
        case NotOurs(config=config, blank=blank):
            guest = GuestEvidence(exists=True, blank=blank and not refused_at_once, lock=config.lock)
        case Ours(config=config):
            guest = GuestEvidence(
                exists=True,
                ours=True,
                lock=config.lock,
                complete="swap" in config.values,
                power=await _power(job),
            )
    return Evidence(
        guest=guest,
        answered_exists=answered_exists,
        busy=any(task.running for task in listed),
        elapsed=timedelta(seconds=await job.proxmox.node_time(intent.node) - intent.node_time),
    )


async def _power(job: Job) -> Literal["running", "stopped", "unknown"]:
    try:
        return (await job.proxmox.guest_status(job.container.node, job.container.vmid)).status
    except GuestMissingError:
        return "unknown"
