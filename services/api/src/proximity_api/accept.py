"""Accepting a command: the answer 202, idempotency, and waiting for the end if the client prefers that.

The Idempotency-Key is the operation id, the command's id and the correlation id of all that follows. A key made here is
fresh, so there is nothing to remember. A key made by the client is claimed in the log (`claim.operation.<key>`) before
the command is sent; the holder is a keyed digest of who asks for what. The same request finds its own claim, another
one is refused: on every replica, after every restart, with PostgreSQL away.
- Dies between claim and command: the client repeats, finds its own claim, and the command is sent then.
- Command sent twice: JetStream drops the second by its id within its window; after that the aggregate knows the id.
- Rejected before: the rejection is in the log under the operation's id; it is not decided anew.
Ids of new things are derived from the operation id, so that the repeated answer is the same one.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from proximity.domain.claim.claim import ClaimRefusedError, Wish
from proximity.domain.claim.claim import decide as decide_claim
from proximity.domain.identity.identity import Role
from proximity.domain.model import Command
from proximity.messaging.aggregates import CLAIM, OPERATION, Aggregate
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict, Loaded, UnavailableError
from proximity_api import operations_read, views
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem, ProblemDetails, invalid, unavailable
from proximity_api.security import authorise
from proximity_api.sessions import Principal

LONGEST_WAIT = 30.0
LONGEST_REASON = 500
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_WAIT = re.compile(r"(?:^|,)\s*wait=(\d{1,5})\s*(?:,|$)")
_NEW_THINGS = UUID("0b8f6f0c-8d0e-5f44-9f0a-2f6f3a4f7d21")


class Accepted(BaseModel):
    """The operation's id, and that of the thing it makes, if it makes one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"operation_id": "8e03978e-40d5-43e8-bc93-6894a57f9324", "application_id": None}]
        }
    )

    operation_id: str
    application_id: str | None = None
    cluster_id: str | None = None


class Finished(views.Operation, Accepted):
    """With `Prefer: wait=N`: the operation, at its end."""


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Finished, "description": "The operation, at its end (with `Prefer: wait=N`)"},
    202: {
        "model": Accepted,
        "description": "Accepted; follow the operation",
        "headers": {
            "Location": {"description": "The operation", "schema": {"type": "string"}},
            "Preference-Applied": {"description": "The wait that was applied", "schema": {"type": "string"}},
        },
    },
    **{
        status: {"model": ProblemDetails, "description": words}
        for status, words in {
            400: "The Idempotency-Key is not a UUID",
            401: "Not signed in",
            403: "Not allowed, or the origin is not proven",
            422: "Not valid, or the Idempotency-Key was used for something else",
            503: "The event log is away",
        }.items()
    },
}


@dataclass(frozen=True)
class Order:
    """What the headers of a command say. `keyed`: the client made the operation id."""

    operation_id: str
    keyed: bool
    wait: int | None
    origin: Origin
    request: Request
    principal: Principal


def ordering(least: Role) -> Callable[[Request], Awaitable[Order]]:
    """The dependency of a command with a body: nobody's body is looked at before the role is."""

    async def read(request: Request) -> Order:
        return await order(request, least)

    return read


async def order(request: Request, least: Role) -> Order:
    """Asks for the role and reads what headers and query say.

    By hand, because FastAPI's dependencies cost more time than all the rest; openapi.py describes the parameters.
    """
    principal = await authorise(request, least)
    key = request.headers.get("idempotency-key")
    operation_id = _operation_id(key)
    reason = request.query_params.get("reason", "")
    if len(reason) > LONGEST_REASON:
        raise invalid(("reason", f"At most {LONGEST_REASON} characters."))
    trace = request.headers.get("traceparent", "")
    wait = _WAIT.search(request.headers.get("prefer", ""))
    origin = Origin(
        causation_id=operation_id,
        correlation_id=operation_id,
        actor=Actor("user", principal.user_id),
        reason=reason,
        traceparent=trace if _TRACEPARENT.fullmatch(trace) else "",
    )
    return Order(operation_id, key is not None, int(wait[1]) if wait else None, origin, request, principal)


def new_id(operation_id: str) -> str:
    """The id of what an operation makes."""
    return str(uuid5(_NEW_THINGS, operation_id))


async def accept(
    ordered: Order,
    aggregate: Aggregate[Any],
    aggregate_id: str,
    make: Callable[[], Awaitable[Command]],
    made: dict[str, str] | None = None,
) -> Response:
    """Submits the command and answers. `made`: ids of new things, part of the answer."""
    await submit(ordered, aggregate, aggregate_id, make)
    return await _answer(parts_of(ordered.request), ordered, {"operation_id": ordered.operation_id} | (made or {}))


def each(ordered: Order, key: str) -> Order:
    """An operation of its own for each of the things that one request is about: its id is derived from the request's,
    so that the repeated request is the same ones.
    """
    operation_id = str(uuid5(UUID(ordered.operation_id), key))
    origin = replace(ordered.origin, causation_id=operation_id, correlation_id=operation_id)
    return replace(ordered, operation_id=operation_id, origin=origin, wait=None)


