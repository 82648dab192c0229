"""Snapshot and stream: nothing is lost between them, whatever breaks, and nothing can be forged into them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.api.conftest import Api, Frames, Log, caught_up, connecting, until
from proximity.domain.application import events as ev
from proximity.domain.operation.cause import Cause
from proximity_api import queries
from support.servers import Database, Nats

Replica = Callable[[], AbstractAsyncContextManager[Api]]


def failed(operation_id: str) -> ev.OperationFailed:
    return ev.OperationFailed(operation_id=operation_id, kind="deploy", cause=Cause(code="x", message="No."))


async def seen(frames: Frames, table: str, id_: str) -> dict[str, Any]:
    """The next row of that table and id."""
    while True:
        frame = await frames.next()
        for change in frame.data["changes"]:
            if (change["table"], change["id"]) == (table, id_):
                row: dict[str, Any] = change["row"]
                return row


async def test_a_snapshot_has_what_runs_and_the_stream_goes_on_from_it(
    signed_in: Api, projector: Any, log: Log
) -> None:
    application_id, operation_id = await log.application("Blog")
    await caught_up(signed_in, await signed_in.parts.store.head())
    snapshot = (await signed_in.get("/snapshot")).json()
    assert [a["id"] for a in snapshot["applications"]] == [application_id]
    assert [o["id"] for o in snapshot["operations"]] == [operation_id]
    assert set(snapshot["figures"]) == {"nodes", "storages", "guests", "addresses"}
    assert snapshot["position"] == await signed_in.parts.store.head()
    async with signed_in.stream(after=snapshot["position"], epoch=snapshot["epoch"]) as frames:
        await log.append("application", application_id, failed(operation_id))
        frame = await frames.next()
        assert frame.id == f"{snapshot['epoch']}:{frame.data['position']}"
        assert frame.data["prev"] == snapshot["position"]
        rows = {change["table"]: change["row"] for change in frame.data["changes"]}
        assert rows["applications"]["status"] == "failed"
        assert rows["operations"]["status"] == "failed"


async def test_rows_are_the_same_in_snapshot_and_stream(signed_in: Api, projector: Any, log: Log) -> None:
    async with signed_in.stream() as frames:
        application_id, _ = await log.application("Blog")
        row = await seen(frames, "applications", application_id)
    snapshot = (await signed_in.get("/snapshot")).json()
    assert snapshot["applications"] == [row]


async def test_who_comes_back_gets_everything_he_missed_once(signed_in: Api, projector: Any, log: Log) -> None:
    async with signed_in.stream() as frames:
        await log.application("One", slug="one")
        last = (await frames.next()).id
    made = [await log.application(f"App {n}", slug=f"app-{n}") for n in range(5)]
    async with signed_in.stream(last=last, after=0, epoch="whatever: the header wins") as frames:
        prev = int(last.rpartition(":")[2])
        missing = {application_id for application_id, _ in made}
        while missing:
            frame = await frames.next()
            assert frame.data["prev"] == prev < frame.data["position"]
            prev = frame.data["position"]
            missing -= {change["id"] for change in frame.data["changes"]}


async def test_many_clients_that_join_in_the_middle_of_changes_miss_nothing(
    signed_in: Api, projector: Any, log: Log
) -> None:
    start = (await signed_in.get("/snapshot")).json()
    done = asyncio.Event()
    ids: list[str] = []

    async def change() -> None:
        for n in range(60):
            application_id, _ = await log.application(f"App {n}", slug=f"app-{n}")
            ids.append(application_id)
        done.set()

    async def follow(delay: int) -> set[str]:
        async def late_enough() -> bool:
            return len(ids) >= delay

        await until(late_enough, 30)
        got: set[str] = set()
        prev = start["position"]
        async with signed_in.stream(after=start["position"], epoch=start["epoch"]) as frames:
            while not (done.is_set() and got >= set(ids)):
                frame = await frames.next()
                assert frame.data["prev"] == prev
                prev = frame.data["position"]
                got |= {c["id"] for c in frame.data["changes"] if c["table"] == "applications"}
        return got

    results = await asyncio.gather(change(), *(follow(n * 5) for n in range(10)))
    assert all(set(ids) == got for got in results[1:])


@pytest.mark.parametrize(
    ("last", "reason"),
    [("another-epoch:1", "rebuilt"), ("{epoch}:999999", "ahead"), ("nonsense", "rebuilt"), ("{epoch}:-1", "rebuilt")],
)
async def test_a_position_that_means_nothing_is_answered_with_a_reset(
    signed_in: Api, projector: Any, log: Log, last: str, reason: str
) -> None:
    epoch = (await signed_in.get("/snapshot")).json()["epoch"]
    async with signed_in.stream(last=last.format(epoch=epoch)) as frames:
        frame = await frames.next()
        assert (frame.event, frame.id, frame.data["reason"]) == ("reset", "", reason)
        assert await frames.ended()


async def test_a_rebuild_resets_who_is_connected_and_who_comes_back(
    signed_in: Api, projector: Any, log: Log, rebuild: Callable[[], Awaitable[object]]
) -> None:
    await log.application("Blog")
    await caught_up(signed_in, await signed_in.parts.store.head())
    before = (await signed_in.get("/snapshot")).json()
    async with signed_in.stream(after=before["position"], epoch=before["epoch"]) as frames:
        await rebuild()
        frame = await frames.next(20)
        assert frame.event == "reset"
        assert frame.data["epoch"] != before["epoch"]
        assert await frames.ended()
    async with signed_in.stream(last=f"{before['epoch']}:{before['position']}") as frames:
        assert (await frames.next()).event == "reset"
    after = (await signed_in.get("/snapshot")).json()
    assert after["applications"] == before["applications"]


@pytest.mark.parametrize("name", ["a\r\nevent: reset\r\ndata: {}\r\n\r\n", "a\n\ndata: {}\n\n", "a\rid: 9\r", "\u2028"])
async def test_a_name_cannot_forge_a_frame(signed_in: Api, projector: Any, log: Log, name: str) -> None:
    async with signed_in.stream() as frames:
        application_id, _ = await log.application(name)
        frame = await frames.next()
        assert frame.event == "message"
        rows = {change["table"]: change["row"] for change in frame.data["changes"]}
        assert rows["applications"]["name"] == name
    async with signed_in.stream("/events/stream", after=0, type="dev.proximity.application.*") as frames:
        frame = await frames.next()
        assert frame.data["data"]["name"] == name
        assert frame.data["subject"] == f"application/{application_id}"


async def test_a_stream_shows_that_it_lives_and_ends_with_its_session(signed_in: Api, projector: Any) -> None:
    async with signed_in.stream() as frames, signed_in.stream("/events/stream") as events:
        async with asyncio.timeout(60):
            while not (frames.comments and frames.beats):  # a script in a browser never sees a comment
                with pytest.raises(TimeoutError):
                    await frames.next(1.2)
    async with signed_in.stream() as frames, signed_in.stream("/events/stream") as events:
        assert (await signed_in.delete("/session")).status_code == 204
        assert await frames.ended()
        assert await events.ended()


async def test_a_session_ended_elsewhere_ends_the_stream(signed_in: Api, projector: Any, replica: Replica) -> None:
    async with replica() as other, signed_in.stream() as frames:
        other.use(signed_in.token)
        assert (await other.delete("/session")).status_code == 204
        assert await frames.ended()


async def test_postgresql_may_lose_every_connection_under_open_streams(
    signed_in: Api, projector: None, log: Log, database: Database
) -> None:
    async with signed_in.stream() as frames:
        first, _ = await log.application("One", slug="one")
        await seen(frames, "applications", first)
        conn = await connecting(database)()
        ended = await conn.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        conn.terminate()
        assert ended >= 2, "the api's and the projector's"
        second, _ = await log.application("Two", slug="two")
        row = await asyncio.wait_for(seen(frames, "applications", second), 30)
        assert row["name"] == "Two"


async def test_a_statement_may_meet_the_end_of_its_connection_under_open_streams(
    signed_in: Api, projector: None, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    point, met = queries.point, asyncio.Event()

    async def meets(conn: AsyncConnection) -> queries.Point:
        if not met.is_set():
            met.set()
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress")
        return await point(conn)

    async with signed_in.stream() as frames:
        monkeypatch.setattr(queries, "point", meets)
        await met.wait()
        application_id, _ = await log.application("One", slug="one")
        row = await asyncio.wait_for(seen(frames, "applications", application_id), 30)
        assert row["name"] == "One"


async def test_nats_may_crash_under_open_streams(signed_in: Api, projector: None, log: Log, nats: Nats) -> None:
    async with signed_in.stream() as frames:
        await nats.restart()
        application_id, _ = await log.application("One", slug="one")
        row = await asyncio.wait_for(seen(frames, "applications", application_id), 30)
        assert row["name"] == "One"


async def test_streams_end_when_the_process_does(signed_in: Api, projector: Any) -> None:
    async with signed_in.stream() as frames, signed_in.stream("/events/stream") as events:
        signed_in.parts.hub.close()
        assert await frames.ended()
        assert await events.ended()
    answer = await signed_in.get("/stream")
    assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")


async def test_no_connection_of_the_database_is_held_by_an_idle_stream(signed_in: Api, projector: Any) -> None:
    pool = signed_in.parts.database._engine.pool
    opened = [signed_in.stream() for _ in range(20)]
    for stream in opened:
        await stream.__aenter__()
    try:

        async def given_back() -> bool:
            return pool.checkedout() == 0  # type: ignore[attr-defined,no-any-return]

        await until(given_back)
    finally:
        for stream in opened:
            await stream.__aexit__(None, None, None)


class TestEvents:
    async def test_a_page_holds_cloudevents_in_order(self, signed_in: Api, log: Log) -> None:
        application_id, operation_id = await log.application("Blog")
        page = (await signed_in.get("/events", type="dev.proximity.application.deploy_requested.v1")).json()
        (event,) = page["items"]
        assert event["specversion"] == "1.0"
        assert event["subject"] == f"application/{application_id}"
        assert event["correlationid"] == operation_id
        assert len(event["sequence"]) == 20
        assert int(event["sequence"]) == page["position"]
        assert page["next"] is None

    async def test_pages_go_on_where_the_last_one_ended(self, signed_in: Api, log: Log) -> None:
        for n in range(5):
            await log.application(f"App {n}", slug=f"app-{n}")
        found: list[str] = []
        after: int | None = 0
        while after is not None:
            page = (await signed_in.get("/events", after=after, limit=2)).json()
            found += [event["sequence"] for event in page["items"]]
            after = page["next"]
        assert [int(sequence) for sequence in found] == list(range(1, page["position"] + 1))

    async def test_a_stream_is_filtered_and_resumed(self, signed_in: Api, log: Log) -> None:
        one, _ = await log.application("One", slug="one")
        two, operation = await log.application("Two", slug="two")
        async with signed_in.stream("/events/stream", after=0, subject=f"application/{two}") as frames:
            first = await frames.next()
            await log.append("application", two, failed(operation))
            second = await frames.next()
        assert [f.data["type"].split(".")[-2] for f in (first, second)] == ["deploy_requested", "operation_failed"]
        async with signed_in.stream("/events/stream", last=first.id, subject=f"application/{two}") as frames:
            assert await frames.next() == second
        assert one != two
