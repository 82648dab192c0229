"""The composition root: `python -m proximity_projector` follows the log, `… rebuild` folds it anew beside it."""

import asyncio
import signal
import sys
from collections.abc import Sequence

import asyncpg
import structlog

from proximity.logs import to_json_lines
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, connect, terminate
from proximity_projector import database
from proximity_projector.figures import write_all
from proximity_projector.health import Health, serve
from proximity_projector.projector import PASSING, UNREADABLE, Projector, rebuild
from proximity_projector.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_EVERY = 1.0


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a batch that is not committed by then is done again by the next one."""
    health = Health()
    server = await serve(health, settings.health_host, settings.health_port) if settings.health_port else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_work(settings, health))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if server is not None:
            server.close()
        # more than once: a connection that breaks at this very moment puts its own error in the cancellation's place
        while not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=1.0)
    try:
        await work
    except asyncio.CancelledError:
        log.info("stopped")


async def _work(settings: Settings, health: Health) -> None:
    bus = await _connect_bus(settings, health)

    async def connect_database() -> asyncpg.Connection:
        return await database.connect(settings.database_url, settings.database_password())

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(write_all(bus, connect_database))
            await Projector(bus, connect_database, health).run()
    finally:
        await bus.close()


async def _connect_bus(settings: Settings, health: Health) -> Bus:
    """Waits for NATS and for the bootstrap. Raises RefusedError."""
    while True:
        try:
            return await connect(
                settings.nats_url, "projector", settings.nats_user, settings.nats_password(), on_refused=terminate
            )
        except (NotPreparedError, TimeoutError) as error:
            health.unwell(str(error))
            log.info("waits", reason=str(error))
            await asyncio.sleep(_RETRY_EVERY)


async def run_rebuild(settings: Settings) -> int:
    """The process's exit code."""
    bus = await _connect_bus(settings, Health())
    try:
        conn = await database.connect(settings.database_url, settings.database_password())
        try:
            store = await rebuild(bus, conn, Health())
        finally:
            conn.terminate()
    except (*PASSING, *UNREADABLE) as error:
        print(f"rebuild failed, the read model is as it was: {error}", file=sys.stderr)
        return 1
    finally:
        await bus.close()
    print(f"rebuilt {store.schema} up to position {store.checkpoint.position}")
    return 0


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    settings = Settings()
    to_json_lines(settings.log_level)
    try:
        if list(arguments) == ["rebuild"]:
            return asyncio.run(run_rebuild(settings))
        asyncio.run(run(settings))
    except RefusedError as error:
        log.critical("refused by NATS", reason=str(error))
        return 78
    return 0
