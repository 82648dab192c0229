"""`/guests`: what Proxmox has and no application. Looking at one, adopting, ignoring."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from proximity.domain.guest import commands as guest_cmd
from proximity.messaging.aggregates import APPLICATION, GUEST
from proximity_api import queries, views
from proximity_api.accept import ANSWERS, Order, accept, each, new_id, order, ordering, submit
from proximity_api.adopting import AdoptRequest, Name, adoption
from proximity_api.looking import Look, look
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.problems import FieldError, Problem, invalid
from proximity_api.security import Viewer

router = APIRouter(prefix=f"{PREFIX}/guests", tags=["guests"])
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]{2,8}$"
GuestId = Annotated[str, Path(pattern=_ID, description="`<cluster>-<vmid>`")]
AT_ONCE = 8
MOST_AT_ONCE = 200


class Chosen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=_ID)]
    name: Name | None = None


class AdoptManyRequest(BaseModel):
    """Each becomes an application of its own, under its own name if none is given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"guests": [{"id": "0f8fad5b-d9cb-469f-a165-70867728950e-105", "name": "Unifi"}]}]
        },
    )

    guests: Annotated[list[Chosen], Field(min_length=1, max_length=MOST_AT_ONCE)]


class NotAccepted(BaseModel):
    code: str
    detail: str
    errors: list[FieldError] = []


class AdoptedOne(BaseModel):
    """`problem`: why it was not accepted; then there is no operation."""

    guest_id: str
    operation_id: str | None = None
    application_id: str | None = None
    problem: NotAccepted | None = None


class AdoptedMany(BaseModel):
    operations: list[AdoptedOne]


class SeenGuest(views.Guest):
    """`look`: as Proxmox has it right now; null: it cannot be looked at, and `unseen` says why."""

    look: Look | None
    unseen: str | None


@router.get("", operation_id="listGuests", summary="All that no application has", responses=errors(400, 401, 503))
async def guests(
    request: Request,
    _: Viewer,
    cursor: Cursor = None,
    limit: Limit = 50,
    cluster_id: Annotated[UUID | None, Query(description="Only of this cluster")] = None,
    adoptable: Annotated[bool | None, Query(description="Only those that can (not) be adopted")] = None,
    ignored: Annotated[bool | None, Query(description="Only those that are (not) ignored")] = None,
) -> views.Page[views.Guest]:
    """By cluster and VMID, with the last figures seen."""
    async with parts_of(request).database.read() as conn:
        of_cluster = str(cluster_id) if cluster_id else None
        return await queries.guests(conn, cursor, limit, of_cluster, adoptable, ignored)


@router.get("/{guest_id}", operation_id="getGuest", summary="One guest", responses=errors(401, 404, 422, 503))
async def guest(request: Request, asking: Viewer, guest_id: GuestId) -> SeenGuest:
    """With a fresh look at it, and what adopting would write. Its description is for operators."""
    parts = parts_of(request)
    async with parts.database.read() as conn:
        found = await queries.guest(conn, guest_id)
    if found is None:
        raise Problem("not_found", "There is no such guest, or an application has it.")
    seen: Look | None = None
    unseen: str | None = None
    if found.type == "qemu":
        unseen = "A virtual machine: only containers are looked at, and can be adopted."
    else:
        try:
            seen = await look(parts, found)
        except Problem as problem:
            unseen = problem.detail
    if seen is not None and asking.role == "viewer":
        seen = seen.model_copy(update={"description": None})
    return SeenGuest.model_validate(found.model_dump() | {"look": seen, "unseen": unseen})


@router.post(
    "/adopt",
    operation_id="adoptGuests",
    summary="Adopt several",
    status_code=202,
    responses=errors(400, 401, 403, 404, 409, 422, 503) | {202: {"model": AdoptedMany, "description": "Accepted"}},
)
async def adopt_many(body: AdoptManyRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """One operation for each; those that cannot be adopted say why. A problem is answered only if none was accepted."""
    if len({chosen.id for chosen in body.guests}) < len(body.guests):
        raise invalid(("guests", "A guest is named twice."))
    free = asyncio.Semaphore(AT_ONCE)

    async def one(chosen: Chosen) -> dict[str, Any] | Problem:
        async with free:
            of_guest = each(ordered, chosen.id)
            try:
                await submit(of_guest, APPLICATION, *adoption(of_guest, chosen.id, AdoptRequest(name=chosen.name)))
            except Problem as problem:
                return problem
            made = {"operation_id": of_guest.operation_id, "application_id": new_id(of_guest.operation_id)}
            return {"guest_id": chosen.id} | made

    answers = await asyncio.gather(*map(one, body.guests))
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    for problem in problems:
        if problem.code == "log_unavailable" or len(problems) == len(answers):
            # the key of the whole request is what it is repeated with
            problem.operation_id = problem.operation_id and ordered.operation_id
            raise problem
    operations = [
        {"guest_id": chosen.id, "problem": _told(answer)} if isinstance(answer, Problem) else answer
        for chosen, answer in zip(body.guests, answers, strict=True)
    ]
    return Response(orjson.dumps({"operations": operations}), 202, media_type="application/json")


@router.post(
    "/{guest_id}/adopt",
    operation_id="adoptGuest",
    summary="Adopt",
    status_code=202,
    responses=ANSWERS | errors(404, 409),
)
async def adopt(
    guest_id: GuestId, body: AdoptRequest, ordered: Annotated[Order, Depends(ordering("operator"))]
) -> Response:
    """It becomes an application. Only our marker line and, if allowed, a tag are written; `release` takes them off."""
    application_id, make = adoption(ordered, guest_id, body)
    return await accept(ordered, APPLICATION, application_id, make, {"application_id": application_id})


@router.post("/{guest_id}/ignore", operation_id="ignoreGuest", summary="Ignore", status_code=202, responses=ANSWERS)
async def ignore(request: Request, guest_id: GuestId) -> Response:
    """It is no longer offered."""
    ordered = await order(request, "operator")

    async def make() -> guest_cmd.IgnoreGuest:
        return guest_cmd.IgnoreGuest(operation_id=ordered.operation_id, guest_id=guest_id)

    return await accept(ordered, GUEST, guest_id, make)


@router.post(
    "/{guest_id}/notice", operation_id="noticeGuest", summary="Offer again", status_code=202, responses=ANSWERS
)
async def notice(request: Request, guest_id: GuestId) -> Response:
    """One that was ignored."""
    ordered = await order(request, "operator")

    async def make() -> guest_cmd.NoticeGuest:
        return guest_cmd.NoticeGuest(operation_id=ordered.operation_id, guest_id=guest_id)

    return await accept(ordered, GUEST, guest_id, make)


def _told(problem: Problem) -> dict[str, Any]:
    named = [error.model_dump() for error in problem.errors]
    return {"code": problem.code, "detail": problem.detail, "errors": named}
