"""`/…/metrics`: figures over time of applications, guests and nodes, as Proxmox recorded them."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.observe import Point, Timeframe
from proximity_api import queries
from proximity_api.guests import GuestId
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem
from proximity_api.security import Viewer

router = APIRouter(prefix=PREFIX, tags=["metrics"])
Frame = Annotated[Timeframe, Query(description="How far back; Proxmox keeps it the coarser the longer")]
ANSWERS = errors(401, 404, 422, 502, 503)
# seconds that an answer is remembered: Proxmox adds a point each minute, or each half-hour and more
FRESH: dict[Timeframe, float] = {"hour": 20.0, "day": 20.0}
ELSE_FRESH = 300.0


class Metric(BaseModel):
    """Averages. `at`: Unix seconds; `cpu`: share (0 to 1); `memory`, `memory_used`, `disk_used`: bytes; `netin`,
    `netout`: bytes a second. null: nothing was measured.
    """

    model_config = ConfigDict(from_attributes=True)

    at: int
    cpu: float | None
    memory_used: float | None
    memory: float | None
    disk_used: float | None
    netin: float | None
    netout: float | None


@router.get(
    "/applications/{application_id}/metrics",
    operation_id="getApplicationMetrics",
    summary="Figures of its container over time",
    responses=ANSWERS,
)
async def of_application(request: Request, _: Viewer, application_id: UUID, timeframe: Frame = "hour") -> list[Metric]:
    """Oldest first."""
    parts = parts_of(request)
    async with parts.database.read() as conn:
        found = await queries.application(conn, str(application_id))
    if found is None or found.node is None or found.vmid is None:
        raise Problem("not_found", "There is no such application, or it has no container.")
    node, vmid = found.node, found.vmid

    async def ask(proxmox: ProxmoxClient) -> list[Point]:
        return await proxmox.guest_history(node, "lxc", vmid, timeframe)

    return await _history(parts, found.cluster_id, (node, str(vmid)), timeframe, ask)


@router.get(
    "/guests/{guest_id}/metrics", operation_id="getGuestMetrics", summary="Its figures over time", responses=ANSWERS
)
async def of_guest(request: Request, _: Viewer, guest_id: GuestId, timeframe: Frame = "hour") -> list[Metric]:
    """Oldest first."""
    parts = parts_of(request)
    async with parts.database.read() as conn:
        found = await queries.guest(conn, guest_id)
    if found is None:
        raise Problem("not_found", "There is no such guest, or an application has it.")
    node, kind, vmid = found.node, found.type, found.vmid

    async def ask(proxmox: ProxmoxClient) -> list[Point]:
        return await proxmox.guest_history(node, kind, vmid, timeframe)

    return await _history(parts, found.cluster_id, (node, str(vmid)), timeframe, ask)


@router.get(
    "/nodes/{cluster_id}/{node}/metrics",
    operation_id="getNodeMetrics",
    summary="Figures of a node over time",
    responses=ANSWERS,
)
async def of_node(
    request: Request,
    _: Viewer,
    cluster_id: UUID,
    node: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")],
    timeframe: Frame = "hour",
) -> list[Metric]:
    """Oldest first. The id of a node is `<cluster>/<node>`."""

    async def ask(proxmox: ProxmoxClient) -> list[Point]:
        return await proxmox.node_history(node, timeframe)

    return await _history(parts_of(request), str(cluster_id), (node,), timeframe, ask)


async def _history(
    parts: Parts,
    cluster_id: str,
    of: tuple[str, ...],
    timeframe: Timeframe,
    ask: Callable[[ProxmoxClient], Awaitable[list[Point]]],
) -> list[Metric]:
    seconds = FRESH.get(timeframe, ELSE_FRESH)
    points = await parts.observing.ask(cluster_id, ("history", *of, timeframe), ask, seconds)
    return [Metric.model_validate(point) for point in points]
