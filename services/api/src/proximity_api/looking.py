"""A fresh look at a container that no application has, and what adopting would write to it."""

import contextlib
from typing import Literal

from pydantic import BaseModel

from proximity.domain.application.adoption import TAG, has_tag
from proximity.domain.application.marker import markers
from proximity.messaging.addresses import tell
from proximity.proxmox.client import ProxmoxClient
from proximity_api import views
from proximity_api.parts import Parts

# seconds that a look is good for
FRESH = 5.0
UNDO = "Releasing it takes the line and the tag away again. Whatever else is written to it in between stays."


class Writes(BaseModel):
    """All that adopting writes: `line` in its description (<…>: made up then) and `tag` (null: it has that already), if
    Proxmox lets us set it, which only trying tells. `undo`: what releasing does.
    """

    line: str
    tag: str | None
    undo: str


class Look(BaseModel):
    """`description`: without lines of Proximity's; null to viewers, for people write passwords there. `lock`: what
    Proxmox locked it for.
    """

    hostname: str | None
    status: Literal["running", "stopped"]
    lock: str | None
    addresses: list[str]
    description: str | None
    writes: Writes | None


async def look(parts: Parts, guest: views.Guest) -> Look:
    """The same one for all who ask within some seconds. Raises the problems 404, 502 and 503."""
    installation = parts.bus.installation_id

    async def ask(proxmox: ProxmoxClient) -> Look:
        config = await proxmox.guest_config(guest.node, guest.vmid)
        status = await proxmox.guest_status(guest.node, guest.vmid)
        running = status.status == "running"
        addresses = await proxmox.guest_addresses(guest.node, guest.vmid) if running else []
        if running and addresses != guest.addresses:
            await _tell(parts, guest, addresses)
        line = f"proximity:{installation}:<application>:<operation>:{guest.vmid}"
        writes = Writes(line=line, tag=None if has_tag(config.values) else TAG, undo=UNDO)
        return Look(
            hostname=config.values.get("hostname"),
            status=status.status,
            lock=config.lock,
            addresses=addresses,
            description="\n".join(text for text in config.description.split("\n") if not markers(text)),
            writes=writes if guest.adoptable else None,
        )

    return await parts.observing.ask(guest.cluster_id, ("look", guest.node, str(guest.vmid)), ask, FRESH)


async def _tell(parts: Parts, guest: views.Guest, addresses: list[str]) -> None:
    """So that lists show what was learned here, too. That NATS is away is no reason not to show it."""
    if parts.bus.nc.is_connected:
        with contextlib.suppress(TimeoutError):
            await tell(parts.bus, guest.cluster_id, guest.vmid, guest.node, addresses)
