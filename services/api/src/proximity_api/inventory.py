"""`/nodes` and `/storages`: what the connected clusters consist of."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from proximity_api import queries
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.security import Viewer
from proximity_api.views import Node, Page, Storage

router = APIRouter(prefix=PREFIX, tags=["inventory"])
OfCluster = Annotated[UUID | None, Query(description="Only of this cluster")]


@router.get("/nodes", operation_id="listNodes", summary="All nodes", responses=errors(400, 401, 503))
async def nodes(
    request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50, cluster_id: OfCluster = None
) -> Page[Node]:
    """With the last figures seen."""
    async with parts_of(request).database.read() as conn:
        return await queries.nodes(conn, cursor, limit, str(cluster_id) if cluster_id else None)


@router.get("/storages", operation_id="listStorages", summary="All storages", responses=errors(400, 401, 503))
async def storages(
    request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50, cluster_id: OfCluster = None
) -> Page[Storage]:
    """Each as every node has it, with the last figures seen."""
    async with parts_of(request).database.read() as conn:
        return await queries.storages(conn, cursor, limit, str(cluster_id) if cluster_id else None)
