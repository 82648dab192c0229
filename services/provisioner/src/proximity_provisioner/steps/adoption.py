"""A container that was there before: looked at, marked as ours, and given back as it was.

A marker that is there proves the mark, one that is not there the opposite. A call is made for the configuration that
was read (its digest): one that comes late finds another one and is refused. But given back, the container is again as
the mark found it, so a lost mark is waited for first.
"""

from typing import Literal

from proximity.domain.application import events as ev
from proximity.domain.application.adoption import LONGEST, has_tag, marked, unmarked
from proximity.domain.application.marker import markers
from proximity.domain.application.recovery import Evidence
from proximity.domain.application.state import Adoption, Intent
from proximity.domain.cluster.rights import has
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError, RightsMissingError
from proximity.proxmox.observe import GuestConfig
from proximity_provisioner.effect import Ready, not_now, settling
from proximity_provisioner.job import Answer, Happened, Job, Later, backoff
from proximity_provisioner.ownership import Elsewhere, Gone, Here, Machine, find, marker_of
from proximity_provisioner.refusals import GUEST_TAKEN
from proximity_provisioner.sight import locked

NEEDED = ("VM.Audit", "VM.Config.Options")


async def inspect(job: Job) -> Answer:
    try:
        seen = await _adoptable(job)
        if not isinstance(seen, Here):
            return seen
        if lacking := await _lacking(job):
            return job.failed(lacking)
        status = await job.proxmox.guest_status(seen.node, job.container.vmid)
    except RightsMissingError as error:
        return job.failed(await _which_right(job, error))
    except ProxmoxError as error:
        return not_now(job, error)
    values, vmid = seen.config.values, job.container.vmid
    inspected = ev.ContainerInspected(
        operation_id=job.op.id,
        node=seen.node,
        hostname=values.get("hostname", ""),
        power=status.status,
        had_tag=has_tag(values),
        had_description="description" in values,
        configuration=job.tools.hashes.configuration(vmid, values, seen.config.environment),
    )
    return Happened(inspected)


class Mark:
    goal: Literal["running", "stopped"] | None = None
    counted: tuple[Literal["node", "storage"], ...] = ()

    async def prepare(self, job: Job) -> Ready | Answer:
        seen = await _adoptable(job)
        if not isinstance(seen, Here):
            return seen
        config = seen.config
        if marker_of(job) in markers(config.description):
            return Happened(await self.outcome(job, 0))
        tag = not _adoption(job).had_tag and not job.tag_refused
        change = marked(config.description, config.values, marker_of(job), tag=tag)
        return Ready(digest=config.digest, node=seen.node, change=change)

    async def call(self, job: Job, ready: Ready) -> str | None:
        await _change(job, ready)
        return None

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        return Evidence(goal_reached=await _is_marked(job))

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerMarked(operation_id=job.op.id, tagged=not job.tag_refused)


class Unmark:
    goal: Literal["running", "stopped"] | None = None
    counted: tuple[Literal["node", "storage"], ...] = ()

    async def prepare(self, job: Job) -> Ready | Answer:
        seen = await find(job)
        match seen:
            case Gone() | Machine():
                return Happened(ev.ContainerUnmarked(operation_id=job.op.id))
            case Elsewhere():
                return Later(backoff(job.waited()), because=seen.cause)
        if job.app.lost_mark is not None and (wait := await settling(job, job.app.lost_mark)):
            return wait
        config = seen.config
        if marker_of(job) not in markers(config.description):
            left = _is_tag_ours(job) and has_tag(config.values)
            return Happened(ev.ContainerUnmarked(operation_id=job.op.id, tag_left=left))
        if config.lock:
            return locked(job, config.lock)
        tag = _is_tag_ours(job) and not job.tag_refused
        change = unmarked(config.description, config.values, marker_of(job), tag=tag)
        return Ready(digest=config.digest, node=seen.node, change=change)

    async def call(self, job: Job, ready: Ready) -> str | None:
        await _change(job, ready)
        return None

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        is_marked = await _is_marked(job)
        return Evidence(goal_reached=None if is_marked is None else not is_marked)

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        return ev.ContainerUnmarked(operation_id=job.op.id, tag_left=_is_tag_ours(job) and job.tag_refused)


