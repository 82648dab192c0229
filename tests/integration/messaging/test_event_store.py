"""Loading and appending against a real server: conflicts, retries that are recognised, all or nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.state import Application
from proximity.domain.model import Event
from proximity.messaging import subjects
from proximity.messaging.aggregates import APPLICATION, CLUSTER, OPERATION
from proximity.messaging.connection import open_connection
from proximity.messaging.event_store import Conflict, EventStore, Loaded, OriginReusedError
from proximity.messaging.streams import STREAMS
from support.messages import deploy_requested, deploy_wishes, new_id, origin
from support.servers import Nats


@pytest.fixture
async def store(nats: Nats) -> EventStore:
    return EventStore(await nats.connect("provisioner"))


async def _deployed(store: EventStore, application_id: str, events: list[Event] | None = None) -> Loaded[Any]:
    fresh = await store.load(APPLICATION, application_id)
    return await store.append(APPLICATION, application_id, fresh, events or [deploy_requested()], origin())


async def test_what_was_appended_is_loaded_with_the_log_s_own_time(nats: Nats, store: EventStore) -> None:
    cause = origin(reason="für den Urlaub, 100 %")
    fresh = await store.load(APPLICATION, "a1")
    appended = await store.append(APPLICATION, "a1", fresh, [deploy_requested()], cause)
    loaded = await EventStore(await nats.connect("provisioner")).load(APPLICATION, "a1")
    assert loaded == appended
    assert isinstance(loaded.state, Application)
    assert (fresh.sequence, loaded.version) == (0, 1)
    assert loaded.last_stored_at is not None
    assert loaded.state.operation is not None
    assert loaded.state.operation.since == loaded.last_stored_at
    assert loaded.last is not None
    assert (loaded.last.reason, loaded.last.version, loaded.last.source) == (
        "für den Urlaub, 100 %",
        1,
        f"urn:proximity:{nats.installation_id}:provisioner",
    )
    assert abs(loaded.last.time - loaded.last_stored_at) < timedelta(seconds=2)


async def test_nothing_to_append_is_no_append(store: EventStore) -> None:
    fresh = await store.load(APPLICATION, "a1")
    before = await store.head()
    assert await store.append(APPLICATION, "a1", fresh, [], origin()) == fresh
    assert await store.head() == before


async def test_who_loaded_too_early_gets_a_conflict_and_nothing_is_stored(store: EventStore) -> None:
    stale = await store.load(APPLICATION, "a1")
    await _deployed(store, "a1")
    before = await store.head()
    with pytest.raises(Conflict):
        await store.append(APPLICATION, "a1", stale, [deploy_requested("other")], origin())
    assert await store.head() == before


@pytest.mark.parametrize("count", [1, 3])
async def test_of_many_who_append_at_once_one_wins(nats: Nats, count: int) -> None:
    stores = [EventStore(await nats.connect("provisioner")) for _ in range(4)]
    fresh = [await s.load(APPLICATION, "a1") for s in stores]

    async def one(store: EventStore, loaded: Loaded[Any]) -> str:
        try:
            await store.append(APPLICATION, "a1", loaded, [deploy_requested()] * count, origin())
        except Conflict:
            return "conflict"
        return "stored"

    results = await asyncio.gather(*(one(s, f) for s, f in zip(stores, fresh, strict=True)))
    assert sorted(results) == ["conflict"] * 3 + ["stored"]
    assert (await stores[0].load(APPLICATION, "a1")).version == count


@pytest.mark.parametrize("count", [1, 3])
async def test_a_retried_append_is_recognised(nats: Nats, store: EventStore, count: int) -> None:
    """The answer got lost: the same append with the same, now stale, expectation; also when others went on since."""
    fresh = await store.load(APPLICATION, "a1")
    cause, events = origin(), [deploy_requested()] * count
    stored = await store.append(APPLICATION, "a1", fresh, events, cause)
    again = await EventStore(await nats.connect("provisioner")).append(APPLICATION, "a1", fresh, events, cause)
    assert again == stored
    await store.append(APPLICATION, "a1", stored, [ev.ContainerConfigured(operation_id="op1")], origin())
    later = await store.append(APPLICATION, "a1", fresh, events, cause)
    assert later.version == count + 1


@pytest.mark.parametrize("count", [1, 3])
async def test_a_retry_with_a_fresh_expectation_is_recognised_as_well(store: EventStore, count: int) -> None:
    fresh = await store.load(APPLICATION, "a1")
    cause, events = origin(), [deploy_requested()] * count
    stored = await store.append(APPLICATION, "a1", fresh, events, cause)
    assert await store.append(APPLICATION, "a1", stored, events, cause) == stored


@pytest.mark.parametrize("count", [1, 3])
async def test_a_retry_is_recognised_after_the_duplicate_window(nats: Nats, store: EventStore, count: int) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    await admin.js.update_stream(STREAMS[0].evolve(duplicate_window=0.1))
    fresh = await store.load(APPLICATION, "a1")
    cause, events = origin(), [deploy_requested()] * count
    stored = await store.append(APPLICATION, "a1", fresh, events, cause)
    # a later message whose id is forgotten: so is that of the earlier one
    probe, headers = subjects.event("application", "probe"), {"Nats-Msg-Id": new_id()}
    await admin.js.publish(probe, b"{}", headers=headers)
    async with asyncio.timeout(60):
        while True:
            if not (await admin.js.publish(probe, b"{}", headers=headers)).duplicate:
                break
    before = await store.head()
    assert await store.append(APPLICATION, "a1", fresh, events, cause) == stored
    assert await store.head() == before


async def test_a_batch_is_refused_whole(store: EventStore) -> None:
    """The claims of the batch are free, its own subject went on: none of it is stored."""
    stale = await store.load(APPLICATION, "a1")
    await _deployed(store, "a1")
    before = await store.head()
    event = deploy_requested("unused")
    with pytest.raises(Conflict):
        await store.append(APPLICATION, "a1", stale, [event, event], origin(), deploy_wishes("a1", event))
    assert await store.head() == before
    assert "name.unused" not in await store.aggregate_ids("claim")


async def test_one_cause_for_two_different_appends_is_told_and_not_taken_for_a_duplicate(store: EventStore) -> None:
    cause = origin()
    loaded = await store.append(APPLICATION, "a1", await store.load(APPLICATION, "a1"), [deploy_requested()], cause)
    with pytest.raises(OriginReusedError):
        await store.append(APPLICATION, "a1", loaded, [ev.ContainerConfigured(operation_id="op1")], cause)
    longer = [deploy_requested(), ev.ContainerConfigured(operation_id="op1")]
    with pytest.raises(OriginReusedError):
        await store.append(APPLICATION, "a1", loaded, longer, cause)
    other = await store.load(APPLICATION, "a2")
    with pytest.raises(OriginReusedError):
        await store.append(APPLICATION, "a2", other, [deploy_requested()], cause)


async def test_the_fold_cache_is_right_after_a_foreign_append(nats: Nats, store: EventStore) -> None:
    foreign = EventStore(await nats.connect("provisioner"))
    mine = await _deployed(store, "a1")
    theirs = await foreign.load(APPLICATION, "a1")
    event = ev.VmidClaimed(operation_id="op1", cluster_id="c1", node="pve1", vmid=20000)
    await foreign.append(APPLICATION, "a1", theirs, [event], origin())
    reloaded = await store.load(APPLICATION, "a1")
    assert reloaded.sequence > mine.sequence
    assert reloaded == await EventStore(await nats.connect("api")).load(APPLICATION, "a1")
    assert isinstance(reloaded.state, Application)
    assert reloaded.state.container is not None
    assert reloaded.state.container.vmid == 20000


async def test_loading_never_sees_a_part_of_a_batch(nats: Nats, store: EventStore) -> None:
    size, rounds = 7, 15

    async def write() -> None:
        loaded = await store.load(APPLICATION, "a1")
        for _ in range(rounds):
            loaded = await store.append(APPLICATION, "a1", loaded, [deploy_requested()] * size, origin())

    writing = asyncio.create_task(write())
    reader, seen = await nats.connect("api"), set[int]()
    while not writing.done():
        # a store without cache each time, so that all of the subject is read
        seen.add((await EventStore(reader).load(APPLICATION, "a1")).version)
    await writing
    assert {version % size for version in seen} == {0}
    assert len(seen) > 2


async def test_reading_pages_never_cut_a_batch(store: EventStore) -> None:
    loaded, ends = await store.load(APPLICATION, "a1"), {1}
    for size in (1, 4, 2, 5):
        loaded = await store.append(APPLICATION, "a1", loaded, [deploy_requested()] * size, origin())
        ends.add(loaded.sequence)
    position, pages = 0, 0
    while page := await store.read(position, limit=3):
        assert [e.position for e in page] == list(range(position + 1, position + 1 + len(page)))
        position, pages = page[-1].position, pages + 1
        assert position in ends
    assert pages > 2
    assert position == await store.head() == loaded.sequence


async def test_reading_filters_by_category_and_reaches_the_head(store: EventStore) -> None:
    for number in range(5):
        event = deploy_requested(f"app{number}", operation_id=f"op{number}")
        fresh = await store.load(APPLICATION, f"a{number}")
        await store.append(APPLICATION, f"a{number}", fresh, [event], origin(), deploy_wishes(f"a{number}", event))
    for categories, expected in (
        (["application"], {"a0", "a1", "a2", "a3", "a4"}),
        (["claim"], {f"name.app{n}" for n in range(5)} | {"tenancy.c1"}),
        (["settings", "application"], {"installation", "a0", "a1", "a2", "a3", "a4"}),
        (["cluster"], set()),
    ):
        position, ids = 0, set[str]()
        while page := await store.read(position, limit=2, categories=categories):
            position = page[-1].position
            ids |= {e.aggregate_id for e in page}
        assert ids == expected
    assert sorted(await store.aggregate_ids("application")) == ["a0", "a1", "a2", "a3", "a4"]
    assert await store.aggregate_ids("cluster") == []


async def test_more_events_than_fit_on_a_page_are_loaded(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # a busy machine may need longer to hand so many over
    monkeypatch.setattr("proximity.messaging.connection.ANSWER_TIMEOUT", 60.0)
    loaded = await store.load(APPLICATION, "a1")
    for _ in range(3):
        loaded = await store.append(APPLICATION, "a1", loaded, [deploy_requested()] * 500, origin())
    cold = EventStore(store._bus)
    assert (await cold.load(APPLICATION, "a1")).version == 1500


async def test_a_wildcard_is_no_aggregate_id(store: EventStore) -> None:
    for wrong in (">", "*", "a b", "", "a..b"):
        with pytest.raises(ValueError, match="subject"):
            await store.load(CLUSTER, wrong)
        with pytest.raises(ValueError, match="subject"):
            await store.load(OPERATION, wrong)
