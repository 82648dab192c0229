"""From a guest to the application it is to become."""

import math
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from proximity.domain.application.commands import AdoptGuest
from proximity.domain.application.spec import Resources, Spec, WebAddress
from proximity.domain.guest.events import Facts
from proximity.domain.guest.state import Guest
from proximity.messaging.aggregates import GUEST
from proximity_api.accept import Order, new_id
from proximity_api.applications import check_name
from proximity_api.names import Name
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem

GIB, MIB = 1 << 30, 1 << 20
# what Proxmox takes for a container that does not say
CORES, MEMORY, DISK = 1, 512 * MIB, 4 * GIB
TLS_PORTS = frozenset({443, 8443, 9443})


class AdoptRequest(BaseModel):
    """`name`: the guest's own if left out. `port`, `scheme`, `path`: where a person opens it; guessed if left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Unifi", "port": 8443}]})

    name: Name | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    scheme: Literal["http", "https"] | None = None
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=200)] = "/"


def adoption(ordered: Order, guest_id: str, wanted: AdoptRequest) -> tuple[str, Callable[[], Awaitable[AdoptGuest]]]:
    """The application's id, and what makes the command. That raises the problems 404, 409 and 422."""
    parts, application_id = parts_of(ordered.request), new_id(ordered.operation_id)

    async def make() -> AdoptGuest:
        guest = await _adoptable(parts, guest_id)
        name = wanted.name or guest.facts.name or f"CT {guest.vmid}"
        await check_name(parts, name, application_id)
        return AdoptGuest(
            operation_id=ordered.operation_id,
            application_id=application_id,
            name=name,
            cluster_id=guest.cluster_id,
            node=guest.facts.node,
            vmid=guest.vmid,
            spec=_spec(guest.facts, wanted),
        )

    return application_id, make


async def _adoptable(parts: Parts, guest_id: str) -> Guest:
    """As the log has it, so that it can be adopted with the read model away."""
    guest = (await parts.store.load(GUEST, guest_id)).state
    if not isinstance(guest, Guest):
        raise Problem("not_found", "There is no such guest.")
    if not guest.present:
        reason = "An application has it already." if guest.adopted_by else "It is not on Proxmox any more."
        raise Problem("not_adoptable", reason)
    if guest.facts.type != "lxc" or guest.facts.template:
        raise Problem("not_adoptable", "Only containers that are no templates can be adopted.")
    return guest


def _spec(facts: Facts, wanted: AdoptRequest) -> Spec:
    return Spec(
        recipe="adopted",
        recipe_version="1",
        runtime="adopted",
        resources=Resources(
            cores=facts.cores or CORES,
            memory_mib=max(16, (facts.memory or MEMORY) // MIB),
            disk_gib=max(1, math.ceil((facts.disk or DISK) / GIB)),
        ),
        web=_web(wanted.port or facts.port, wanted),
    )


def _web(port: int | None, wanted: AdoptRequest) -> WebAddress | None:
    """None: nobody knows of a page."""
    if port is None and wanted.scheme is None:
        return None
    scheme = wanted.scheme or ("https" if port in TLS_PORTS else "http")
    return WebAddress(scheme=scheme, port=port or (443 if scheme == "https" else 80), path=wanted.path)
