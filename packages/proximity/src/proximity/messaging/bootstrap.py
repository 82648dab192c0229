"""The start-up step: makes streams, buckets and durables, and founds the installation. Safe to run again at any time.

`python -m proximity.messaging.bootstrap` reads PROXIMITY_NATS_URL, PROXIMITY_NATS_USER (`admin` if unset),
PROXIMITY_NATS_PASSWORD_FILE and PROXIMITY_NATS_REPLICAS: on how many servers everything is kept. Unset: on as many as
it is kept on now, on one if it is new.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import structlog
from nats.js import JetStreamContext
from nats.js.api import StreamConfig, StreamInfo
from nats.js.errors import APIError

from proximity.domain.settings.settings import found
from proximity.messaging import direct, subjects
from proximity.messaging.aggregates import INSTALLATION, SETTINGS
from proximity.messaging.connection import Bus, RefusedError, open_connection
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict, EventStore
from proximity.messaging.patience import ASK_AGAIN, ELECTING, PATIENCE, patiently
from proximity.messaging.permissions import ADMIN
from proximity.messaging.streams import BUCKETS, RESTORING, STREAMS, durables

log = structlog.get_logger(__name__)

# more copies than servers: of a single one, and of a cluster (10005 once it has been waited for)
_TOO_FEW = frozenset({10074, *ELECTING})
# What an installation cannot lose: where it is without its log, something went wrong.
_PRECIOUS = (subjects.COMMANDS, subjects.bucket_stream(subjects.VAULT), subjects.bucket_stream(subjects.CREDENTIALS))


class TooFewServersError(Exception):
    """NATS cannot keep as many copies as it is told to."""


class NotWholeError(Exception):
    """There is a part of an installation: a restore was broken off, or the log is lost."""


async def prepare(nats_url: str, admin_user: str, admin_password: str, replicas: int | None = None) -> str:
    """Returns the installation's id.

    Raises RefusedError, TimeoutError, TooFewServersError, NotWholeError, nats.js.errors.APIError.
    """
    bus = await open_connection(nats_url, ADMIN, admin_user, admin_password)
    try:
        held = await streams_held(bus)
        _must_be_whole(held)
        await make(bus, held, replicas)
        await settle(bus, subjects.EVENTS)
        return await _found(bus)
    finally:
        await bus.close()


async def streams_held(bus: Bus) -> dict[str, StreamInfo]:
    """What there is, once JetStream answers. Raises TimeoutError, nats.js.errors.APIError."""
    return {info.config.name or "": info for info in await patiently(bus.js.streams_info)}


async def make(bus: Bus, held: Mapping[str, StreamInfo], replicas: int | None) -> None:
    """Everything as it is declared; what is there keeps what it holds.

    Raises RefusedError, TimeoutError, TooFewServersError, nats.js.errors.APIError.
    """
    # the log comes last: whoever finds it finds everything else
    for config in (*BUCKETS, *reversed(STREAMS)):
        there = held.get(config.name or "")
        copies = replicas or (there.config.num_replicas if there else None) or 1
        await _make(bus.js, config.evolve(num_replicas=copies), there is not None)
    for stream, consumer in durables():
        await bus.js.add_consumer(stream, consumer)


async def _make(js: JetStreamContext, config: StreamConfig, there: bool) -> None:
    try:
        await patiently(lambda: js.update_stream(config) if there else js.add_stream(config))
    except APIError as error:
        if error.err_code in _TOO_FEW:
            raise _too_few(config, error) from error
        raise


async def settle(bus: Bus, stream: str) -> None:
    """Waits until it can be read, and as long as a server may answer that is behind what it was just given: by then
    all of them have it, or PATIENCE is over.

    Raises TimeoutError, nats.js.errors.APIError.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not _settled(await patiently(lambda: bus.js.stream_info(stream))):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(ASK_AGAIN)
    await patiently(lambda: direct.page(bus, stream, subjects.ALL_EVENTS, 1, limit=1))


def _settled(info: StreamInfo) -> bool:
    """One that is away cannot answer either."""
    followers = (info.cluster.replicas if info.cluster else None) or []
    led = info.cluster is None or bool(info.cluster.leader)
    return led and all(follower.current or follower.offline for follower in followers)


def _too_few(config: StreamConfig, error: APIError) -> TooFewServersError:
    return TooFewServersError(
        f"{config.name} cannot be kept on {config.num_replicas} NATS servers: {error.description}. There must be a "
        f"cluster of at least {config.num_replicas}, and all of them must run."
    )


def _must_be_whole(held: Mapping[str, StreamInfo]) -> None:
    if any(RESTORING in (info.config.metadata or {}) for info in held.values()):
        raise NotWholeError("a restore was broken off: run it again, with the same backup")
    if subjects.EVENTS not in held:
        left = [name for name in _PRECIOUS if name in held and held[name].state.messages]
        if left:
            raise NotWholeError(f"the log is not there, but {', '.join(left)} is: nothing is founded beside it")


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


def replicas_wanted(environment: Mapping[str, str] = os.environ) -> int | None:
    """Raises ValueError."""
    text = environment.get("PROXIMITY_NATS_REPLICAS", "")
    if text not in ("", "1", "3", "5"):
        raise ValueError("PROXIMITY_NATS_REPLICAS must be 1, 3 or 5")
    return int(text) if text else None


def main() -> None:
    password = Path(os.environ["PROXIMITY_NATS_PASSWORD_FILE"]).read_text().strip()
    user = os.environ.get("PROXIMITY_NATS_USER", ADMIN)
    try:
        replicas = replicas_wanted()
        installation_id = asyncio.run(prepare(os.environ["PROXIMITY_NATS_URL"], user, password, replicas))
    except (TooFewServersError, NotWholeError, RefusedError, TimeoutError, ValueError) as error:
        log.critical("not prepared", reason=str(error))
        sys.exit(1)
    log.info("prepared", installation_id=installation_id, replicas=replicas)


if __name__ == "__main__":
    main()
