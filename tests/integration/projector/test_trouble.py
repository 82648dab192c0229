"""Servers that go away, logs that cannot be read, schemas that are others than before."""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from proximity.messaging import subjects
from proximity.messaging.envelope import Recorded
from proximity.messaging.event_store import EventStore
from proximity.messaging.tail import Tail
from proximity.readmodel.schema import schema_name
from proximity_launcher.up.ports import fetch, free_ports
from proximity_projector import following, schemas
from proximity_projector.health import Health
from proximity_projector.projector import rebuild
from proximity_projector.store import Store
from support.projecting import World, eventually
from support.projection import connecting, deployed, inventory, of
from support.servers import Nats, Postgres


async def test_postgres_is_killed_under_it(world: World, postgres: Postgres) -> None:
    async with world.projecting():
        await world.reached(await world.append(of("cluster", "c1", connecting())))
        await asyncio.to_thread(postgres.restart)
        await world.reached(await world.append(of("application", "a1", deployed())))
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_a_statement_that_meets_the_end_of_its_connection_is_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Store.apply
    met: list[Sequence[Recorded[Any]]] = []

    async def meets(store: Store, batch: Sequence[Recorded[Any]]) -> str | None:
        if batch and not met:
            met.append(batch)
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress")
        return await apply(store, batch)

    monkeypatch.setattr(Store, "apply", meets)
    async with world.projecting():
        await world.reached(await world.append(of("application", "a1", deployed())))
    assert met
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_nats_is_killed_under_it(world: World, nats: Nats) -> None:
    async with world.projecting():
        await world.reached(await world.append(of("cluster", "c1", connecting())))
        await nats.restart()
        writer = await nats.connect("provisioner")
        world.writer = writer
        await world.reached(await world.append(of("application", "a1", deployed())))
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_dropped_tables_come_back(world: World) -> None:
    async with world.projecting():
        position = await world.append(of("application", "a1", deployed()))
        await world.reached(position)
        before = await world.checkpoint()
        conn = await world.connect()
        await conn.execute(f"DROP SCHEMA {await world.live()} CASCADE")
        await conn.close()
        await world.reached(position)
        after = await world.checkpoint()
    assert before is not None
    assert after is not None
    assert after["epoch"] != before["epoch"]
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_a_rebuild_replaces_what_is_read_and_the_running_one_follows(world: World) -> None:
    async with world.projecting():
        await world.reached(await world.append(of("cluster", "c1", [*connecting(), *inventory()])))
        old, rows = await world.live(), await world.rows()
        conn = await world.connect()
        store = await rebuild(world.bus, conn, Health())
        await conn.close()
        assert await world.live() == store.schema != old
        assert await world.rows() == rows
        await world.reached(await world.append(of("application", "a1", deployed())))
        assert (await world.rows())["applications"]["a1"]["status"] == "running"
        assert await world.live() == store.schema


