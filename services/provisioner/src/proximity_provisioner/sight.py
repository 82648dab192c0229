"""May this guest be changed now? What a step answers if not."""

from proximity.domain.application import events as ev
from proximity.domain.application.marker import markers
from proximity.domain.operation.cause import Cause
from proximity_provisioner.job import Answer, Happened, Job, Later, backoff
from proximity_provisioner.ownership import Elsewhere, Gone, Here, Machine, NotOurs, Ours, find, look, marker_of


async def ours_to_change(job: Job) -> Ours | Answer:
    """Ours, there and not locked; else the answer of the step. Raises ProxmoxError."""
    seen = await look(job)
    match seen:
        case Ours(config=config) if config.lock is None:
            return seen
        case Ours(config=config):
            return locked(job, config.lock)
        case Gone() if job.removing:
            return Happened(proven_gone(job))
        case Gone():
            return job.failed(Cause(code="container_gone", message=f"CT {job.container.vmid} is no longer on Proxmox."))
        case NotOurs(blank=True):
            vmid = job.container.vmid
            message = (
                f"CT {vmid} was left in the middle of its creation. On {job.node}, run "
                f"`pct unlock {vmid}; pct destroy {vmid} --purge`."
            )
            return job.failed(Cause(code="left_behind", message=message))
        case NotOurs() if _never_came_to_be(job):
            # the number is a stranger's: ours never came to be, and cannot as long as that one is there
            return Happened(proven_gone(job))
        case Elsewhere() if _never_came_to_be(job) and await _is_a_strangers(job):
            return Happened(proven_gone(job))
        case NotOurs() | Elsewhere():
            return job.failed(seen.cause)


def locked(job: Job, lock: str | None) -> Later:
    message = f"CT {job.container.vmid} is locked on Proxmox ({lock}). It is tried again."
    return Later(backoff(job.waited()), because=Cause(code="container_locked", message=message))


def _never_came_to_be(job: Job) -> bool:
    """As far as the log knows: no create of it was ever accepted, or heard of otherwise."""
    if job.op.kind == "deploy":
        return "create" not in job.op.done
    created = job.app.deployed or job.app.adoption is not None or "create" in job.app.last_tasks
    return job.op.kind == "delete" and not created


async def _is_a_strangers(job: Job) -> bool:
    """Whoever has the number on another node. A cluster gives each number once."""
    found = await find(job)
    return isinstance(found, Machine) or (
        isinstance(found, Here) and marker_of(job) not in markers(found.config.description)
    )


def proven_gone(job: Job) -> ev.ApplicationEvent:
    return ev.ContainerProvenGone(operation_id=job.op.id, node=job.container.node, vmid=job.container.vmid)
