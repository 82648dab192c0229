"""A snapshot and the frames after it end in the same rows, however they are cut."""

import asyncio
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.guest import events as gu
from proximity.readmodel.frames import Frame, changes_since
from proximity.readmodel.schema import schema_name
from proximity.readmodel.tables import ROWS
from proximity_projector import database as projector_database
from proximity_projector import schemas
from proximity_projector.store import Store
from support.projection import (
    ORPHAN,
    STOPPED,
    Told,
    adopted,
    connecting,
    deleted,
    deployed,
    guest,
    inventory,
    of,
    recorded,
    released,
)
from support.servers import Database

Rows = dict[tuple[str, str], dict[str, Any]]

STORIES: list[list[Told]] = [
    of("application", "a1", [*deployed("op-1", "Wiki"), *deleted("op-2")]),
    of("application", "a2", deployed("op-3", "Blog")),
    of("cluster", "c1", [*connecting(), *inventory(), cl.NodeWentOffline(node="pve1")]),
    of("application", "a3", [*adopted("op-6"), app.FindingOpened(finding=STOPPED), *released("op-7")]),
    of("guest", "c1-105", [guest(), gu.FindingOpened(finding=ORPHAN), gu.GuestAdopted(application_id="a3"), guest()]),
    of("cluster", "c2", [*connecting("op-4", "Old"), *inventory(), cl.ClusterRemoved(operation_id="op-5")]),
]


@st.composite
def logs(draw: st.DrawFn) -> list[Told]:
    """The stories, interleaved, each in its own order, up to some point."""
    left = [list(story) for story in STORIES]
    log: list[Told] = []
    while any(left):
        log.append(draw(st.sampled_from([story for story in left if story])).pop(0))
    return log[: draw(st.integers(1, len(log)))]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    log=logs(),
    batch=st.integers(1, 30),
    snapshot_at=st.integers(0, 60),
    limit=st.integers(1, 9),
    read_every=st.integers(1, 4),
)
def test_snapshot_and_frames_end_in_the_rows(
    database: Database, log: list[Told], batch: int, snapshot_at: int, limit: int, read_every: int
) -> None:
    asyncio.run(_follow(database, log, batch, snapshot_at, limit, read_every))


async def _follow(
    database: Database, log: list[Told], batch: int, snapshot_at: int, limit: int, read_every: int
) -> None:
    url = make_url(database.url).set(drivername="postgresql+asyncpg", password=database.password)
    engine = create_async_engine(url)
    writer = await projector_database.connect(database.url, database.password)
    try:
        store = await _fresh(writer)
        async with engine.connect() as reader:
            await reader.execution_options(isolation_level="AUTOCOMMIT")
            screen: Rows | None = None
            position = 0
            events = recorded(log)
            for number, start in enumerate(range(0, len(events), batch)):
                await store.apply(events[start : start + batch])
                if screen is None:
                    if store.checkpoint.position >= snapshot_at:
                        screen, position = await _rows(reader, store.schema), store.checkpoint.position
                elif number % read_every == 0:
                    position = await _page(reader, store.schema, screen, position, limit)
            screen = {} if screen is None else screen
            while (reached := await _page(reader, store.schema, screen, position, limit)) != position:
                position = reached
            assert screen == await _rows(reader, store.schema)
    finally:
        await writer.close()
        await engine.dispose()


async def _fresh(writer: asyncpg.Connection) -> Store:
    """Empty tables; those of the last example are emptied, because making new ones takes longer."""
    await schemas.prepare(writer)
    schema = schema_name("0123456789ab")
    await schemas.open_or_create(writer, schema, "0123456789ab", "i")
    await writer.execute("TRUNCATE " + ", ".join(f"{schema}.{table.name}" for table in ROWS))
    await writer.execute(f"UPDATE {schema}.checkpoint SET position = 0")
    return Store(writer, schema, await schemas.checkpoint(writer, schema))


async def _page(reader: AsyncConnection, schema: str, screen: Rows, position: int, limit: int) -> int:
    frames: list[Frame] = await changes_since(reader, schema, position, limit)
    for frame in frames:
        assert frame.position > position
        position = frame.position
        for change in frame.changes:
            if change.row is None:
                screen.pop((change.table, change.id), None)
            else:
                assert change.row["position"] == frame.position
                screen[change.table, change.id] = change.row
    return position


async def _rows(reader: AsyncConnection, schema: str) -> Rows:
    """What is there and not removed."""
    found: Rows = {}
    for table in ROWS:
        there = "WHERE removed_at IS NULL" if "removed_at" in table.c else ""
        for row in await reader.execute(text(f"SELECT to_jsonb(t) AS row FROM {schema}.{table.name} t {there}")):
            found[table.name, row.row["id"]] = row.row
    return found


async def test_a_frame_is_never_cut(database: Database) -> None:
    """Removing a cluster touches many rows in one event: they come together, whatever the limit."""
    writer = await projector_database.connect(database.url, database.password)
    store = await _fresh(writer)
    await store.apply(recorded(STORIES[5]))
    engine = create_async_engine(
        make_url(database.url).set(drivername="postgresql+asyncpg", password=database.password)
    )
    async with engine.connect() as reader:
        position, frames = 0, []
        while page := await changes_since(reader, store.schema, position, 1):
            frames += page
            position = page[-1].position
    await engine.dispose()
    await writer.close()
    assert {(change.table, change.id) for change in frames[-1].changes} >= {
        ("clusters", "c2"),
        ("nodes", "c2/pve1"),
        ("nodes", "c2/pve2"),
        ("storages", "c2/pve1/local"),
        ("operations", "op-5"),
    }
    assert all(change.row is None for change in frames[-1].changes if change.table in ("clusters", "nodes", "storages"))
