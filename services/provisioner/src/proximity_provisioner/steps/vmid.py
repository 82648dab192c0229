"""A number for the container: claimed in the log before Proxmox hears of it, and never given out twice."""

from proximity.domain.application import events as ev
from proximity.domain.application.marker import Marker, markers
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job


async def claim_vmid(job: Job) -> Answer:
    """The next number that Proxmox does not know. Whether it is free is decided by the claim that goes with the event:
    if that is refused, the step is done again, with the number after it.
    """
    if job.tools.restored and (made := await _made_before_the_restore(job)):
        return made
    cluster_id, cursor = job.app.cluster_id, job.tools.cursor
    first, last = job.cluster.first_vmid, job.cluster.last_vmid
    if cluster_id not in cursor:
        cursor[cluster_id] = await job.tools.journal.first_unclaimed_vmid(cluster_id, first)
    while cursor[cluster_id] <= last:
        vmid = cursor[cluster_id]
        cursor[cluster_id] = vmid + 1
        try:
            taken = await job.proxmox.vmid_in_use(vmid)
        except ProxmoxError as error:
            return not_now(job, error)
        if not taken:
            return _claimed(job, job.placement.node, vmid)
    message = f"All VMIDs from {first} to {last} have been used. Connect the cluster with a larger range."
    return job.failed(Cause(code="no_vmid_left", message=message))


async def _made_before_the_restore(job: Job) -> Answer | None:
    """The operation may have got further than the log tells: the container it made then is the one it makes now."""
    try:
        for guest in (await job.proxmox.resources()).guests:
            if guest.type == "lxc" and guest.name == job.app.slug:
                description = (await job.proxmox.guest_config(guest.node, guest.vmid)).description
                if Marker(job.tools.installation_id, job.application_id, job.op.id, guest.vmid) in markers(description):
                    return _claimed(job, guest.node, guest.vmid)
    except ProxmoxError as error:
        return not_now(job, error)
    return None


def _claimed(job: Job, node: str, vmid: int) -> Happened:
    claimed = ev.VmidClaimed(operation_id=job.op.id, cluster_id=job.app.cluster_id, node=node, vmid=vmid)
    return Happened(claimed)