async def test_a_rebuild_reads_on_where_the_log_stopped_answering(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a server of the cluster restarts: it forgets the consumer, and answers 503 in its place."""
    forgotten: list[str] = []

    class Forgotten(Tail):
        async def __aenter__(self) -> Tail:
            tail = await super().__aenter__()
            if not forgotten:
                consumers = await world.writer.js.consumers_info(subjects.EVENTS)
                forgotten.extend(one.name for one in consumers if one.name.startswith("tail-"))
                for name in forgotten:
                    await world.writer.js.delete_consumer(subjects.EVENTS, name)
            return tail

    position = await world.append(of("application", "a1", deployed()))
    monkeypatch.setattr(following, "Tail", Forgotten)
    conn = await world.connect()
    store = await rebuild(world.bus, conn, Health())
    await conn.close()
    assert forgotten
    assert store.checkpoint.position == position
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_only_the_live_and_the_previous_schema_are_kept(world: World) -> None:
    async with world.projecting():
        await world.reached(await world.append(of("cluster", "c1", connecting())))
        for _ in range(3):
            conn = await world.connect()
            await rebuild(world.bus, conn, Health())
            await conn.close()

        async def swept() -> bool:
            names = await world.query("SELECT nspname FROM pg_namespace WHERE nspname ~ '^rm_'")
            live = await world.query("SELECT * FROM proximity.live")
            kept = {schema for row in live for schema in (row["schema"], row["previous"])}
            return {name["nspname"] for name in names} == kept != set()

        await eventually(swept)


async def test_other_definitions_are_built_beside_and_switched_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.append(of("application", "a1", deployed()))
    async with world.projecting():
        await world.reached(await EventStore(world.bus).head())
        old, rows = await world.live(), await world.rows()
        monkeypatch.setattr(schemas, "definitions", lambda: "0123456789ab")
        async with world.projecting():
            await eventually(lambda: _is_live(world, schema_name("0123456789ab")))
            assert await world.rows() == rows
            # the older one goes on for those who still read its tables, and does not switch back
            position = await world.append(of("application", "a2", deployed("op-2", "Blog")))
            await world.reached(position)

            async def old_too() -> bool:
                at = await world.checkpoint(old)
                return at is not None and at["position"] >= position

            await eventually(old_too)
            assert await _is_live(world, schema_name("0123456789ab"))


async def test_a_half_built_copy_is_swept_away_unless_somebody_works_on_it(world: World) -> None:
    conn, builder = await world.connect(), await world.connect()
    await schemas.prepare(conn)
    for copy in ("dead", "alive"):
        await schemas.open_or_create(builder, schema_name("0123456789ab", copy), "0123456789ab", "i")
    assert await schemas.take(builder, schema_name("0123456789ab", "alive"))
    assert await schemas.drop_unused(conn, keep=[]) == [schema_name("0123456789ab", "dead")]
    for each in (conn, builder):
        await each.close()


@pytest.mark.parametrize(("whose", "position"), [("another", 0), ("ours", 1000)])
async def test_tables_of_another_log_are_replaced(world: World, definitions: str, whose: str, position: int) -> None:
    """Another installation's, or ours restored to a time before what the tables know."""
    conn = await world.connect()
    await schemas.prepare(conn)
    foreign = schema_name(definitions)
    installation = world.bus.installation_id if whose == "ours" else whose
    await schemas.open_or_create(conn, foreign, definitions, installation)
    await conn.execute(f"UPDATE {foreign}.checkpoint SET position = {position}")
    await schemas.switch(conn, foreign)
    await conn.close()
    async with world.projecting():
        last = await world.append(of("application", "a1", deployed()))
        await eventually(lambda: _is_not_live(world, foreign))
        await world.reached(last)
    assert (await world.rows())["applications"]["a1"]["status"] == "running"


async def test_one_that_has_the_lock_and_does_not_work_is_put_out(
    world: World, definitions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proximity_projector.projector.STALLED_AFTER", 0.5)
    monkeypatch.setattr("proximity_projector.projector._STAND_BY", 0.1)
    frozen = await world.connect()
    await schemas.prepare(frozen)
    schema = schema_name(definitions)
    assert await schemas.take(frozen, schema)
    await schemas.open_or_create(frozen, schema, definitions, world.bus.installation_id)
    async with world.projecting():
        await world.reached(await world.append(of("application", "a1", deployed())))
    assert frozen.is_closed()


async def test_an_event_nobody_knows_stops_it_with_its_name(world: World) -> None:
    health = Health()
    async with world.projecting(health):
        position = await world.append(of("application", "a1", deployed()))
        await world.reached(position)
        assert health.trouble() is None
        headers = {
            "ce-specversion": "1.0",
            "ce-id": "x1",
            "ce-source": "urn:test",
            "ce-type": "dev.proximity.application.teleported.v1",
            "ce-time": "2026-01-01T00:00:00Z",
            "ce-correlationid": "x",
            "ce-authtype": "system",
            "ce-authid": "test",
        }
        await world.writer.js.publish(subjects.event("application", "a1"), json.dumps({}).encode(), headers=headers)

        async def stopped() -> bool:
            return "application.teleported.v1" in (health.trouble() or "")

        await eventually(stopped)
    at = await world.checkpoint()
    assert at is not None
    assert at["position"] == position


def _environment(world: World, nats: Nats, health_port: int = 0) -> dict[str, str]:
    return {
        "PROXIMITY_NATS_URL": nats.url,
        "PROXIMITY_NATS_PASSWORD_FILE": str(nats.password_file("projector")),
        "PROXIMITY_DATABASE_URL": world.database.url,
        "PROXIMITY_DATABASE_PASSWORD_FILE": str(world.database.password_file),
        "PROXIMITY_HEALTH_PORT": str(health_port),
    }


async def _start(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proximity_projector", *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )


async def test_the_process_says_how_it_is_rebuilds_beside_and_ends_in_order(world: World, nats: Nats) -> None:
    port = free_ports(1)[0]
    environment = _environment(world, nats, port)
    process = await _start(environment)
    await world.reached(await world.append(of("application", "a1", deployed())))
    assert await fetch(port, "/readyz") == (200, b"ok\n")
    assert await fetch(port, "/livez") == (200, b"ok\n")
    status, metrics = await fetch(port, "/metrics")
    assert status == 200
    assert b"proximity_projector_lag_events 0.0" in metrics

    before = await world.checkpoint()
    rebuilding = await _start(environment, "rebuild")
    said, _ = await rebuilding.communicate()
    after = await world.checkpoint()
    assert rebuilding.returncode == 0
    assert before is not None
    assert after is not None
    assert after["epoch"] != before["epoch"]
    assert f"up to position {after['position']}" in said.decode()

    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_catching_up(world: World, nats: Nats) -> None:
    told = [t for n in range(25) for t in of("application", f"a{n}", deployed(f"op-{n}", f"App {n}"))]
    environment = _environment(world, nats)
    writing = asyncio.create_task(world.append(told))
    for killed_at in (40, 120, 240):
        process = await _start(environment)
        await world.reached(killed_at)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    last = await writing
    async with world.projecting():
        await world.reached(last)
    live = await world.rows()
    conn = await world.connect()
    copy = await rebuild(world.bus, conn, Health())
    await conn.close()
    assert await world.rows(copy.schema) == live


async def _is_live(world: World, schema: str) -> bool:
    return await world.live() == schema


async def _is_not_live(world: World, schema: str) -> bool:
    return await world.live() not in (None, schema)


@pytest.fixture
def definitions() -> str:
    return schemas.definitions()
