"""Whose guest is it, and is it there at all: asked afresh before every call that changes or destroys one."""

from dataclasses import dataclass

from proximity.domain.application.marker import Marker, markers
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RightsMissingError, UnreachableError
from proximity.proxmox.observe import GuestConfig
from proximity_provisioner.job import Job


@dataclass(frozen=True)
class Ours:
    config: GuestConfig


@dataclass(frozen=True)
class NotOurs:
    """A guest has this number and does not carry our marker. `blank`: it is what a create begins with, and no more."""

    config: GuestConfig
    blank: bool

    @property
    def cause(self) -> Cause:
        return Cause(
            code="not_ours",
            message="The guest with this VMID does not carry the mark Proximity puts on its own. It was not touched.",
        )


@dataclass(frozen=True)
class Gone:
    """No guest of the cluster has this number."""


@dataclass(frozen=True)
class Elsewhere:
    """Not on its node, but somewhere in the cluster a guest has this number."""

    words: str

    @property
    def cause(self) -> Cause:
        message = "The container is no longer on its node, but the cluster has a guest with its VMID: was it migrated?"
        return Cause(code="container_moved", message=message, proxmox=self.words)


@dataclass(frozen=True)
class Machine:
    """A virtual machine has this number, and no container."""

    @property
    def cause(self) -> Cause:
        return Cause(code="not_a_container", message="Only containers can be adopted, and this is a virtual machine.")


@dataclass(frozen=True)
class Here:
    node: str
    config: GuestConfig


Sight = Ours | NotOurs | Gone | Elsewhere


def marker_of(job: Job) -> Marker:
    ct = job.container
    return Marker(job.tools.installation_id, job.application_id, ct.operation_id, ct.vmid)


async def look(job: Job) -> Sight:
    """Raises ProxmoxError when nobody can tell, RightsMissingError when the token may not see the guest."""
    config = await _config(job)
    if not isinstance(config, GuestConfig):
        return config
    if marker_of(job) in markers(config.description):
        return Ours(config)
    # a person who clears away what a dead worker left unlocks it first, and then destroys it
    on_the_way = config.lock in ("create", None, "destroyed")
    return NotOurs(config, blank=on_the_way and not config.description and "swap" not in config.values)


async def find(job: Job) -> Here | Gone | Elsewhere | Machine:
    """The container with this number, whosever it is and whichever node it was moved to.

    Raises ProxmoxError when nobody can tell, RightsMissingError when the token may not see the guest.
    """
    ct, found = job.container, await _config(job)
    if isinstance(found, GuestConfig):
        return Here(ct.node, found)
    if isinstance(found, Gone):
        return found
    listed = [guest for guest in (await job.proxmox.resources()).guests if guest.vmid == ct.vmid]
    if any(guest.type == "qemu" for guest in listed):
        return Machine()
    try:
        for guest in listed:
            return Here(guest.node, await job.proxmox.guest_config(guest.node, ct.vmid))
    except GuestMissingError:
        # it moves just now, or the list is old
        return found
    return found


async def _config(job: Job) -> GuestConfig | Gone | Elsewhere:
    """On the node where it should be."""
    ct, proxmox = job.container, job.proxmox
    try:
        return await proxmox.guest_config(ct.node, ct.vmid)
    except (GuestMissingError, RightsMissingError) as error:
        if not await proxmox.vmid_in_use(ct.vmid):
            return await _gone(job)
        if isinstance(error, RightsMissingError):
            raise
    except UnreachableError:
        # what was on a node that the cluster has no more is gone with it
        if await _has_left(job, ct.node) and not await proxmox.vmid_in_use(ct.vmid):
            return Gone()
        raise
    try:
        # a late create may have brought it into being between the two answers
        return await proxmox.guest_config(ct.node, ct.vmid)
    except GuestMissingError as error:
        return Elsewhere(error.words)


async def _has_left(job: Job, node: str) -> bool:
    """Said by the others, and they have the quorum."""
    try:
        seen = await job.proxmox.membership()
    except ProxmoxError:
        return False
    return bool(seen.name) and seen.quorate and job.cluster.is_named(seen.name) and node not in seen.nodes


async def _gone(job: Job) -> Gone:
    """A node without quorum may not know of a guest yet: only a quorate answer proves. Whoever may not ask for the
    quorum is told enough by a list in which every node is online: then none is cut off.
    """
    try:
        seen = await job.proxmox.membership()
    except RightsMissingError:
        nodes = (await job.proxmox.resources()).nodes
        if not nodes or not all(node.online for node in nodes):
            raise ProxmoxError("not every node is online: whether the guest is gone cannot be told") from None
        return Gone()
    if not job.cluster.is_named(seen.name):
        raise ProxmoxError(
            "the node that answers is not of the connected cluster any more: whether the guest is gone cannot be told"
        )
    if not seen.quorate:
        raise ProxmoxError("the cluster has no quorum: whether the guest is gone cannot be told")
    return Gone()