def ready(command: Command) -> Callable[[], Awaitable[Command]]:
    """What makes a command that needs nothing to be made."""

    async def make() -> Command:
        return command

    return make


async def submit(
    ordered: Order, aggregate: Aggregate[Any], aggregate_id: str, make: Callable[[], Awaitable[Command]]
) -> None:
    """Sends the command unless it was decided before. `make` is called only if it has to be sent: it may seal
    secrets.
    """
    parts = parts_of(ordered.request)
    operation_id = ordered.operation_id
    if not parts.bus.nc.is_connected:
        raise unavailable("log_unavailable", "Commands cannot be stored right now. Nothing was done.")
    try:
        if (
            ordered.keyed
            and await _repeated(parts, ordered, aggregate_id)
            and await decided(parts, aggregate, aggregate_id, operation_id)
        ):
            return
        try:
            command = await make()
        except Problem:
            # its own doing, it may be: the key was made here, and whether that was stored nobody knew
            if ordered.keyed and await decided(parts, aggregate, aggregate_id, operation_id):
                return
            raise
        await parts.commands.send(aggregate.category, aggregate_id, command, ordered.origin)
        parts.measures.commands.labels(command.TYPE).inc()
    except (TimeoutError, UnavailableError, Conflict):
        raise unavailable(
            "log_unavailable",
            "Whether the command was stored is unknown. Repeat it with the operation_id as Idempotency-Key.",
            operation_id,
        ) from None


async def decided(parts: Parts, aggregate: Aggregate[Any], aggregate_id: str, operation_id: str) -> bool:
    """Whether the log says what became of the command."""
    target = await parts.store.load(aggregate, aggregate_id)
    if operation_id in target.state.handled:
        return True
    return (await parts.store.load(OPERATION, operation_id)).sequence > 0


async def _repeated(parts: Parts, ordered: Order, aggregate_id: str) -> bool:
    """Claims the key for this request. True: it was claimed for it before. Raises the problem 422."""
    operation_id = ordered.operation_id
    wish = Wish("operation", operation_id, "take", await _digest(parts, ordered), operation_id)
    claim_id = f"{wish.kind}.{wish.key}"
    # a causation of its own: event ids derived from the operation's are the decision's
    origin = Origin(str(uuid4()), operation_id, ordered.origin.actor, traceparent=ordered.origin.traceparent)
    # most keys are new, so it is only looked at when that turns out to be wrong
    claim = Loaded(CLAIM.initial)
    while True:
        try:
            taken = decide_claim(wish, claim.state)
        except ClaimRefusedError:
            raise _reused() from None
        if not taken:
            return True
        await _must_not_be_made_here(parts, ordered, aggregate_id)
        try:
            await parts.store.append(CLAIM, claim_id, claim, taken, origin)
        except Conflict:
            claim = await parts.store.load(CLAIM, claim_id)
        else:
            return False


async def _must_not_be_made_here(parts: Parts, ordered: Order, aggregate_id: str) -> None:
    """An id made here was never claimed, and anybody may have read it: it is a key for its own request only."""
    known = await operations_read.row(parts, ordered.operation_id)
    if known and (known.target, known.actor) != (aggregate_id, f"user:{ordered.principal.user_id}"):
        raise _reused()


def _reused() -> Problem:
    return Problem("idempotency_key_reused", "This Idempotency-Key belongs to another request. Make a new one.")


async def _digest(parts: Parts, ordered: Order) -> str:
    """Who asks for what. Keyed: it may hold a password, which could be guessed from a plain digest."""
    request = ordered.request
    body = await request.body()
    canonical = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) if body else b""
    asked = f"{ordered.principal.user_id}\n{request.method}\n{request.url.path}?{request.url.query}\n".encode()
    return hmac.digest(parts.digest_key, asked + canonical, "sha256").hex()


async def _answer(parts: Parts, ordered: Order, answer: dict[str, str]) -> Response:
    operation_id = ordered.operation_id
    headers = {"Location": f"/api/v1/operations/{operation_id}", "Vary": "Prefer"}
    if ordered.wait is not None:
        wait = min(float(ordered.wait), LONGEST_WAIT)
        headers["Preference-Applied"] = f"wait={wait:g}"
        ended = await operations_read.ended(parts, operation_id, wait)
        if ended is not None:
            body = ended.model_dump(mode="json") | answer
            return Response(orjson.dumps(body), 200, headers, media_type="application/json")
    headers["Retry-After"] = "1"
    return Response(orjson.dumps(answer), 202, headers, media_type="application/json")


def _operation_id(key: str | None) -> str:
    if key is None:
        return str(uuid4())
    bare = key.strip().removeprefix('"').removesuffix('"')
    try:
        return str(UUID(bare))
    except ValueError:
        raise Problem("invalid_idempotency_key", "The Idempotency-Key must be a UUID, quoted or bare.") from None
