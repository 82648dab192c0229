"""The end of a container: destroyed, and then proven gone. Only what is proven ours, and only when it is down."""

from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Intent
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError
from proximity_provisioner.effect import Ready, not_now
from proximity_provisioner.evidence import guest_evidence
from proximity_provisioner.job import Answer, Happened, Job, Later, growing
from proximity_provisioner.ownership import Elsewhere, Gone, NotOurs, Ours, look
from proximity_provisioner.sight import ours_to_change, proven_gone


class Destroy:
    goal: Literal["running", "stopped"] | None = "stopped"
    counted: tuple[Literal["node", "storage"], ...] = ("node",)

    async def prepare(self, job: Job) -> Ready | Answer:
        seen = await ours_to_change(job)
        if not isinstance(seen, Ours):
            return seen
        ct = job.container
        if (await job.proxmox.guest_status(ct.node, ct.vmid)).status == "running":
            message = f"CT {ct.vmid} was started by somebody else after it had been stopped. It was not destroyed."
            return job.failed(Cause(code="started_again", message=message))
        return Ready(digest=seen.config.digest)

    async def call(self, job: Job, ready: Ready) -> str | None:
        return await job.proxmox.destroy_container(job.container.node, job.container.vmid)

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        return await guest_evidence(job, intent)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerDestroyed(operation_id=job.op.id)


async def prove_gone(job: Job) -> Answer:
    try:
        seen = await look(job)
    except ProxmoxError as error:
        return not_now(job, error)
    match seen:
        case Gone() | NotOurs(blank=False):
            return Happened(proven_gone(job))
        case Ours() | NotOurs() | Elsewhere():
            because = Cause(code="still_there", message=f"CT {job.container.vmid} is still seen on Proxmox.")
            return Later(growing(job.waited(), 0.5, 10.0, 0.2), because=because)
