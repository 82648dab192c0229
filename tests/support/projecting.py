"""A log, a database, and what a test needs to look into both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from proximity.messaging.connection import Bus
from proximity.readmodel.tables import ROWS
from proximity_projector import database as projector_database
from proximity_projector.health import Health
from proximity_projector.projector import PASSING, Projector
from support.projection import Told, append
from support.servers import Database, Nats


@dataclass
class World:
    """`writer` may append everything the tests need; `bus` is the projector's own connection."""

    nats: Nats
    database: Database
    writer: Bus
    bus: Bus

    @classmethod
    async def of(cls, nats: Nats, database: Database) -> "World":
        return cls(nats, database, await nats.connect("admin"), await nats.connect("projector"))

    async def connect(self) -> asyncpg.Connection:
        return await projector_database.connect(self.database.url, self.database.password)

    async def append(self, told: list[Told]) -> int:
        return await append(self.writer, told)

    async def query(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """A query on a connection of its own; empty while tables or server are not there."""
        try:
            conn = await self.connect()
        except PASSING:
            return []
        try:
            return [dict(row) for row in await conn.fetch(sql, *arguments)]
        except asyncpg.UndefinedTableError:
            return []
        finally:
            await conn.close()

    async def live(self) -> str | None:
        rows = await self.query("SELECT schema FROM proximity.live")
        return rows[0]["schema"] if rows else None

    async def checkpoint(self, schema: str | None = None) -> dict[str, Any] | None:
        schema = schema or await self.live()
        rows = await self.query(f"SELECT * FROM {schema}.checkpoint") if schema else []
        return rows[0] if rows else None

    async def reached(self, position: int) -> None:
        """Waits until what is read is that far."""

        async def there() -> bool:
            at = await self.checkpoint()
            return at is not None and at["position"] >= position

        await eventually(there)

    async def rows(self, schema: str | None = None) -> dict[str, dict[str, dict[str, Any]]]:
        """Every row of every table that carries a position."""
        schema = schema or await self.live()
        return {
            table.name: {row["id"]: row for row in await self.query(f"SELECT * FROM {schema}.{table.name}")}
            for table in ROWS
        }

    @asynccontextmanager
    async def projecting(self, health: Health | None = None) -> AsyncIterator[Projector]:
        projector = Projector(self.bus, self.connect, health or Health())
        task = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            # as main ends it: a connection that is being made at this very moment may swallow one
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1)
            with contextlib.suppress(asyncio.CancelledError):
                task.result()


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    """Waits until it holds. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - the condition lies in another process
            await asyncio.sleep(0.02)
