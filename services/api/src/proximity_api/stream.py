"""`/snapshot` and `/stream`: the screen as of a position, then every change after it.

A frame is `id: <epoch>:<position>` and `{"position", "prev", "changes": [{"table", "id", "row"}]}`: whole rows, null
for what is gone. `prev` is the position this client was sent before: a gap is seen by comparing it. `event: reset` ends
the stream: the positions mean nothing any more (tables rebuilt or restored) or tombstones between them are gone.
`event: figures` has the last figures that are new, about FIGURES_PAGE rows a frame, and `event: beat` says that the
stream lives: neither has an id, and either may be missed.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from proximity_api import queries, sse
from proximity_api.hub import reset_frame
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import unavailable
from proximity_api.queries import Point
from proximity_api.security import Viewer
from proximity_api.sessions import Principal
from proximity_api.views import (
    Activity,
    Application,
    Cluster,
    Figures,
    Finding,
    GuestAsFound,
    NodeAsFound,
    Operation,
    Page,
    StorageAsFound,
)

router = APIRouter(prefix=PREFIX, tags=["live"])


class Snapshot(BaseModel):
    """The overview as of `position`. `figures` are the last ones seen and belong to no position."""

    epoch: str
    position: int
    applications: list[Application]
    operations: list[Operation]
    clusters: list[Cluster]
    nodes: list[NodeAsFound]
    storages: list[StorageAsFound]
    findings: list[Finding]
    activity: list[Activity]
    guests: list[GuestAsFound] | None = None
    figures: Figures


@router.get(
    "/snapshot",
    operation_id="getSnapshot",
    summary="The overview at one moment",
    responses={200: {"model": Snapshot}, **errors(401, 503)},
)
async def snapshot(
    request: Request,
    _: Viewer,
    guests: Annotated[bool, Query(description="With all guests and their figures: there may be thousands")] = False,
) -> Response:
    """Go on with `/stream?after=<position>&epoch=<epoch>`. Holds the open and the latest 50 operations, the open
    findings, and the latest 50 of what happened. Compressed for who accepts gzip.
    """
    parts = parts_of(request)
    async with parts.database.read() as conn:
        point = await queries.point(conn)
        screen = await queries.screen(conn, guests)
        figures = await queries.figures(conn, guests)
    body = orjson.dumps({"epoch": point.epoch, "position": point.position, **screen, "figures": figures})
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 1)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type="application/json")


@router.get("/activity", operation_id="listActivity", summary="What happened", responses=errors(400, 401, 503))
async def activity(request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50) -> Page[Activity]:
    """Newest first, everything that a person may want to read about."""
    async with parts_of(request).database.read() as conn:
        return await queries.activity(conn, cursor, limit)


@router.get(
    "/stream",
    operation_id="streamChanges",
    summary="Every change from a position on",
    response_class=StreamingResponse,
    responses={200: {"content": {sse.MEDIA_TYPE: {"schema": {"type": "string"}}}}, **errors(401, 503)},
)
async def stream(
    request: Request,
    principal: Viewer,
    after: Annotated[int | None, Query(ge=0, description="The snapshot's position")] = None,
    epoch: Annotated[str | None, Query(max_length=100, description="The snapshot's epoch")] = None,
    last_event_id: Annotated[str | None, Header(max_length=200, description="Beats `after` and `epoch`")] = None,
) -> StreamingResponse:
    """Server-sent events. Without a position: from now on."""
    parts = parts_of(request)
    if parts.hub.closed:
        raise unavailable("shutting_down", "Come back in a moment.")
    wanted, position = _resume(last_event_id, epoch, after)
    # asked before the answer begins, so that a database that is away is a 503
    now = await parts.hub.now()
    if position is None:
        position = now.position
    frames = _frames(parts, principal, now, now.epoch if wanted is None else wanted, position)
    return StreamingResponse(frames, media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


async def _frames(parts: Parts, principal: Principal, now: Point, epoch: str, position: int) -> AsyncIterator[bytes]:
    """Catches up from the tables, then joins the hub at a moment when nothing can be missed in between."""
    hub = parts.hub
    yield sse.HELLO
    if reason := _unusable(now, epoch, position):
        yield reset_frame(reason, now)
        return
    client = hub.new_client(principal.session, position)
    read_to = position
    while not hub.covered(epoch, read_to):
        now, frames, read_to = await hub.catch_up(read_to)
        if now.epoch != epoch:
            yield reset_frame("rebuilt", now)
            return
        if frames:
            yield b"".join([client.begin(frame) for frame in frames])
        else:
            await hub.moved(sse.PATIENCE)
    hub.join(client)
    try:
        while True:
            if data := await client.take():
                yield data
            if client.ended:
                return
            if client.beat_due:
                client.beat_due = False
                if not await signed_in(parts, principal):
                    return
                yield sse.BEAT
    finally:
        hub.leave(client)


async def signed_in(parts: Parts, principal: Principal) -> bool:
    """While nobody can be asked, the answer is the last one."""
    try:
        return not parts.bus.nc.is_connected or await parts.sessions.lives(principal)
    except TimeoutError:
        return True


def _resume(last_event_id: str | None, epoch: str | None, after: int | None) -> tuple[str | None, int | None]:
    """Epoch and position to go on from. What is none of our ids has an epoch that is not: it leads to a reset."""
    if last_event_id is None:
        return epoch, after
    known, _, position = last_event_id.rpartition(":")
    return (known, int(position)) if known and position.isdecimal() and len(position) < 19 else ("", 0)


def _unusable(now: Point, epoch: str, position: int) -> str | None:
    """Why changes since that position cannot be told."""
    if epoch != now.epoch:
        return "rebuilt"
    if position > now.position:
        return "ahead"
    return "horizon" if position < now.horizon else None
