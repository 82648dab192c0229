"""Several reconcilers: one watches each cluster, another soon after it dies, and two at once do no harm."""

import asyncio
from collections import Counter
from pathlib import Path

from proximity.domain.application import events as app
from proximity.messaging import buckets
from proximity.messaging.connection import connect, terminate
from proximity.messaging.event_store import EventStore
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.key import read_key
from proximity.vault.vault import Vault
from proximity_reconciler.following import Follower
from proximity_reconciler.observers import Observers
from proximity_reconciler.watch import Watch
from support.outside import Outsider
from support.provisioning import ServiceProcess
from support.reconciling import Stage, eventually, listed
from support.simulator import SimulatorProcess

VMID = 20001


def replica(stage: Stage, name: str) -> ServiceProcess:
    environment = {
        "PROXIMITY_NATS_URL": stage.nats.url,
        "PROXIMITY_NATS_PASSWORD_FILE": str(stage.nats.password_file("reconciler")),
        "PROXIMITY_VAULT_KEY_FILE": str(stage.folder / "vault.key"),
        "PROXIMITY_LOOK_EVERY": "0.2",
        "PROXIMITY_TASKS_EVERY": "0.2",
        "PROXIMITY_REQUESTS_A_MINUTE": "6000",
    }
    return ServiceProcess("proximity_reconciler", environment, stage.folder / f"{name}.log")


async def said(log: Path, what: str) -> bool:
    return what in await asyncio.to_thread(log.read_text)


async def test_a_successor_watches_when_the_first_one_is_killed(stage: Stage, simulator: SimulatorProcess) -> None:
    await stage.connect_cluster(simulator)
    first, second = replica(stage, "first"), replica(stage, "second")
    try:
        first.start()
        await eventually(lambda: said(first.output, '"watching"'))
        second.start()
        await eventually(lambda: said(second.output, '"started"'))
        # it has seen for some time that there is somebody
        await listed(simulator, 10)
        assert not await said(second.output, '"watching"')
        first.kill()
        await eventually(lambda: said(second.output, '"watching"'))
        await listed(simulator, 2)
    finally:
        first.kill()
        second.kill()


async def test_two_that_watch_at_once_do_no_harm(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id)
    stranger = Outsider.stranger(simulator)
    settings, key = stage.settings(), read_key(stage.folder / "vault.key")
    watches = []
    for _ in range(2):
        bus = await connect(stage.nats.url, "reconciler", "reconciler", settings.nats_password(), terminate)
        store, observers = EventStore(bus), Observers(Vault(buckets.vault(bus), key))
        follower = Follower(store, bus.installation_id)
        watch = Watch(cluster_id, bus, store, follower, observers, ConfigurationHash(key), settings)
        watches.append((watch, bus, observers))

    async def both(condition: str) -> None:
        async def holds() -> bool:
            for watch, _, _ in watches:
                await watch.turn()
            return (
                (condition in await stage.findings(application_id))
                if condition
                else (not await stage.findings(application_id))
            )

        await eventually(holds)

    async def observed() -> bool:
        for watch, _, _ in watches:
            await watch.turn()
        return any(isinstance(event, app.ConfigurationObserved) for event in await stage.said_of(application_id))

    await eventually(observed)
    await stranger.power(VMID, "stop")
    await both("stopped_outside")
    await stranger.power(VMID, "start")
    await both("")
    said_of = Counter(type(event) for event in await stage.said_of(application_id))
    assert said_of == {app.ConfigurationObserved: 1, app.FindingOpened: 1, app.FindingClosed: 1}
    appeared = [r.aggregate_id for r in await stage.store.read(0, categories=["guest"])]
    assert max(Counter(appeared).values()) == 1
    stranger.close()
    for _, bus, observers in watches:
        observers.close()
        await bus.close()
