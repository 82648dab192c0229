"""`/applications/preflight`: what a deployment would meet, without one."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from proximity.domain.application.placement import choose
from proximity.domain.operation.cause import Cause
from proximity.proxmox import places
from proximity.proxmox.client import ProxmoxClient
from proximity_api import views
from proximity_api.applications import DeployRequest, check_name, cluster_of
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import parts_of
from proximity_api.problems import Problem
from proximity_api.security import Operator

router = APIRouter(prefix=f"{PREFIX}/applications", tags=["applications"])

# seconds that a look is good for: somebody types and asks again with each change, and a look costs many requests
FRESH = 20.0


class Place(BaseModel):
    """Where it would go now, and why there. `downloads`: the template or image is not on the storage yet."""

    cluster_id: str
    node: str
    rootfs_storage: str
    template_storage: str
    downloads: bool
    reason: str


class Preflight(BaseModel):
    """Either `place` or `refusal`, the cause with which the deployment would fail."""

    place: Place | None = None
    refusal: views.Cause | None = None


@router.post(
    "/preflight",
    operation_id="preflightApplication",
    summary="Would it go?",
    responses=errors(401, 403, 404, 409, 422, 502, 503),
)
async def preflight(body: DeployRequest, request: Request, _: Operator) -> Preflight:
    """Checks name and settings as deploying does, and looks for a place on Proxmox. Changes and claims nothing."""
    parts = parts_of(request)
    resolved = parts.catalog.resolve(body.recipe, body.settings)
    await check_name(parts, body.name)
    cluster_id = await cluster_of(parts, body.cluster_id)
    spec = resolved.spec({})

    async def ask(proxmox: ProxmoxClient) -> places.Seen:
        return await places.look(proxmox, spec.runtime, spec.bridge, body.node)

    question = ("places", spec.runtime, spec.bridge, body.node or "")
    seen = await parts.observing.ask(cluster_id, question, ask, FRESH)
    chosen = choose(spec, body.node, seen.cluster)
    if isinstance(chosen, Cause):
        if seen.silent:
            raise Problem("cluster_unreachable", seen.silent.words)
        return Preflight(refusal=views.Cause(**chosen.model_dump()))
    place = chosen.placement
    return Preflight(
        place=Place(
            cluster_id=cluster_id,
            node=place.node,
            rootfs_storage=place.rootfs_storage,
            template_storage=place.template_storage,
            downloads=not place.template_present,
            reason=chosen.reason,
        )
    )
