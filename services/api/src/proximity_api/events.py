"""`/events`: the domain events themselves, as structured CloudEvents, straight from the log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response, StreamingResponse

from proximity.domain.model import Event
from proximity.messaging.codec import dataschema
from proximity.messaging.envelope import TYPE_PREFIX, Recorded
from proximity_api import sse
from proximity_api.hub import SAFETY
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Limit
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem, unavailable
from proximity_api.security import Viewer
from proximity_api.sessions import Principal
from proximity_api.stream import signed_in

router = APIRouter(prefix=f"{PREFIX}/events", tags=["events"])

# events looked at for one page, so that a filter that fits nothing does not read the whole log
SCANNED = 5000
READ_AT_ONCE = 500

After = Annotated[int, Query(ge=0, lt=2**63, description="Only events above this position")]
Type = Annotated[
    str | None,
    Query(
        max_length=200,
        description="A type, or the beginning of some before a `*`",
        examples=["dev.proximity.application.*"],
    ),
]
Subject = Annotated[str | None, Query(max_length=200, description="One aggregate: `category/id`")]


class CloudEvent(BaseModel):
    """CloudEvents 1.0 in JSON. `sequence` is the position, padded so that texts sort as numbers do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "specversion": "1.0",
                    "id": "5d0d3c5e-3b7c-5f0e-8f43-0d2f7a1d6c11",
                    "source": "urn:proximity:5f5b7a4e-2f0c-4b0f-8a55-6d3f4a0f2b11:provisioner",
                    "type": "dev.proximity.application.start_requested.v1",
                    "subject": "application/8f3f0f57-5a37-5b7e-9d0a-6a1f3f8a1c11",
                    "time": "2026-11-22T10:00:00.000000Z",
                    "datacontenttype": "application/json",
                    "dataschema": "urn:proximity:schema:application.start_requested.v1:0123456789abcdef",
                    "correlationid": "8e03978e-40d5-43e8-bc93-6894a57f9324",
                    "causationid": "8e03978e-40d5-43e8-bc93-6894a57f9324",
                    "authtype": "user",
                    "authid": "c0ffee00-0000-4000-8000-000000000000",
                    "partitionkey": "8f3f0f57-5a37-5b7e-9d0a-6a1f3f8a1c11",
                    "aggregateversion": "12",
                    "sequence": "00000000000000000421",
                    "data": {"operation_id": "8e03978e-40d5-43e8-bc93-6894a57f9324"},
                }
            ]
        }
    )

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    correlationid: str
    causationid: str
    authtype: str
    authid: str
    partitionkey: str
    aggregateversion: str
    sequence: str
    reason: str = ""
    traceparent: str = ""
    data: dict[str, Any]


class Events(BaseModel):
    """`next`: the position to go on after; null at the end of the log. `position`: the log's last one."""

    items: list[CloudEvent]
    next: int | None
    position: int


@router.get(
    "",
    operation_id="listEvents",
    summary="Domain events from a position on",
    responses={200: {"model": Events}, **errors(401, 422, 503)},
)
async def events(
    request: Request, _: Viewer, after: After = 0, limit: Limit = 100, type: Type = None, subject: Subject = None
) -> Response:
    """In order. A page may hold fewer than `limit`, even none, and still have a `next`."""
    store = parts_of(request).store
    head = await store.head()
    found: list[dict[str, Any]] = []
    upto = min(after + SCANNED, head)
    while after < upto and len(found) < limit:
        read = await store.read(after, min(READ_AT_ONCE, SCANNED))
        for event in read:
            if len(found) == limit:
                break
            after = event.position
            if _wanted(event, type, subject):
                found.append(structured(event))
        if not read:
            after = head
    page = {"items": found, "next": after if after < head else None, "position": head}
    return Response(orjson.dumps(page), media_type="application/json")


@router.get(
    "/stream",
    operation_id="streamEvents",
    summary="Domain events as they happen",
    response_class=StreamingResponse,
    responses={200: {"content": {sse.MEDIA_TYPE: {"schema": {"type": "string"}}}}, **errors(400, 401, 503)},
)
async def event_stream(
    request: Request,
    principal: Viewer,
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Only above this position; else from now on")
    ] = None,
    type: Type = None,
    subject: Subject = None,
    last_event_id: Annotated[str | None, Header(max_length=20, description="Beats `after`")] = None,
) -> StreamingResponse:
    """Server-sent events; `id` is the position, `data` the CloudEvent."""
    parts = parts_of(request)
    if parts.hub.closed:
        raise unavailable("shutting_down", "Come back in a moment.")
    if last_event_id is not None:
        if not last_event_id.isdecimal() or int(last_event_id) >= 2**63:
            raise Problem("bad_request", "Last-Event-ID is the position of an event.")
        after = int(last_event_id)
    if after is None:
        after = await parts.store.head()
    frames = _frames(parts, principal, after, type, subject)
    return StreamingResponse(frames, media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


async def _frames(
    parts: Parts, principal: Principal, after: int, type_: str | None, subject: str | None
) -> AsyncIterator[bytes]:
    """Reads until the end, then waits for news. Ends with the session, and when the log is away."""
    loop = asyncio.get_running_loop()
    beat = loop.time() + parts.settings.stream_heartbeat
    yield sse.HELLO
    while not parts.hub.closed:
        try:
            read = await parts.store.read(after, READ_AT_ONCE)
        except TimeoutError:
            return
        if wanted := [event for event in read if _wanted(event, type_, subject)]:
            yield b"".join(sse.frame(structured(event), id_=str(event.position)) for event in wanted)
        if read:
            after = read[-1].position
        else:
            await parts.hub.moved(SAFETY)
        if loop.time() > beat:
            beat = loop.time() + parts.settings.stream_heartbeat
            if not await signed_in(parts, principal):
                return
            yield sse.HEARTBEAT


def structured(recorded: Recorded[Any]) -> dict[str, Any]:
    """The event in CloudEvents' JSON format, with the position as `sequence`."""
    meta = recorded.metadata
    event_type: type[Event] = type(recorded.event)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": meta.id,
        "source": meta.source,
        "type": TYPE_PREFIX + meta.type,
        "subject": f"{recorded.category}/{recorded.aggregate_id}",
        "time": meta.time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        # what is sent is today's form, whatever was stored
        "dataschema": dataschema(event_type),
        "correlationid": meta.correlation_id,
        "causationid": meta.causation_id,
        "authtype": meta.actor.type,
        "authid": meta.actor.id,
        "partitionkey": recorded.aggregate_id,
        "aggregateversion": str(meta.version),
        "sequence": f"{recorded.position:020d}",
        "data": recorded.event.model_dump(mode="json"),
    }
    # an empty attribute is no attribute
    optional = {"reason": meta.reason, "traceparent": meta.traceparent}
    return event | {name: value for name, value in optional.items() if value}


def _wanted(event: Recorded[Any], type_: str | None, subject: str | None) -> bool:
    if subject is not None and subject != f"{event.category}/{event.aggregate_id}":
        return False
    if type_ is None:
        return True
    whole = TYPE_PREFIX + event.metadata.type
    return whole.startswith(type_[:-1]) if type_.endswith("*") else whole == type_