def _is_tag_ours(job: Job) -> bool:
    """If it was there before, or ours was refused, a tag that is there now is somebody else's."""
    before = _adoption(job)
    return not before.had_tag and before.tagged is not False


async def _adoptable(job: Job) -> Here | Answer:
    """Raises ProxmoxError."""
    seen, vmid = await find(job), job.container.vmid
    match seen:
        case Gone():
            return job.failed(Cause(code="container_gone", message=f"There is no CT {vmid} in the cluster any more."))
        case Machine():
            return job.failed(seen.cause)
        case Elsewhere():
            return Later(backoff(job.waited()), because=seen.cause)
    if cause := await _hindrance(job, seen.config):
        return job.failed(cause)
    return locked(job, seen.config.lock) if seen.config.lock else seen


async def _hindrance(job: Job, config: GuestConfig) -> Cause | None:
    """Why it cannot become ours. A line of ours with its number that no application stands behind is only left over,
    one with another number was copied with a container.
    """
    ct, installation = job.container, job.tools.installation_id
    if config.values.get("template") == "1":
        return Cause(code="is_template", message=f"CT {ct.vmid} is a template: it cannot be adopted.")
    for marker in markers(config.description):
        if marker.vmid == ct.vmid and marker.installation != installation:
            message = f"Another Proximity (installation {marker.installation}) has this container. Release it there."
            return Cause(code="managed_elsewhere", message=message)
    if await job.tools.journal.keeper(ct.cluster_id, ct.vmid, but=job.application_id):
        code, message = GUEST_TAKEN
        return Cause(code=code, message=message)
    change = marked(config.description, config.values, marker_of(job), tag=False)
    if len(change.values["description"]) > LONGEST:
        message = f"The description of CT {ct.vmid} is so long that our line has no room in it. Shorten it."
        return Cause(code="description_too_long", message=message)
    return None


async def _lacking(job: Job) -> Cause | None:
    """Asked for that very path: what holds for all guests need not hold for this one. Raises ProxmoxError."""
    path = f"/vms/{job.container.vmid}"
    granted = await job.proxmox.permissions(path)
    missing = [privilege for privilege in NEEDED if not has(granted, path, privilege)]
    if not missing:
        return None
    message = f"The API token lacks {' and '.join(missing)} on {path}: without that a container cannot be adopted."
    return Cause(code="missing_rights", message=message)


async def _which_right(job: Job, error: RightsMissingError) -> Cause:
    said = Cause(code="missing_rights", message="The API token may not see the container.", proxmox=error.words)
    try:
        lacking = await _lacking(job)
    except ProxmoxError:
        return said
    return lacking.model_copy(update={"proxmox": error.words}) if lacking else said


async def _change(job: Job, ready: Ready) -> None:
    if ready.change is None or ready.node is None:
        raise RuntimeError(f"{job.step.name} without a change")
    values, delete = ready.change.values, ready.change.delete
    vmid, digest = job.container.vmid, ready.digest or ""
    await job.proxmox.configure_container(ready.node, vmid, values, digest, delete=delete)


async def _is_marked(job: Job) -> bool | None:
    """None: it cannot be told. Raises ProxmoxError."""
    match await find(job):
        case Here(config=config):
            return marker_of(job) in markers(config.description)
        case Gone() | Machine():
            return False
        case Elsewhere():
            return None


def _adoption(job: Job) -> Adoption:
    if job.app.adoption is None:
        raise RuntimeError(f"{job.step.name} of a container that was not inspected")
    return job.app.adoption
