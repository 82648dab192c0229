"""`/findings`: what is otherwise than it should be, of applications, guests and clusters. Accepting a change."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from proximity.domain.application.commands import AcceptConfiguration
from proximity.domain.application.state import Application
from proximity.domain.finding import Setting
from proximity.messaging.aggregates import APPLICATION
from proximity_api import queries
from proximity_api.accept import ANSWERS, accept, order
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem
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


@router.post(
    "/applications/{application_id}/findings/{key}/accept",
    operation_id="acceptConfiguration",
    summary="Accept a change",
    status_code=202,
    responses=ANSWERS | errors(404, 409),
)
async def accept_configuration(
    request: Request,
    application_id: UUID,
    key: Annotated[str, Path(max_length=300, description="Of the finding: its id without `application/<id>/`")],
    observed: Annotated[
        str | None, Query(description="As the finding told it: refused if it tells something else by now")
    ] = None,
) -> Response:
    """Of a setting that was changed outside: what it is now is what later changes are told by, and the finding closes.

    Nothing is written to Proxmox.
    """
    ordered = await order(request, "operator")
    parts = parts_of(request)

    async def make() -> AcceptConfiguration:
        setting = await _acceptable(parts, str(application_id), key, observed)
        return AcceptConfiguration(
            operation_id=ordered.operation_id, application_id=str(application_id), key=key, setting=setting
        )

    return await accept(ordered, APPLICATION, str(application_id), make)


async def _acceptable(parts: Parts, application_id: str, key: str, observed: str | None) -> Setting:
    """What the decider will compare with; the rest is a courtesy. Raises the problems 404 and 409."""
    state = (await parts.store.load(APPLICATION, application_id)).state
    finding = state.findings.get(key) if isinstance(state, Application) else None
    if finding is None:
        raise Problem("not_found", "There is no such finding: it is settled already.")
    if finding.setting is None:
        raise Problem("not_acceptable", "Only a setting that was changed can be accepted as it is.")
    if observed is not None and observed != finding.observed:
        raise Problem("changed_meanwhile", "The setting was changed again. Look at what it is now, and accept that.")
    return finding.setting
