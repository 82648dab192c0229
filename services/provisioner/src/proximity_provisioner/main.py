"""The composition root: what there is, what hangs on what, and in which order it starts and stops."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
import uvicorn
from faststream import AckPolicy
from faststream.asgi import AsgiFastStream
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage as FromContext
from faststream.nats.message import NatsMessage
from faststream.nats.security import NatsUserPassword

from proximity.logs import to_json_lines
from proximity.messaging import subjects
from proximity.messaging.buckets import leases, vault
from proximity.messaging.commands import Commands
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, connect, servers, terminate
from proximity.messaging.event_store import EventStore
from proximity.messaging.leases import Slots
from proximity.messaging.wake import Wake
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.key import KeyFileError, read_key
from proximity.vault.vault import Vault
from proximity_provisioner import health, metrics
from proximity_provisioner.applications import Applications
from proximity_provisioner.cluster_operations import ClusterOperations
from proximity_provisioner.clusters import Clusters
from proximity_provisioner.commands import CommandInbox
from proximity_provisioner.decide import Decisions
from proximity_provisioner.dispatcher import Dispatcher
from proximity_provisioner.hints import Hints
from proximity_provisioner.idle import let_idle
from proximity_provisioner.incarnation import Incarnation
from proximity_provisioner.journal import Journal
from proximity_provisioner.settings import Settings
from proximity_provisioner.slots import OperationSlots
from proximity_provisioner.tools import Tools

log = structlog.get_logger(__name__)

SERVICE = "provisioner"
DRAIN = 8.0  # seconds for what is in hand when the service ends


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises NotPreparedError, RefusedError, KeyFileError, TimeoutError at the start."""
    key = read_key(settings.vault_key_file)
    bus = await connect(settings.nats_url, SERVICE, settings.nats_user, settings.nats_password(), terminate)
    try:
        async with _tools(bus, settings, key) as tools:
            dispatcher, inbox, hints = _handlers(bus, tools, settings)
            broker = _broker(settings, inbox, hints)
            await _serve(broker, bus, tools, settings)
            await dispatcher.drain(DRAIN)
    finally:
        await bus.close()
    log.info("ended")


@contextlib.asynccontextmanager
async def _tools(bus: Bus, settings: Settings, key: bytes) -> AsyncIterator[Tools]:
    journal = Journal(EventStore(bus))
    opened = Vault(vault(bus), key)
    shared = Slots(leases(bus))
    clusters = Clusters(opened)
    me = Incarnation(leases(bus))
    slots = OperationSlots(shared, journal, settings)
    tools = Tools(
        settings,
        bus.installation_id,
        journal,
        bus.clock,
        Wake(bus),
        opened,
        ConfigurationHash(key),
        slots,
        clusters,
        me,
        bool(bus.backup_id),
    )
    await me.start()
    keeping = [asyncio.create_task(me.keep()), asyncio.create_task(slots.keep())]
    for task in keeping:
        task.add_done_callback(_must_not_fail)
    try:
        yield tools
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        await shared.stop()
        await me.stop()
        clusters.close()


def _handlers(bus: Bus, tools: Tools, settings: Settings) -> tuple[Dispatcher, CommandInbox, Hints]:
    applications, clusters = Applications(tools), ClusterOperations(tools)
    by_category = {"application": applications.run, "cluster": clusters.run}
    dispatcher = Dispatcher(lambda category, id_: by_category[category](id_), settings.at_once)
    tools.slots.offer_to(lambda id_, cluster_id: dispatcher.submit("application", id_, cluster_id))
    inbox = CommandInbox(Commands(bus), Decisions(tools.journal), tools.journal, settings.dead_letter_after)
    return dispatcher, inbox, Hints(tools, dispatcher)


def _must_not_fail(task: asyncio.Task[None]) -> None:
    """Without its lease or its slots this replica would go on half alive: it ends, and a new one takes its place."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("a background task failed", task=task.get_name(), error=repr(error))
        os._exit(70)  # EX_SOFTWARE


def _broker(settings: Settings, inbox: CommandInbox, hints: Hints) -> NatsBroker:
    async def on_error(error: Exception) -> None:
        if "violation" in str(error).lower():
            terminate(str(error))
        log.warning("NATS", error=repr(error))

    async def as_it_is(message: NatsMessage) -> bytes:
        return bytes(message.body)

    broker = NatsBroker(
        servers(settings.nats_url),
        name=f"proximity-{SERVICE}-subscribers",
        security=NatsUserPassword(settings.nats_user, settings.nats_password()),
        inbox_prefix=subjects.inbox(SERVICE).encode(),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        error_cb=on_error,
        ack_policy=AckPolicy.MANUAL,
        decoder=as_it_is,
        middlewares=[metrics.middleware()],
        logger=structlog.get_logger("faststream"),
        log_level=logging.DEBUG,
        graceful_timeout=DRAIN,
    )
    for stream, durable, subject, handle in (
        (subjects.COMMANDS, subjects.PROVISIONER_COMMANDS, subjects.ALL_COMMANDS, inbox.handle),
        (subjects.EVENTS, subjects.PROVISIONER_STEPS, subjects.ALL_EVENTS, hints.event),
        (subjects.WAKE, subjects.PROVISIONER_WAKE, subjects.ALL_DUE, hints.wake_up),
    ):
        broker.subscriber(
            subject,
            durable=durable,
            stream=JStream(stream, declare=False),
            # one at a time: a fetch of several that crosses an earlier one, timed out, on the wire keeps the first
            # message back until its own time is over (measured: a command decided up to 5 s late)
            pull_sub=PullSub(batch_size=1, timeout=5.0),
            inbox_prefix=f"{subjects.inbox(SERVICE)}.".encode(),
            no_reply=True,
        )(_handler(handle))
    return broker


def _handler(handle: Callable[[NatsMessage], Awaitable[None]]) -> Callable[[FromContext], Awaitable[None]]:
    async def handler(message: FromContext) -> None:
        await handle(message)

    return handler


async def _serve(broker: NatsBroker, bus: Bus, tools: Tools, settings: Settings) -> None:
    def ready() -> bool:
        return bus.nc.is_connected and tools.me.alive and not tools.stopping.is_set()

    async def subscribed() -> None:
        for subscriber in broker.subscribers:
            let_idle(subscriber)

    app = AsgiFastStream(broker, asgi_routes=health.routes(ready), logger=None, after_startup=[subscribed])
    config = uvicorn.Config(
        app, host=settings.health_host, port=settings.health_port, log_config=None, access_log=False, lifespan="on"
    )
    server = health.HealthServer(config)

    def stop() -> None:
        tools.stopping.set()
        server.should_exit = True

    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop)
    log.info("started", incarnation=tools.me.name)
    await server.serve()
    tools.stopping.set()


def main() -> None:
    settings = Settings()
    to_json_lines(settings.log_level)
    try:
        asyncio.run(run(settings))
    except (NotPreparedError, RefusedError, KeyFileError, TimeoutError) as error:
        log.critical("cannot start", reason=str(error))
        sys.exit(1)
