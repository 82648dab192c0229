"""Composition root: everything is made here, once, and handed on."""

import asyncio
import gc
import hmac
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import structlog
import uvicorn
import uvloop

from proximity.logs import to_json_lines
from proximity.messaging import buckets, changes, subjects
from proximity.messaging.buckets import Bucket
from proximity.messaging.commands import Commands
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, connect, terminate
from proximity.messaging.event_store import EventStore
from proximity.vault.key import KeyFileError, read_key
from proximity.vault.vault import Vault
from proximity_api import accounts, app, offered
from proximity_api.database import Database
from proximity_api.edge import Measures
from proximity_api.hub import Hub
from proximity_api.observing import Observing
from proximity_api.parts import Parts
from proximity_api.passwords import Passwords
from proximity_api.recipes import Catalog, CatalogError
from proximity_api.sessions import Sessions
from proximity_api.settings import Settings
from proximity_api.throttle import Throttle

log = structlog.get_logger()

# seconds that requests in hand get at the end
GRACE = 10


def assemble(settings: Settings, bus: Bus) -> Parts:
    """Raises KeyFileError, CatalogError, OSError: what is configured cannot be used."""
    key = read_key(settings.vault_key_file)
    measures = Measures()
    database = Database(settings.database_url, settings.database_password())
    store, vault = EventStore(bus), Vault(buckets.vault(bus), key)
    return Parts(
        settings=settings,
        # the vault's key itself is only for the vault
        digest_key=hmac.digest(key, b"digests of requests", "sha256"),
        measures=measures,
        bus=bus,
        store=store,
        commands=Commands(bus),
        vault=vault,
        observing=Observing(store, vault),
        credentials=buckets.credentials(bus),
        sessions=Sessions(
            Bucket(bus, subjects.SESSIONS),
            settings.session_idle,
            settings.session_absolute,
            settings.session_cache,
            lambda: bus.clock.now().timestamp(),
        ),
        passwords=Passwords(),
        throttle=Throttle(),
        catalog=Catalog.load(settings.catalog),
        database=database,
        hub=Hub(database, measures, settings.stream_heartbeat, settings.stream_queue),
    )


class Server(uvicorn.Server):
    """Ends all streams on a signal: uvicorn waits for open answers, and a stream never ends by itself.

    uvicorn would also raise the signal again once it is done; a process that finished in order ends with 0.
    """

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.close()
        self.should_exit = True


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; what is in hand is finished."""
    bus = await connect(settings.nats_url, "api", settings.nats_user, settings.nats_password(), terminate)
    try:
        parts = assemble(settings, bus)
        async with living(parts):
            ready = server(parts)
            # what is there now stays for good: a collection need not look through all of it again and again
            gc.collect()
            gc.freeze()
            await ready.serve()
    finally:
        await bus.close()


@asynccontextmanager
async def living(parts: Parts) -> AsyncIterator[None]:
    """What goes on beside the requests."""

    async def heard(change: changes.Change) -> None:
        parts.hub.announce(change.epoch)

    await changes.subscribe(parts.bus, heard)
    live = asyncio.create_task(parts.hub.run())
    live.add_done_callback(_must_not_fail)
    try:
        if founder := await accounts.founder(parts):
            await offered.connect(parts, founder)
        yield
    finally:
        parts.hub.close()
        live.cancel()
        await asyncio.wait({live})
        parts.observing.close()
        await parts.database.close()
        if not live.cancelled():
            live.result()


def server(parts: Parts) -> Server:
    config = uvicorn.Config(
        app.create(parts),
        host=parts.settings.host,
        port=parts.settings.port,
        http="httptools",
        lifespan="off",
        # every request is logged once, by ourselves
        access_log=False,
        log_config=None,
        server_header=False,
        # whoever could write such headers could say that he comes from anywhere
        proxy_headers=bool(parts.settings.trusted_proxies),
        forwarded_allow_ips=parts.settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config, parts.hub)


def _must_not_fail(task: asyncio.Task[None]) -> None:
    """Without the hub nothing is live: better a restart than a silent process."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("the live hub failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


def main() -> None:
    settings = Settings()
    to_json_lines(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except (RefusedError, NotPreparedError, KeyFileError, CatalogError, OSError) as error:
        log.critical("cannot start", reason=str(error))
        sys.exit(78)
