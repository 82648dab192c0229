"""The start-up step: makes streams, buckets and durables, and founds the installation. Safe to run again at any time.

`python -m proximity.messaging.bootstrap` reads PROXIMITY_NATS_URL, PROXIMITY_NATS_USER (`admin` if unset) and
PROXIMITY_NATS_PASSWORD_FILE.
"""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import structlog
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from proximity.domain.settings.settings import found
from proximity.messaging.aggregates import INSTALLATION, SETTINGS
from proximity.messaging.connection import Bus, open_connection
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict, EventStore
from proximity.messaging.permissions import ADMIN
from proximity.messaging.streams import BUCKETS, STREAMS, durables

log = structlog.get_logger(__name__)


async def prepare(nats_url: str, admin_user: str, admin_password: str) -> str:
    """Returns the installation's id. Raises RefusedError, TimeoutError, nats.js.errors.APIError."""
    bus = await open_connection(nats_url, ADMIN, admin_user, admin_password)
    try:
        for config in (*STREAMS, *BUCKETS):
            await _make(bus.js, config)
        for stream, consumer in durables():
            await bus.js.add_consumer(stream, consumer)
        return await _found(bus)
    finally:
        await bus.close()


async def _make(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.update_stream(config)
    except NotFoundError:
        await js.add_stream(config)


async def _found(bus: Bus) -> str:
    """Two that do it at once found one installation: the second one's append is a conflict."""
    await bus.clock.refresh()
    store = EventStore(bus)
    while True:
        loaded = await store.load(SETTINGS, INSTALLATION)
        founded = found(str(uuid4()), loaded.state)
        if not founded:
            return loaded.state.installation_id
        bus.installation_id = founded[0].installation_id
        origin = Origin(bus.installation_id, bus.installation_id, Actor("system", ADMIN), "first start")
        try:
            await store.append(SETTINGS, INSTALLATION, loaded, founded, origin)
        except Conflict:
            log.info("the installation was founded by another one just now")


def main() -> None:
    password = Path(os.environ["PROXIMITY_NATS_PASSWORD_FILE"]).read_text().strip()
    user = os.environ.get("PROXIMITY_NATS_USER", ADMIN)
    installation_id = asyncio.run(prepare(os.environ["PROXIMITY_NATS_URL"], user, password))
    log.info("prepared", installation_id=installation_id)


if __name__ == "__main__":
    main()
