"""`/users`: who has an account here."""

from fastapi import APIRouter, Request

from proximity_api import queries
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.security import Viewer
from proximity_api.views import Page, User

router = APIRouter(prefix=PREFIX, tags=["session"])


@router.get("/users", operation_id="listUsers", summary="All users", responses=errors(400, 401, 503))
async def users(request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50) -> Page[User]:
    """Whom the ids in the activity are of."""
    async with parts_of(request).database.read() as conn:
        return await queries.users(conn, cursor, limit)
