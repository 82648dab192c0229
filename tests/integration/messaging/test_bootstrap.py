"""The start-up step: run again, run twice at once, run after an upgrade."""

import asyncio
import sys

import pytest

from proximity.messaging import subjects
from proximity.messaging.aggregates import INSTALLATION, SETTINGS
from proximity.messaging.bootstrap import prepare
from proximity.messaging.connection import RefusedError, open_connection
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import ADMIN
from proximity.messaging.streams import BUCKETS, STREAMS, durables
from support.servers import Nats


async def test_the_installation_is_founded_once(nats: Nats) -> None:
    again = await asyncio.gather(*(nats.prepare() for _ in range(3)))
    assert set(again) == {nats.installation_id}
    loaded = await EventStore(await nats.connect("api")).load(SETTINGS, INSTALLATION)
    assert (loaded.state.installation_id, loaded.version) == (nats.installation_id, 1)


async def test_what_is_declared_is_there(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    for config in (*STREAMS, *BUCKETS):
        assert config.name is not None
        found = (await admin.js.stream_info(config.name)).config
        for field in ("subjects", "retention", "storage", "max_msgs_per_subject", "discard", "deny_delete"):
            declared = getattr(config, field)
            assert declared is None or getattr(found, field) == declared, (config.name, field)
        for flag in ("deny_purge", "allow_atomic", "allow_direct", "allow_msg_ttl", "allow_msg_schedules"):
            assert bool(getattr(found, flag)) == bool(getattr(config, flag)), (config.name, flag)
        # schedules need roll-ups, the server says; elsewhere a roll-up would be a way to purge
        assert found.allow_rollup_hdrs == (config.name == subjects.WAKE)
    for stream, consumer in durables():
        assert consumer.durable_name is not None
        held = (await admin.js.consumer_info(stream, consumer.durable_name)).config
        assert (held.ack_wait, held.max_deliver) == (10.0, -1)


async def test_a_declaration_that_changed_is_brought_up_to_date(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    await admin.js.update_stream(STREAMS[0].evolve(description="old", duplicate_window=1.0))
    await nats.prepare()
    config = (await admin.js.stream_info(subjects.EVENTS)).config
    assert (config.description, config.duplicate_window) == (STREAMS[0].description, 120.0)


async def test_a_durable_made_late_misses_nothing(nats: Nats) -> None:
    """An installation is upgraded: events are older than the consumer."""
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    await admin.js.delete_consumer(subjects.EVENTS, subjects.PROVISIONER_STEPS)
    await admin.js.publish("proximity.events.application.a1", b"{}")
    await nats.prepare()
    bus = await nats.connect("provisioner")
    durable = await bus.js.pull_subscribe_bind(durable=subjects.PROVISIONER_STEPS, stream=subjects.EVENTS)
    (message,) = await durable.fetch(1)
    assert message.subject == "proximity.events.application.a1"


async def test_only_the_admin_prepares(nats: Nats) -> None:
    with pytest.raises(RefusedError):
        await prepare(nats.url, "admin", "wrong")


@pytest.mark.slow
async def test_the_command_prepares_too(nats: Nats) -> None:
    environment = {
        "PROXIMITY_NATS_URL": nats.url,
        "PROXIMITY_NATS_USER": ADMIN,
        "PROXIMITY_NATS_PASSWORD_FILE": str(nats.password_file(ADMIN)),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proximity.messaging.bootstrap", env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert nats.installation_id in said.decode()
    assert nats.passwords[ADMIN] not in said.decode()
