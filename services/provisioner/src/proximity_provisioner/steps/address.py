"""The address a started container was given."""

from proximity.domain.application import events as ev
from proximity.domain.application.process import ADDRESS_WITHIN, ADOPTED_ADDRESS_WITHIN
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError
from proximity_provisioner.causes import cause_of
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job, Later, growing


async def find_address(job: Job) -> Answer:
    ct = job.container
    adopting = job.op.kind == "adopt"
    over = job.waited() >= (ADOPTED_ADDRESS_WITHIN if adopting else ADDRESS_WITHIN)
    try:
        addresses = await job.proxmox.guest_addresses(ct.node, ct.vmid)
        if addresses:
            return Happened(ev.AddressFound(operation_id=job.op.id, address=addresses[0]))
        if ended := await stopped_by_itself(job):
            return ended
    except ProxmoxError as error:
        # what is adopted is so without an address, too
        return job.failed(cause_of(error)) if adopting and over else not_now(job, error)
    if over and adopting:
        return job.failed(Cause(code="no_address", message=f"CT {ct.vmid} runs and has no address."))
    if over:
        message = f"CT {ct.vmid} runs but got no address. Is there a DHCP server on {job.app.spec.bridge}?"
        if job.app.spec.runtime == "oci":
            message += " The node itself asks it for the container: the log of the start on Proxmox says how that went."
        return job.failed(Cause(code="no_address", message=message))
    return Later(growing(job.waited(), 0.3, 3.0, 0.1), kind="poll")


async def stopped_by_itself(job: Job) -> Happened | None:
    """A container ends with its first process. Raises ProxmoxError."""
    ct = job.container
    if (await job.proxmox.guest_status(ct.node, ct.vmid)).status != "stopped":
        return None
    message = f"CT {ct.vmid} went down again soon after its start. Its console or log may say why."
    return job.failed(Cause(code="stopped_by_itself", message=message))
