"""Cursor pages: stable while rows come and go, because a cursor says after which row it goes on and not how many."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Column, Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from proximity.readmodel.tables import checkpoint
from proximity_api.problems import Problem
from proximity_api.views import Page

Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows at most")]
V = TypeVar("V", bound=BaseModel)


async def page(
    conn: AsyncConnection,
    view: type[V],
    statement: Select[Any],
    keys: Sequence[Column[Any]],
    cursor: str | None,
    limit: int,
    *,
    newest_first: bool = False,
) -> Page[V]:
    """The rows after the cursor in the order of `keys`, which together are unique. Raises the problem 400."""
    if cursor is not None:
        here = tuple_(*keys)
        last = tuple_(*(literal(value, key.type) for key, value in zip(keys, _decode(cursor, keys), strict=True)))
        statement = statement.where(here < last if newest_first else here > last)
    order = [key.desc() if newest_first else key for key in keys]
    found = (await conn.execute(statement.order_by(*order).limit(limit + 1))).mappings().all()
    more = len(found) > limit
    rows = found[:limit]
    return Page(
        items=[view.model_validate(dict(row)) for row in rows],
        next=_encode([rows[-1][key] for key in keys], keys) if more else None,
        position=await position(conn),
    )


async def position(conn: AsyncConnection) -> int:
    """How much of the log is in the tables."""
    return int((await conn.execute(select(checkpoint.c.position))).scalar_one())


def _encode(values: Sequence[Any], keys: Sequence[Column[Any]]) -> str:
    plain = [_name(keys), *(v.isoformat() if isinstance(v, datetime) else v for v in values)]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def _decode(cursor: str, keys: Sequence[Column[Any]]) -> list[Any]:
    try:
        name, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        typed = [_typed(value, key.type.python_type) for value, key in zip(values, keys, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        name, typed = None, []
    if name != _name(keys):
        raise Problem("invalid_cursor", "Begin again without a cursor.")
    return typed


def _typed(value: Any, kind: type) -> Any:
    if kind is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if not isinstance(value, kind) or (isinstance(value, str) and "\x00" in value):
        raise ValueError("of another type")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("out of range")
    return value


def _name(keys: Sequence[Column[Any]]) -> str:
    return ",".join(f"{key.table.name}.{key.name}" for key in keys)
