"""`/findings`: what is otherwise than it should be, of applications, guests and clusters."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from proximity_api import queries
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.security import Viewer
from proximity_api.views import Finding, Page

router = APIRouter(prefix=PREFIX, tags=["findings"])


@router.get("/findings", operation_id="listFindings", summary="All open findings", responses=errors(400, 401, 503))
async def findings(
    request: Request,
    _: Viewer,
    cursor: Cursor = None,
    limit: Limit = 50,
    cluster_id: Annotated[UUID | None, Query(description="Only of this cluster")] = None,
    about: Annotated[
        str | None, Query(max_length=100, description="Only of this application, guest or cluster")
    ] = None,
) -> Page[Finding]:
    """Newest first. One that is settled is no longer here; the activity tells of it."""
    async with parts_of(request).database.read() as conn:
        return await queries.findings(conn, cursor, limit, str(cluster_id) if cluster_id else None, about)
