"""What changed since a position: the same frames whether a reader catches up or is told live.

A row is in exactly one frame, that of the event which touched it last: intermediate states may be left out, final ones
never are. Applying the frames in order to the rows as of `position` gives the rows as they are.
"""

from dataclasses import dataclass
from functools import cache
from itertools import groupby

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from proximity.readmodel.rows import Row
from proximity.readmodel.schema import checked
from proximity.readmodel.tables import ROWS


@dataclass(frozen=True, slots=True)
class Change:
    """`row` None: it is gone. Values are as JSON has them: times are ISO 8601 texts."""

    table: str
    id: str
    row: Row | None


@dataclass(frozen=True, slots=True)
class Frame:
    """All rows that the event at `position` touched last."""

    position: int
    changes: tuple[Change, ...]


async def changes_since(conn: AsyncConnection, schema: str, position: int, limit: int) -> list[Frame]:
    """The frames above `position`, lowest first: whole frames with about `limit` rows together, in one round trip.

    Empty: nothing changed since. Go on with the last frame's position.
    """
    found = await conn.execute(_statement(checked(schema)), {"position": position, "limit": limit})
    changes = [(row.position, Change(row.table, row.id, None if row.removed else row.row)) for row in found]
    return [Frame(at, tuple(change for _, change in group)) for at, group in groupby(changes, key=lambda c: c[0])]


@cache
def _statement(schema: str) -> TextClause:
    # WITH TIES: a frame is never cut, neither within a table nor between tables
    each = " UNION ALL ".join(
        f"(SELECT position, '{table.name}' AS \"table\", id, "  # noqa: S608 - names of ours only
        + ("removed_at IS NOT NULL" if "removed_at" in table.c else "false")
        + f' AS removed, to_jsonb(t) AS "row" FROM {schema}.{table.name} t WHERE position > :position '
        "ORDER BY position FETCH FIRST (:limit) ROWS WITH TIES)"
        for table in ROWS
    )
    ordered = "ORDER BY position FETCH FIRST (:limit) ROWS WITH TIES"
    return text(f"SELECT * FROM ({each}) changes {ordered}")  # noqa: S608
