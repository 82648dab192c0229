"""Is there a place for it? Everything that is needed is looked at before anything is made."""

from proximity.domain.application import events as ev
from proximity.domain.application.placement import choose
from proximity.domain.operation.cause import Cause
from proximity.proxmox import places
from proximity.proxmox.errors import ProxmoxError
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job


async def preflight(job: Job) -> Answer:
    spec, wanted = job.app.spec, job.app.wanted_node
    try:
        seen = await places.look(job.proxmox, spec.runtime, spec.bridge, wanted)
    except ProxmoxError as error:
        return not_now(job, error)
    chosen = choose(spec, wanted, seen.cluster)
    if isinstance(chosen, Cause):
        # a node that did not answer may have the place, and show the rights, that the others lack
        return not_now(job, seen.silent) if seen.silent else job.failed(chosen)
    place = chosen.placement
    passed = ev.PreflightPassed(
        operation_id=job.op.id,
        node=place.node,
        rootfs_storage=place.rootfs_storage,
        template_storage=place.template_storage,
        template_volid=place.template_volid,
        template_present=place.template_present,
        reason=chosen.reason,
    )
    return Happened(passed)
