"""`/…/metrics`: figures over time of applications, guests, nodes and storages, as Proxmox recorded them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.observe import Point, StoragePoint, Timeframe
from proximity_api import queries
from proximity_api.guests import GuestId
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem
from proximity_api.security import Viewer

router = APIRouter(prefix=PREFIX, tags=["metrics"])
Frame = Annotated[Timeframe, Query(description="How far back; Proxmox keeps it the coarser the longer")]
NODE = r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$"
ANSWERS = errors(401, 404, 422, 502, 503)
# seconds that an answer is remembered: Proxmox adds a point each minute, or each half-hour and more
FRESH: dict[Timeframe, float] = {"hour": 20.0, "day": 20.0}
ELSE_FRESH = 300.0

T = TypeVar("T")


class Metric(BaseModel):
    """Averages. `at`: Unix seconds; `cpu`: share (0 to 1); `memory_used` of `memory`, `disk_used` of `disk` (of a node
    its root file system): bytes; `netin`, `netout`: bytes a second. null: nothing was measured.
    """

    model_config = ConfigDict(from_attributes=True)

    at: int
    cpu: float | None
    memory_used: float | None
    memory: float | None
    disk_used: float | None
    disk: float | None
    netin: float | None
    netout: float | None


class StorageMetric(BaseModel):
    """Averages, in bytes. `at`: Unix seconds. null: nothing was measured."""

    model_config = ConfigDict(from_attributes=True)

    at: int
    used: float | None
    total: float | None


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

    return _metrics(await _history(parts, found.cluster_id, (node, str(vmid)), timeframe, ask))


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

    return _metrics(await _history(parts, found.cluster_id, (node, str(vmid)), timeframe, ask))


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
    node: Annotated[str, Path(pattern=NODE)],
    timeframe: Frame = "hour",
) -> list[Metric]:
    """Oldest first. The id of a node is `<cluster>/<node>`."""

    async def ask(proxmox: ProxmoxClient) -> list[Point]:
        return await proxmox.node_history(node, timeframe)

    return _metrics(await _history(parts_of(request), str(cluster_id), (node,), timeframe, ask))


@router.get(
    "/storages/{cluster_id}/{node}/{storage}/metrics",
    operation_id="getStorageMetrics",
    summary="How full a storage was over time",
    responses=ANSWERS,
)
async def of_storage(
    request: Request,
    _: Viewer,
    cluster_id: UUID,
    node: Annotated[str, Path(pattern=NODE)],
    storage: Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$", max_length=100)],
    timeframe: Frame = "hour",
) -> list[StorageMetric]:
    """Oldest first, as that node measured it. The id of a storage is `<cluster>/<node>/<storage>`."""
    parts = parts_of(request)
    async with parts.database.read() as conn:
        if not await queries.has_storage(conn, f"{cluster_id}/{node}/{storage}"):
            raise Problem("not_found", "There is no such storage on that node.")

    async def ask(proxmox: ProxmoxClient) -> list[StoragePoint]:
        return await proxmox.storage_history(node, storage, timeframe)

    points = await _history(parts, str(cluster_id), ("storage", node, storage), timeframe, ask)
    return [StorageMetric.model_validate(point) for point in points]


async def _history(
    parts: Parts,
    cluster_id: str,
    of: tuple[str, ...],
    timeframe: Timeframe,
    ask: Callable[[ProxmoxClient], Awaitable[list[T]]],
) -> list[T]:
    seconds = FRESH.get(timeframe, ELSE_FRESH)
    return await parts.observing.ask(cluster_id, ("history", *of, timeframe), ask, seconds)


def _metrics(points: list[Point]) -> list[Metric]:
    return [Metric.model_validate(point) for point in points]
