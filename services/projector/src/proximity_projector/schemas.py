"""Which schemas there are, who works on them, and which one is read.

Whoever builds or follows a schema holds a session lock on its name in PostgreSQL: it is gone the moment its owner's
connection is, so a successor need not wait, and what nobody holds may be dropped. The lock keeps two from working at
the same rows; what keeps them from harm if they do is the checkpoint's compare-and-set.
"""

from collections.abc import Collection
from functools import cache
from importlib.resources import files
from uuid import uuid4

import asyncpg

from proximity.readmodel.schema import READER, checked, create_statements, definitions_hash, live_statements
from proximity_projector.store import Checkpoint


@cache
def definitions() -> str:
    """The hash that our schemas are named by: of the tables and of the source of what fills them."""
    sources = sorted(files("proximity_projector.projections").iterdir(), key=lambda source: source.name)
    return definitions_hash(b"\n".join(source.read_bytes() for source in sources if source.name.endswith(".py")))


async def prepare(conn: asyncpg.Connection) -> None:
    """Makes `proximity.live`, where there is none."""
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('proximity.live', 0))")
        for statement in live_statements():
            await conn.execute(statement)
        await _let_read(conn, "proximity")


async def live(conn: asyncpg.Connection) -> str | None:
    """The schema that is read. None: there is none yet, or somebody has dropped it."""
    found: str | None = await conn.fetchval(
        "SELECT schema FROM proximity.live WHERE schema = ANY(SELECT nspname FROM pg_namespace)"
    )
    return found


async def take(conn: asyncpg.Connection, schema: str) -> bool:
    """Whether the schema is ours now. It stays so until `leave`, or until the connection ends."""
    taken: bool = await conn.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", schema)
    return taken


async def wait_for(conn: asyncpg.Connection, schema: str, seconds: float) -> bool:
    """As `take`, but waits so long for the one who has it to go."""
    try:
        async with conn.transaction():
            await conn.execute("SELECT set_config('lock_timeout', $1, true)", f"{int(seconds * 1000)}ms")
            await conn.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", schema)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def leave(conn: asyncpg.Connection, schema: str) -> None:
    await conn.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", schema)


async def evict(conn: asyncpg.Connection, schema: str) -> None:
    """Ends the connection of whoever has taken the schema: it lives, but does not work."""
    await conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0) AND pid <> pg_backend_pid()",
        schema,
    )


async def open_or_create(conn: asyncpg.Connection, schema: str, hash_: str, installation_id: str) -> Checkpoint:
    """Where the schema stands; one that is not there yet is made, empty, under a new epoch."""
    async with conn.transaction():
        if await conn.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema) is None:
            for statement in create_statements(schema):
                await conn.execute(statement)
            await conn.execute(
                f"INSERT INTO {checked(schema)}.checkpoint "  # noqa: S608
                "(id, position, epoch, schema_hash, installation_id, horizon, updated_at) "
                "VALUES (1, 0, $1, $2, $3, 0, now())",
                str(uuid4()),
                hash_,
                installation_id,
            )
            await _let_read(conn, schema)
    return await checkpoint(conn, schema)


async def checkpoint(conn: asyncpg.Connection, schema: str) -> Checkpoint:
    """Raises asyncpg.UndefinedTableError if there is no such schema."""
    row = await conn.fetchrow(f"SELECT position, epoch, installation_id FROM {checked(schema)}.checkpoint")  # noqa: S608
    return Checkpoint(row["position"], row["epoch"], row["installation_id"])


async def switch(conn: asyncpg.Connection, schema: str) -> None:
    """From now on this one is read; the one before is kept for readers who have not noticed yet."""
    await conn.execute(
        "INSERT INTO proximity.live (id, schema, previous, switched_at) VALUES (1, $1, NULL, now()) "
        "ON CONFLICT (id) DO UPDATE SET schema = $1, previous = live.schema, switched_at = now() "
        "WHERE live.schema <> $1",
        checked(schema),
    )


async def drop_unused(conn: asyncpg.Connection, keep: Collection[str]) -> list[str]:
    """Drops the schemas that nobody reads or works on: neither live nor previous, not in `keep`, not taken."""
    unused = await conn.fetch(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'rm_') AND NOT nspname = ANY($1::text[]) "
        "AND nspname NOT IN (SELECT unnest(ARRAY[schema, coalesce(previous, '')]) FROM proximity.live)",
        list(keep),
    )
    dropped = []
    for (schema,) in unused:
        if await take(conn, schema):
            await conn.execute(f"DROP SCHEMA {checked(schema)} CASCADE")
            await leave(conn, schema)
            dropped.append(schema)
    return dropped


async def _let_read(conn: asyncpg.Connection, schema: str) -> None:
    """The api's own user may read and nothing else, where there is such a user."""
    if await conn.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER):
        await conn.execute(f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
        await conn.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}")
