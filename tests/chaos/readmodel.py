"""The read model, built anew from the log by the projector's own command, has to equal the one that lived."""

import asyncio
import sys
from typing import Any, Protocol

import asyncpg

from proximity.readmodel.schema import checked
from proximity.readmodel.tables import ROWS

ATTEMPTS = 8
Rows = dict[str, dict[str, Any]]


class Projected(Protocol):
    """What has a read model, and a projector that makes it."""

    @property
    def database(self) -> tuple[str, str]:
        """URL and password."""

    def environment(self, service: str) -> dict[str, str]: ...


async def differences(stack: Projected) -> list[str]:
    """Between the rows that were read until now and those of a rebuild at the same position."""
    positions = (0, 0)
    for _ in range(ATTEMPTS):
        await _rebuild(stack)
        (live, now), (previous, before) = await _both(stack)
        positions = (live, previous)
        # something may have been appended while it was built: then the one that is no longer written is behind
        if live == previous:
            return [
                f"{table} {key}: lived {before[table].get(key)}, rebuilt {now[table].get(key)}"
                for table in now
                for key in now[table].keys() | before[table].keys()
                if now[table].get(key) != before[table].get(key)
            ]
        await asyncio.sleep(0.5)
    return [f"the log does not come to rest: positions {positions}"]


async def _rebuild(stack: Projected) -> None:
    environment = stack.environment("projector")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proximity_projector", "rebuild",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the rebuild failed: {said.decode()[-2000:]}")


async def _both(stack: Projected) -> tuple[tuple[int, Rows], tuple[int, Rows]]:
    """Position and rows of the live schema and of the one before it, at one moment."""
    url, password = stack.database
    conn = await asyncpg.connect(url, password=password, timeout=20)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            live, previous = await conn.fetchrow("SELECT schema, previous FROM proximity.live")
            return await _rows(conn, live), await _rows(conn, previous)
    finally:
        await conn.close()


async def _rows(conn: asyncpg.Connection, schema: str) -> tuple[int, Rows]:
    position = await conn.fetchval(f"SELECT position FROM {checked(schema)}.checkpoint")
    rows = {}
    for table in ROWS:
        found = await conn.fetch(f"SELECT id, to_jsonb(t)::text AS row FROM {schema}.{table.name} t")
        rows[table.name] = {row["id"]: row["row"] for row in found}
    return position, rows
