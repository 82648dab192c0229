"""The log becomes rows, once each, in whatever order projectors come and go."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.guest import events as gu
from proximity.domain.identity.identity import UserCreated
from proximity.domain.model import Event
from proximity.domain.operation.events import CommandRejected
from proximity.messaging import addresses, changes, observations
from proximity.messaging.changes import Change
from proximity.messaging.envelope import Recorded
from proximity.messaging.event_store import EventStore
from proximity.messaging.tail import Tail
from proximity.readmodel.schema import schema_name
from proximity_projector import following, schemas
from proximity_projector.figures import write_all
from proximity_projector.health import Health
from proximity_projector.projector import rebuild
from proximity_projector.store import FencedError, Store
from support.projecting import World, eventually
from support.projection import (
    GONE,
    ORPHAN,
    STOPPED,
    Told,
    adopted,
    connecting,
    deleted,
    deployed,
    deploying,
    guest,
    intended,
    inventory,
    of,
    recorded,
    released,
)


def story() -> list[Told]:
    """Something of everything the read models show."""
    rejected = CommandRejected(
        operation_id="op-no", command="application.stop.v1", category="application", target="a1", code="x", message="No"
    )
    return [
        ("identity", "u1", UserCreated(operation_id="op-u", username="ada", role="admin", founder=True)),
        *of("cluster", "c1", [*connecting(), *inventory()]),
        *of("application", "a1", deployed("op-1", "Wiki")),
        ("operation", "op-no", rejected),
        *of("application", "a2", deployed("op-2", "Blog")),
        *of("application", "a2", deleted("op-3")),
        *of("cluster", "c2", [*connecting("op-c2", "Old"), cl.NodeAppeared(node="n", online=True)]),
        *of("guest", "c1-105", [guest(), gu.GuestIgnored(operation_id="op-4"), gu.FindingOpened(finding=ORPHAN)]),
        ("guest", "c1-105", gu.OperationSucceeded(operation_id="op-4", kind="ignore")),
        *of("application", "a3", [*adopted("op-5"), app.FindingOpened(finding=STOPPED)]),
        *of("application", "a3", [app.ContainerFoundMoved(node="pve1", from_node="pve2"), *released("op-6")]),
        ("guest", "c1-105", gu.GuestAdopted(application_id="a3")),
        *of("application", "a1", [app.FindingOpened(finding=STOPPED), app.FindingClosed(key=STOPPED.key)]),
        *of("application", "a4", late("op-7")),
        ("application", "a1", app.FindingOpened(finding=GONE)),
        ("cluster", "c1", cl.NodeWentOffline(node="pve1")),
        ("guest", "c2-105", guest().model_copy(update={"cluster_id": "c2"})),
        ("cluster", "c2", cl.ClusterRemoved(operation_id="op-c3")),
    ]


# what PostgreSQL takes in no text, and what only looks like it
SAID = "env: A=1\0B=2 \\u0000"


def late(op: str) -> list[Event]:
    """A deployment whose time is over; somebody takes note of its task in the end."""
    return [
        *deploying(op, "Late"),
        intended("create", op),
        app.TaskAccepted(operation_id=op, step="create", upid="UPID:1"),
        app.DeadlinePassed(operation_id=op, phase="forward", waiting_for="create"),
        app.TaskEndedUnseen(operation_id=op, step="create", upid="UPID:1", exitstatus=SAID, ended=1),
        app.ContainerCreated(operation_id=op, node="pve1", vmid=20000),
    ]


async def test_events_become_rows_and_are_announced(world: World) -> None:
    heard: list[Change] = []

    async def hear(change: Change) -> None:
        heard.append(change)

    await changes.subscribe(world.writer, hear)
    async with world.projecting():
        await world.reached(await world.append(story()))
        rows = await world.rows()
        checkpoint = await world.checkpoint()

        async def told() -> bool:
            assert checkpoint is not None
            return Change(checkpoint["epoch"], checkpoint["position"]) in heard

        await eventually(told)
    assert rows["applications"]["a1"]["status"] == "gone"
    assert rows["applications"]["a1"]["findings"] == {"gone": "gone"}
    assert rows["applications"]["a2"]["removed_at"] is not None
    assert {id_ for id_, row in rows["findings"].items() if row["removed_at"] is None} == {
        "application/a1/gone",
        "application/a4/deadline_passed",
        "cluster/c1/offline:pve1",
    }
    assert "env: A=1\ufffdB=2 \\u0000" in rows["findings"]["application/a4/task_unseen"]["message"]
    assert all(row["removed_at"] for row in rows["guests"].values())
    assert rows["operations"]["op-1"]["status"] == "succeeded"
    assert rows["operations"]["op-no"]["status"] == "rejected"
    assert rows["clusters"]["c1"]["version"] == "9.0.3"
    assert set(rows["nodes"]) == {"c1/pve1", "c1/pve2", "c2/n"}
    assert rows["users"]["u1"]["username"] == "ada"
    assert len(rows["activity"]) == sum(row is not None for row in rows["activity"].values()) > 20


async def test_rebuild_equals_live_whatever_the_batches_were(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.projecting():
        for told in story():
            await world.reached(await world.append([told]))
        live = await world.rows()
    conn = await world.connect()
    for (schema,) in await conn.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(rm_|proximity)'"):
        await conn.execute(f"DROP SCHEMA {schema} CASCADE")
    await conn.close()
    monkeypatch.setattr(following, "BATCH", 7)
    async with world.projecting():
        await world.reached(await EventStore(world.bus).head())
        assert await world.rows() == live


async def test_of_two_projectors_one_stands_by_and_takes_over(world: World) -> None:
    one, two = Health(), Health()
    async with world.projecting(two):
        async with world.projecting(one):
            await world.reached(await world.append(story()[:5]))
            assert _active(one) + _active(two) == 1
        position = await world.append(story()[5:])
        await world.reached(position)
        assert _active(two) == 1
    assert len((await world.rows())["applications"]) == 4


async def test_a_second_writer_is_fenced_and_no_event_is_applied_twice(world: World) -> None:
    conn, other = await world.connect(), await world.connect()
    await schemas.prepare(conn)
    schema = schema_name("0123456789ab")
    start = await schemas.open_or_create(conn, schema, "0123456789ab", world.bus.installation_id)
    first, second = Store(conn, schema, start), Store(other, schema, start)
    batch = recorded(of("application", "a1", deployed()))
    results = await asyncio.gather(first.apply(batch), second.apply(batch), return_exceptions=True)
    assert sum(isinstance(result, FencedError) for result in results) == 1
    rows = await world.rows(schema)
    assert rows["operations"]["op-deploy"]["position"] == len(batch)
    loser = first if isinstance(results[0], FencedError) else second
    with pytest.raises(FencedError):
        await loser.apply(recorded(of("application", "a1", deleted()), first=len(batch) + 1))
    assert await world.rows(schema) == rows
    for each in (conn, other):
        await each.close()


async def test_rows_and_checkpoint_are_written_together_or_not_at_all(world: World) -> None:
    conn = await world.connect()
    await schemas.prepare(conn)
    schema = schema_name("0123456789ab")
    start = await schemas.open_or_create(conn, schema, "0123456789ab", world.bus.installation_id)
    await conn.execute(f"ALTER TABLE {schema}.activity ADD CONSTRAINT broken CHECK (summary NOT LIKE '%answers%')")
    with pytest.raises(asyncpg.CheckViolationError):
        await Store(conn, schema, start).apply(recorded(of("application", "a1", deployed())))
    checkpoint = await world.checkpoint(schema)
    assert checkpoint is not None
    assert checkpoint["position"] == 0
    assert not any((await world.rows(schema)).values())
    await conn.execute(f"ALTER TABLE {schema}.activity DROP CONSTRAINT broken")
    await Store(conn, schema, start).apply(recorded(of("application", "a1", deployed())))
    assert (await world.rows(schema))["applications"]["a1"]["status"] == "running"
    await conn.close()


async def test_a_crash_between_commit_and_announcement_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise ConnectionAbortedError

    position = await world.append(story())
    conn = await world.connect()
    with monkeypatch.context() as patched:
        patched.setattr(following, "announce", die)
        with pytest.raises(ConnectionAbortedError):
            await rebuild(world.bus, conn, Health())
    conn.terminate()
    checkpoint, rows = await world.checkpoint(), await world.rows()
    assert checkpoint is not None
    assert checkpoint["position"] == position
    heard: asyncio.Queue[Change] = asyncio.Queue()
    await changes.subscribe(world.writer, heard.put)
    async with world.projecting(), asyncio.timeout(60):
        assert await heard.get() == Change(checkpoint["epoch"], position)
        assert await world.rows() == rows


async def test_tombstones_are_kept_for_a_week_of_the_log(world: World) -> None:
    conn = await world.connect()
    await schemas.prepare(conn)
    schema = schema_name("0123456789ab")
    start = await schemas.open_or_create(conn, schema, "0123456789ab", world.bus.installation_id)
    store = Store(conn, schema, start)
    gone = recorded(of("application", "a1", [*deployed(), *deleted()]))
    await store.apply(gone)
    sixth_day, eighth_day = 60 * 60 * 24 * 6, 60 * 60 * 24 * 8
    await store.apply(recorded(of("application", "a2", deployed("op-2")), first=sixth_day))
    assert set((await world.rows(schema))["applications"]) == {"a1", "a2"}
    await store.apply(recorded(of("application", "a3", deployed("op-3")), first=eighth_day))
    assert set((await world.rows(schema))["applications"]) == {"a2", "a3"}
    checkpoint = await world.checkpoint(schema)
    assert checkpoint is not None
    assert checkpoint["horizon"] == gone[-1].position
    await conn.close()


async def test_figures_are_the_last_value_seen(world: World) -> None:
    async with world.projecting():
        await world.reached(await world.append(story()[:1]))
        task = asyncio.create_task(write_all(world.bus, world.connect))
        await observations.publish(world.writer, "node", "c1/pve1", {"cpu": 0.25, "memory_used": 7, "uptime": 60})
        await observations.publish(world.writer, "node", "c1/pve1", {"cpu": 0.5, "memory_used": 8, "uptime": 70})
        await observations.publish(world.writer, "storage", "c1/pve1/local", {"used": 1, "available": 2})
        await observations.publish(world.writer, "guests", "c1/pve1", {"105": {"status": "running", "cpu": 0.5}})
        await observations.publish(world.writer, "guests", "c1/pve1", {"105": {"status": "stopped", "cpu": 0}})
        await addresses.tell(world.writer, "c1", 105, "pve1", ["10.0.0.4"])
        await addresses.tell(world.writer, "c1", 105, "pve1", ["10.0.0.5"])
        await observations.publish(world.writer, "unheard", "of", {})
        live = await world.live()

        async def written() -> bool:
            nodes = await world.query(f"SELECT * FROM {live}.node_figures")
            storages = await world.query(f"SELECT * FROM {live}.storage_figures")
            guests = await world.query(f"SELECT * FROM {live}.guest_figures")
            seen = [(row["id"], row["status"]) for row in guests]
            figures = [row["cpu"] for row in nodes], [row["used"] for row in storages], seen
            return figures == ([0.5], [1], [("c1-105", "stopped")]) and await has_addresses()

        async def has_addresses() -> bool:
            kept = await world.query(f"SELECT id, addresses FROM {live}.guest_addresses")
            return [(row["id"], row["addresses"]) for row in kept] == [("c1-105", ["10.0.0.5"])]

        await eventually(written)
        # as whoever builds the tables anew finds them: nobody tells of addresses again
        await world.query(f"DELETE FROM {live}.guest_addresses")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        task = asyncio.create_task(write_all(world.bus, world.connect))
        await observations.publish(world.writer, "node", "c1/pve1", {"cpu": 0.5, "memory_used": 8, "uptime": 80})
        await eventually(has_addresses)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_tail_hands_out_everything_once_in_order_and_whole_batches(world: World) -> None:
    last = await world.append(story())
    seen: list[Recorded[Any]] = []
    async with Tail(world.bus, after=0, ahead=10) as tail:
        while not seen or seen[-1].position < last:
            seen += await tail.next(7, within=1)
        assert await tail.next(7, within=0.05) == []
        appended = await world.append(of("application", str(uuid4()), deployed()[:1]))
        assert [event.position for event in await tail.next(7, within=5)] == [appended]
    assert [event.position for event in seen] == list(range(1, last + 1))


def _active(health: Health) -> float:
    return next(iter(health.active.collect())).samples[0].value
