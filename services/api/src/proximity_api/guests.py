"""`/guests`: what Proxmox has and no application. Looking at one, adopting, ignoring."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from proximity.domain.guest import commands as guest_cmd
from proximity.domain.model import Command
from proximity.messaging.aggregates import APPLICATION, GUEST
from proximity_api import queries, views
from proximity_api.accept import ANSWERS, Order, accept, order, ordering, ready, submit
from proximity_api.adopting import AdoptRequest, adoption
from proximity_api.looking import Look, look
from proximity_api.many import MOST_AT_ONCE, OneOfMany, answers, command_each, submit_each
from proximity_api.names import Name
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import parts_of
from proximity_api.problems import Problem
from proximity_api.security import Viewer

router = APIRouter(prefix=f"{PREFIX}/guests", tags=["guests"])
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]{2,8}$"
GuestId = Annotated[str, Path(pattern=_ID, description="`<cluster>-<vmid>`")]


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


class AboutGuest(OneOfMany):
    guest_id: str


class AboutGuests(BaseModel):
    operations: list[AboutGuest]


class AdoptedOne(AboutGuest):
    application_id: str | None = None


class AdoptedMany(BaseModel):
    operations: list[AdoptedOne]


class GuestsRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"guests": ["0f8fad5b-d9cb-469f-a165-70867728950e-105"]}]},
    )

    guests: Annotated[list[Annotated[str, Field(pattern=_ID)]], Field(min_length=1, max_length=MOST_AT_ONCE)]


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
    "/adopt", operation_id="adoptGuests", summary="Adopt several", status_code=202, responses=answers(AdoptedMany)
)
async def adopt_many(body: AdoptManyRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """One operation for each; those that cannot be adopted say why. A problem is answered only if none was accepted."""
    names = {chosen.id: chosen.name for chosen in body.guests}

    async def send(of_guest: Order, guest_id: str) -> dict[str, str]:
        application_id, make = adoption(of_guest, guest_id, AdoptRequest(name=names[guest_id]))
        await submit(of_guest, APPLICATION, application_id, make)
        return {"application_id": application_id}

    return await submit_each(ordered, "guest", [chosen.id for chosen in body.guests], send)


@router.post(
    "/ignore", operation_id="ignoreGuests", summary="Ignore several", status_code=202, responses=answers(AboutGuests)
)
async def ignore_many(body: GuestsRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """They are no longer offered. One operation for each."""
    return await command_each(ordered, "guest", body.guests, GUEST, _ignoring)


@router.post(
    "/notice",
    operation_id="noticeGuests",
    summary="Offer several again",
    status_code=202,
    responses=answers(AboutGuests),
)
async def notice_many(body: GuestsRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """Those that were ignored. One operation for each."""
    return await command_each(ordered, "guest", body.guests, GUEST, _noticing)


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
    return await _accept(request, guest_id, _ignoring)


@router.post(
    "/{guest_id}/notice", operation_id="noticeGuest", summary="Offer again", status_code=202, responses=ANSWERS
)
async def notice(request: Request, guest_id: GuestId) -> Response:
    """One that was ignored."""
    return await _accept(request, guest_id, _noticing)


def _ignoring(operation_id: str, guest_id: str) -> guest_cmd.IgnoreGuest:
    return guest_cmd.IgnoreGuest(operation_id=operation_id, guest_id=guest_id)


def _noticing(operation_id: str, guest_id: str) -> guest_cmd.NoticeGuest:
    return guest_cmd.NoticeGuest(operation_id=operation_id, guest_id=guest_id)


async def _accept(request: Request, guest_id: str, command: Callable[[str, str], Command]) -> Response:
    ordered = await order(request, "operator")
    return await accept(ordered, GUEST, guest_id, ready(command(ordered.operation_id, guest_id)))
