"""`/operations`: what was asked for and what became of it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from proximity.domain.application.commands import CancelOperation, ResolveOperation
from proximity.messaging.aggregates import APPLICATION
from proximity_api import operations_read, queries, views
from proximity_api.accept import ANSWERS, Order, accept, order, ordering
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.problems import Problem
from proximity_api.security import Viewer

router = APIRouter(prefix=f"{PREFIX}/operations", tags=["operations"])
Status = Literal["running", "parked", "succeeded", "failed", "rejected", "cancelled", "undecided"]


@router.get("", operation_id="listOperations", summary="All operations", responses=errors(400, 401, 503))
async def operations(
    request: Request,
    _: Viewer,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: Annotated[Status | None, Query(description="Only these")] = None,
    target: Annotated[UUID | None, Query(description="Only of this application or cluster")] = None,
) -> views.Page[views.Operation]:
    """Newest first, from the moment they were decided."""
    async with parts_of(request).database.read() as conn:
        return await queries.operations(conn, cursor, limit, status, str(target) if target else None)


@router.get("/{operation_id}", operation_id="getOperation", summary="One operation", responses=errors(401, 404, 503))
async def operation(request: Request, _: Viewer, operation_id: UUID) -> views.Operation:
    """From the moment it was accepted: `pending` until it is decided."""
    found = await operations_read.find(parts_of(request), str(operation_id))
    if found is None:
        raise Problem("not_found", "There is no such operation.")
    return found


@router.post(
    "/{operation_id}/cancel",
    operation_id="cancelOperation",
    summary="Cancel",
    status_code=202,
    responses=ANSWERS | errors(404, 409),
)
async def cancel(request: Request, operation_id: UUID) -> Response:
    """Ends it at its next safe point; a deployment removes what it made. Cancelling is an operation of its own."""
    ordered = await order(request, "operator")
    found = await operations_read.find(parts_of(request), str(operation_id))
    if found is None:
        raise Problem("not_found", "There is no such operation.")
    if found.category != APPLICATION.category:
        raise Problem("not_cancellable", "It ends by itself within minutes.")

    async def make() -> CancelOperation:
        return CancelOperation(
            operation_id=ordered.operation_id,
            application_id=found.target,
            target_operation_id=str(operation_id),
        )

    return await accept(ordered, APPLICATION, found.target, make)


class ResolveRequest(BaseModel):
    """What became of the call: `succeeded` (it took effect), `not_executed` (nor will it be: it is sent again if it is
    still wanted) or `failed` (the operation ends; a deployment removes what it made, as far as Proxmox lets it).
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"verdict": "not_executed"}]})

    verdict: Literal["succeeded", "not_executed", "failed"]


@router.post(
    "/{operation_id}/resolve",
    operation_id="resolveOperation",
    summary="Say what is true",
    status_code=202,
    responses=ANSWERS | errors(404, 409),
)
async def resolve(
    operation_id: UUID, body: ResolveRequest, ordered: Annotated[Order, Depends(ordering("operator"))]
) -> Response:
    """Of an undecided operation, whose `resolve_command` is to be run on the node first. An operation of its own."""
    found = await operations_read.find(parts_of(ordered.request), str(operation_id))
    if found is None:
        raise Problem("not_found", "There is no such operation.")

    async def make() -> ResolveOperation:
        if found.status != "undecided":
            raise Problem("not_undecided", "Nobody has to decide about it: it is over, or finds out by itself.")
        return ResolveOperation(
            operation_id=ordered.operation_id,
            application_id=found.target,
            target_operation_id=str(operation_id),
            verdict=body.verdict,
        )

    return await accept(ordered, APPLICATION, found.target, make)
