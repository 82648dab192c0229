"""One request about many things: each is an operation of its own, and those that are not accepted say why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from proximity.domain.model import Command
from proximity.messaging.aggregates import Aggregate
from proximity_api.accept import Order, each, ready, submit
from proximity_api.openapi import errors
from proximity_api.problems import FieldError, Problem, invalid

AT_ONCE = 8
MOST_AT_ONCE = 200


class NotAccepted(BaseModel):
    code: str
    detail: str
    errors: list[FieldError] = []


class OneOfMany(BaseModel):
    """`problem`: why it was not accepted; then there is no operation."""

    operation_id: str | None = None
    problem: NotAccepted | None = None


def answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of such a route."""
    return errors(400, 401, 403, 404, 409, 422, 503) | {202: {"model": model, "description": "Accepted"}}


async def submit_each(
    ordered: Order, what: str, ids: Sequence[str], send: Callable[[Order, str], Awaitable[dict[str, str]]]
) -> Response:
    """`what` the ids are of: `guest`, `application`. `send`: submits the command about one; the ids of what that makes.

    Raises a problem only if none was accepted, or if it is not known whether all are stored.
    """
    if len(set(ids)) < len(ids):
        raise invalid((f"{what}s", f"The same {what} is named twice."))
    free = asyncio.Semaphore(AT_ONCE)

    async def one(id_: str) -> dict[str, str] | Problem:
        async with free:
            of_one = each(ordered, id_)
            try:
                made = await send(of_one, id_)
            except Problem as problem:
                return problem
            return {f"{what}_id": id_, "operation_id": of_one.operation_id} | made

    answered = await asyncio.gather(*map(one, ids))
    problems = [answer for answer in answered if isinstance(answer, Problem)]
    for problem in problems:
        if problem.code == "log_unavailable" or len(problems) == len(answered):
            # the key of the whole request is what it is repeated with
            problem.operation_id = problem.operation_id and ordered.operation_id
            raise problem
    operations = [
        {f"{what}_id": id_, "problem": _told(answer)} if isinstance(answer, Problem) else answer
        for id_, answer in zip(ids, answered, strict=True)
    ]
    return Response(orjson.dumps({"operations": operations}), 202, media_type="application/json")


async def command_each(
    ordered: Order, what: str, ids: Sequence[str], aggregate: Aggregate[Any], command: Callable[[str, str], Command]
) -> Response:
    """The same `command` (of an operation's id and the thing's) for each."""

    async def send(of_one: Order, id_: str) -> dict[str, str]:
        await submit(of_one, aggregate, id_, ready(command(of_one.operation_id, id_)))
        return {}

    return await submit_each(ordered, what, ids, send)


def _told(problem: Problem) -> dict[str, Any]:
    named = [error.model_dump() for error in problem.errors]
    return {"code": problem.code, "detail": problem.detail, "errors": named}
