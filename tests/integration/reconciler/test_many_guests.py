"""Thousands of guests are written once, in batches; a restart has nothing to say, nor has an hour of quiet."""

import asyncio

from proximity.domain.application import events as app
from proximity.messaging import buckets
from proximity.messaging.connection import connect, terminate
from proximity.messaging.event_store import EventStore
from proximity.vault.key import read_key
from proximity.vault.vault import Vault
from proximity_reconciler.following import Follower
from proximity_reconciler.looking import EnvironmentHash
from proximity_reconciler.observers import Observers
from proximity_reconciler.watch import Watch
from support.reconciling import Stage, eventually
from support.simulator import SimulatorProcess

MANY, DEMO = 1500, 12
HALF_AN_HOUR = 1800.0


async def test_a_restart_with_many_guests_writes_nothing(stage: Stage, simulator: SimulatorProcess) -> None:
    simulator.reset(extra=MANY)
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id)
    first = stage.start()

    async def all_written() -> bool:
        # not asked so often that it disturbs
        await asyncio.sleep(1.0)
        return len(await stage.store.aggregate_ids("guest")) >= MANY + DEMO

    await eventually(all_written, within=120)
    await stage.observed(application_id)
    await stage.stop(first)
    guests = await stage.store.read(0, 100_000, categories=["guest"])
    assert len({r.aggregate_id for r in guests}) == len(guests) == MANY + DEMO
    stage.start()
    await stage.quiet(simulator, lists=10)


async def test_half_an_hour_in_which_nothing_happens(stage: Stage, simulator: SimulatorProcess) -> None:
    """Of the watch's own time, as shipped: not one event, and no more requests than it may make."""
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id)
    settings = stage.settings(
        look_every=5.0, tasks_every=2.0, members_every=30.0, rights_every=300.0, requests_a_minute=45
    )
    key, now = read_key(stage.folder / "vault.key"), 0.0
    bus = await connect(stage.nats.url, "reconciler", "reconciler", settings.nats_password(), terminate)
    store, observers = EventStore(bus), Observers(Vault(buckets.vault(bus), key))
    follower = Follower(store, bus.installation_id)
    watch = Watch(cluster_id, bus, store, follower, observers, EnvironmentHash(key), settings, lambda: now)
    # the first minute makes everything known
    while now < 60:
        now += await watch.turn()
    assert any(isinstance(event, app.ConfigurationObserved) for event in await stage.said_of(application_id))
    head, asked = await store.head(), len(simulator.requests())
    # the simulator remembers the last 2000 requests
    while now < 60 + HALF_AN_HOUR:
        now += await watch.turn()
    assert await store.head() == head
    requests = len(simulator.requests()) - asked
    print(f"{requests} requests in half an hour, {requests / 30:.1f} a minute")
    assert 0 < requests <= 45 * 30
    observers.close()
    await bus.close()
