"""One schema of the read model, written over one connection: rows and checkpoint in the same transaction.

The checkpoint is moved by compare-and-set before anything is read. It locks its row, so of two projectors the second
one waits, then finds another position than its own, and is fenced.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
from sqlalchemy import Table

from proximity.messaging.envelope import Recorded
from proximity.readmodel.rows import Row
from proximity.readmodel.schema import checked
from proximity.readmodel.tables import FIGURES, ROWS
from proximity_projector.fold import OF_CLUSTERS, Needs, Rows, fold, needs

TOMBSTONES_KEPT = timedelta(days=7)
_PRUNED_EVERY = timedelta(hours=1)
_NUL = "\\u0000"
# not one behind a backslash that is itself meant
_NUL_AS_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class FencedError(Exception):
    """Another projector has moved the checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """`epoch`: which build of the tables it is. `installation_id`: whose log it is a position in (`Bus.log_id`)."""

    position: int
    epoch: str
    installation_id: str


class Store:
    """`conn`'s jsonb values are Python's (see `database.connect`)."""

    def __init__(self, conn: asyncpg.Connection, schema: str, checkpoint: Checkpoint) -> None:
        self._conn = conn
        self.schema = checked(schema)
        self.checkpoint = checkpoint
        self._load = {t.name: f"SELECT * FROM {schema}.{t.name} WHERE id = ANY($1::text[])" for t in ROWS}  # noqa: S608
        self._write = {t.name: _upsert(schema, t) for t in ROWS}
        self._pruned_for: datetime | None = None

    async def apply(self, batch: Sequence[Recorded[Any]]) -> str | None:
        """Writes what the batch changes. Returns the schema that `proximity.live` names. Raises FencedError.

        What lies below the checkpoint is skipped, so a batch may be given again after an error.
        """
        batch = [recorded for recorded in batch if recorded.position > self.checkpoint.position]
        if not batch:
            return await self.look()
        async with self._conn.transaction():
            live = await self._move(batch[-1].position)
            rows = Rows(await self._rows(needs(batch)))
            fold(batch, rows)
            for table, changed in rows.changed.items():
                await self._conn.execute(self._write[table], _json(list(changed.values())))
            await self._prune(batch[-1].stored_at)
        self.checkpoint = Checkpoint(batch[-1].position, self.checkpoint.epoch, self.checkpoint.installation_id)
        return live

    async def look(self) -> str | None:
        """The schema that `proximity.live` names. Raises FencedError; asyncpg's error when the tables are gone."""
        row = await self._conn.fetchrow(
            f"SELECT position, epoch, (SELECT schema FROM proximity.live) AS live FROM {self.schema}.checkpoint"  # noqa: S608
        )
        if row is None or (row["position"], row["epoch"]) != (self.checkpoint.position, self.checkpoint.epoch):
            raise self._fenced()
        live: str | None = row["live"]
        return live

    async def _move(self, position: int) -> str | None:
        moved = await self._conn.fetchrow(
            f"UPDATE {self.schema}.checkpoint SET position = $1, updated_at = now() "  # noqa: S608
            "WHERE id = 1 AND position = $2 AND epoch = $3 RETURNING (SELECT schema FROM proximity.live) AS live",
            position,
            self.checkpoint.position,
            self.checkpoint.epoch,
        )
        if moved is None:
            raise self._fenced()
        live: str | None = moved["live"]
        return live

    def _fenced(self) -> FencedError:
        return FencedError(f"{self.schema} is no longer at position {self.checkpoint.position}")

    async def _rows(self, wanted: Needs) -> dict[str, dict[str, Row]]:
        loaded: dict[str, dict[str, Row]] = {}
        for table, ids in wanted.ids.items():
            found = await self._conn.fetch(self._load[table], list(ids))
            loaded[table] = {row["id"]: dict(row) for row in found}
        if wanted.inventories:
            for table in OF_CLUSTERS:
                of_clusters = f"SELECT * FROM {self.schema}.{table} WHERE cluster_id = ANY($1::text[])"  # noqa: S608
                found = await self._conn.fetch(of_clusters, list(wanted.inventories))
                loaded.setdefault(table, {}).update({row["id"]: dict(row) for row in found})
        if wanted.settled:
            of_aggregates = f"SELECT * FROM {self.schema}.findings WHERE aggregate_id = ANY($1::text[])"  # noqa: S608
            found = await self._conn.fetch(of_aggregates, list(wanted.settled))
            loaded.setdefault("findings", {}).update({row["id"]: dict(row) for row in found})
        return loaded

    async def _prune(self, at: datetime) -> None:
        """By the log's time, at whole hours: the same tombstones are gone after a rebuild."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self._pruned_for is not None and hour - self._pruned_for < _PRUNED_EVERY:
            return
        for table in (t for t in ROWS if "removed_at" in t.c):
            await self._conn.execute(
                f"WITH gone AS (DELETE FROM {self.schema}.{table.name} WHERE removed_at < $1 RETURNING position) "  # noqa: S608
                f"UPDATE {self.schema}.checkpoint SET horizon = greatest(horizon, (SELECT max(position) FROM gone)) "
                "WHERE EXISTS (SELECT 1 FROM gone)",
                hour - TOMBSTONES_KEPT,
            )
        self._pruned_for = hour


async def write_figures(conn: asyncpg.Connection, schema: str, table: str, figures: list[Row]) -> None:
    """The last value counts. Not fenced: an older figure never replaces a newer one."""
    found = next(t for t in FIGURES if t.name == table)
    await conn.execute(_upsert(checked(schema), found, newer="at"), _json(figures))


def _json(rows: list[Row]) -> str:
    """PostgreSQL takes no NUL in a text, and what others say may have one: it is shown as what cannot be shown."""
    text = orjson.dumps(rows).decode()
    return _NUL_AS_JSON.sub("\\1\ufffd", text) if _NUL in text else text


def _upsert(schema: str, table: Table, newer: str = "position") -> str:
    """One parameter: the rows as a JSON array. A row is only written over an older one."""
    names = [column.name for column in table.columns]
    columns = ", ".join(names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    return (
        f"INSERT INTO {schema}.{table.name} AS old ({columns}) "  # noqa: S608 - names of ours only
        f"SELECT {columns} FROM json_populate_recordset(NULL::{schema}.{table.name}, $1::text::json) "
        f"ON CONFLICT (id) DO UPDATE SET {changes} WHERE old.{newer} < excluded.{newer}"
    )
