"""Composition root: connects, sweeps and watches until it is told to stop."""

import asyncio
import contextlib
import signal
import sys
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Gauge

from proximity.logs import to_json_lines
from proximity.messaging import buckets
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, connect, terminate
from proximity.messaging.event_store import EventStore
from proximity.messaging.leadership import Leadership
from proximity.messaging.wake import Wake
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.key import KeyFileError, read_key
from proximity.vault.vault import Vault
from proximity_reconciler.following import Follower
from proximity_reconciler.health import Health
from proximity_reconciler.observers import Observers
from proximity_reconciler.settings import Settings
from proximity_reconciler.sweep import Sweep
from proximity_reconciler.watch import Watch
from proximity_reconciler.watches import Watches

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Until cancelled. Raises what nobody can repair while it runs."""
    key = read_key(settings.vault_key_file)
    password = settings.nats_password()
    bus = await connect(settings.nats_url, "reconciler", settings.nats_user, password, terminate)
    store, leases = EventStore(bus), buckets.leases(bus)
    observers, hashes = Observers(Vault(buckets.vault(bus), key)), ConfigurationHash(key)
    follower = Follower(store, bus.installation_id)
    sweep = Sweep(follower, leases, Wake(bus), bus.clock, settings.sweep_every)

    def watch(cluster_id: str, successor: bool) -> Watch:
        return Watch(cluster_id, bus, store, follower, observers, hashes, settings, successor=successor)

    watches = Watches(follower.operations, Leadership(leases, str(uuid4())), observers, watch)
    health = Health(lambda: _not_ready(bus, follower), _measures(follower, sweep, watches))
    await health.start(settings.health_port, settings.health_host)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sweep.run())
            group.create_task(watches.run())
            log.info("started", health_port=health.port)
    finally:
        await health.stop()
        observers.close()
        await bus.close()


def _not_ready(bus: Bus, follower: Follower) -> str | None:
    if not bus.nc.is_connected:
        return "not connected to NATS"
    return None if follower.caught_up.is_set() else "the log is not read yet"


def _measures(follower: Follower, sweep: Sweep, watches: Watches) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name, what, value in (
        ("proximity_operations_in_flight", "Operations that have not ended", lambda: len(follower.operations)),
        ("proximity_operations_woken", "Wake-ups sent since the start", lambda: sweep.woken),
        ("proximity_log_position", "Position up to which the log is known", lambda: follower.position),
        ("proximity_clusters_watched", "Clusters this replica watches", lambda: len(watches)),
    ):
        Gauge(name, what, registry=registry).set_function(value)
    return registry


def main() -> None:
    settings = Settings()
    to_json_lines(settings.log_level)
    try:
        asyncio.run(_until_signalled(settings))
    except (RefusedError, NotPreparedError, KeyFileError, TimeoutError) as error:
        log.critical("cannot start", reason=str(error))
        sys.exit(1)


async def _until_signalled(settings: Settings) -> None:
    """What is in hand may be broken off anywhere: a correction is in the log or will be found again."""
    running = asyncio.create_task(run(settings))
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await running
