"""Each service may do its own work and nothing else, and is told when it is refused."""

import asyncio

import pytest
from nats.aio.client import Client

from proximity.messaging import subjects
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, connect, open_connection
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import SERVICES
from support.messages import deploy_requested, origin
from support.servers import Nats

EVENTS, COMMANDS, VAULT = "EVENTS", "COMMANDS", "KV_vault"
# what nobody but the bootstrap may do
ADMINISTRATION = [
    *(
        f"$JS.API.STREAM.{verb}.{stream}"
        for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "MSG.GET", "SNAPSHOT", "RESTORE")
        for stream in (EVENTS, COMMANDS, "WAKE", "OBSERVATIONS", VAULT, "KV_leases")
    ),
    *(f"$JS.API.CONSUMER.DELETE.{stream}.x" for stream in (EVENTS, COMMANDS, "WAKE", "OBSERVATIONS")),
    *(f"$JS.API.CONSUMER.CREATE.{stream}.x" for stream in (COMMANDS, "WAKE", "OBSERVATIONS", VAULT)),
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
]
FOREIGN = {
    "api": [
        "proximity.events.application.a1",
        "proximity.events.cluster.c1",
        "proximity.events.operation.o1",
        "proximity.events.claim.vmid.c1-100",
        "proximity.events.claim.name.wiki",
        "proximity.wake.due.o1.poll",
        "proximity.observations.node.n1",
        "$KV.leases.runner.r1",
        "$JS.API.DIRECT.GET.KV_leases",
        "$JS.API.CONSUMER.MSG.NEXT.COMMANDS.provisioner-commands",
        "$JS.API.CONSUMER.CREATE.EVENTS.x",
        "proximity.changes",
    ],
    "provisioner": [
        "proximity.commands.application.a1",
        "proximity.events.identity.u1",
        "proximity.events.settings.installation",
        "proximity.events.claim.user.x",
        "proximity.events.claim.installation.setup",
        "proximity.observations.node.n1",
        "$KV.vault.x",
        "$KV.credentials.x",
        "$KV.sessions.x",
        "$JS.API.DIRECT.GET.KV_credentials",
        "$JS.API.DIRECT.GET.KV_sessions",
        "$JS.API.CONSUMER.CREATE.EVENTS.x",
        "proximity.changes",
    ],
    "reconciler": [
        "proximity.commands.application.a1",
        "proximity.events.claim.vmid.c1-100",
        "proximity.events.identity.u1",
        "$KV.vault.x",
        "$JS.API.DIRECT.GET.KV_credentials",
        "$JS.API.DIRECT.GET.COMMANDS",
        "$JS.API.CONSUMER.MSG.NEXT.WAKE.provisioner-wake",
    ],
    "projector": [
        "proximity.commands.application.a1",
        "proximity.events.application.a1",
        "proximity.events.cluster.c1",
        "proximity.wake.due.o1.poll",
        "proximity.observations.node.n1",
        "$KV.vault.x",
        "$JS.API.DIRECT.GET.KV_vault",
        "$JS.API.DIRECT.GET.KV_sessions",
        "$JS.API.DIRECT.GET.COMMANDS",
        "$JS.API.CONSUMER.MSG.NEXT.COMMANDS.provisioner-commands",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.provisioner-steps",
        "$JS.API.CONSUMER.CREATE.EVENTS.provisioner-steps",
        "$JS.API.CONSUMER.CREATE.EVENTS.provisioner-steps.proximity.events.application.a1",
        "$JS.ACK.EVENTS.provisioner-steps.1.1.1.1.1",
    ],
}


async def _listening(nats: Nats, service: str) -> tuple[Bus, asyncio.Queue[str]]:
    """A connection, and what it is refused."""
    refusals = asyncio.Queue[str]()
    bus = await connect(nats.url, service, service, nats.passwords[service], refusals.put_nowait)
    nats.closing.push_async_callback(bus.close)
    return bus, refusals


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_not_its_own_is_refused_and_told(nats: Nats, service: str) -> None:
    bus, refusals = await _listening(nats, service)
    for subject in [*ADMINISTRATION, *FOREIGN[service]]:
        await bus.nc.publish(subject, b"{}")
        refusal = await asyncio.wait_for(refusals.get(), 60)
        assert f'permissions violation for publish to "{subject.lower()}"' in refusal.lower()


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_hears_the_others_replies_or_the_messages_themselves(nats: Nats, service: str) -> None:
    bus, refusals = await _listening(nats, service)
    others = [f"{subjects.inbox(other)}.>" for other in SERVICES if other != service]
    for subject in [*others, ">", "_INBOX.>", "proximity.events.>", "proximity.commands.>", "$KV.vault.>", "$JS.>"]:
        await bus.nc.subscribe(subject)
        refusal = await asyncio.wait_for(refusals.get(), 60)
        assert f'permissions violation for subscription to "{subject.lower()}"' in refusal.lower()


async def test_a_refused_append_says_so_instead_of_timing_out(nats: Nats) -> None:
    store = EventStore(await nats.connect("api"))
    fresh = await store.load(APPLICATION, "a1")
    with pytest.raises(RefusedError, match=r"(?i)permissions violation"):
        await store.append(APPLICATION, "a1", fresh, [deploy_requested()], origin())


async def test_a_wrong_password_is_refused_at_once(nats: Nats) -> None:
    with pytest.raises(RefusedError, match=r"(?i)authorization violation"):
        await connect(nats.url, "api", "api", "wrong")


async def test_without_bootstrap_there_is_nothing_to_connect_to(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    await admin.js.delete_stream(subjects.EVENTS)
    with pytest.raises(NotPreparedError):
        await connect(nats.url, "api", "api", nats.passwords["api"])


async def test_the_server_s_own_guards_hold_even_for_the_admin(nats: Nats) -> None:
    admin = await open_connection(nats.url, "admin", "admin", nats.passwords["admin"])
    nats.closing.push_async_callback(admin.close)
    for request in ("STREAM.PURGE.EVENTS", "STREAM.MSG.DELETE.EVENTS"):
        answer = await admin.nc.request(f"$JS.API.{request}", b'{"seq": 1}')
        assert b"not permitted" in answer.data
    assert (await admin.js.stream_info(subjects.EVENTS)).state.messages == 1


async def test_an_anonymous_client_is_not_let_in(nats: Nats) -> None:
    client = Client()
    refusals: list[str] = []

    async def on_error(error: Exception) -> None:
        refusals.append(str(error))

    with pytest.raises(Exception, match=r"(?i)no servers|authorization"):
        await client.connect(nats.url, allow_reconnect=False, max_reconnect_attempts=0, error_cb=on_error)
    await client.close()
    assert not client.is_connected
