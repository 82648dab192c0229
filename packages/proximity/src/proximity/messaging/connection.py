"""The connection of a service to NATS, as its own user."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import nats.errors
import structlog
from nats.js import JetStreamContext

from proximity.domain.settings.settings import InstallationFounded, InstallationRestored
from proximity.messaging import direct, subjects
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.codec import decode_event
from proximity.messaging.streams import RESTORING

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 30.0
ANSWER_TIMEOUT = 5.0
CLOCK_EVERY = 60.0
"""Seconds between two looks at the server's clock: the one of this machine that it is carried on by drifts."""


class RefusedError(Exception):
    """NATS does not let this user do that, or does not let it in: a mistake of configuration that no retry mends."""


class NotPreparedError(Exception):
    """Streams and installation are not there yet: `python -m proximity.messaging.bootstrap` makes them."""


@dataclass
class Bus:
    """A connection and what everything on it needs. `refused`: why NATS said no, once it did. `backup_id`: what the log
    was restored from, if it was.
    """

    nc: Client
    js: JetStreamContext
    service: str
    clock: ServerClock
    installation_id: str = ""
    backup_id: str = ""
    refused: str | None = None
    _waiting: set[asyncio.Timeout] = field(default_factory=set)
    _keeping: asyncio.Task[None] | None = None

    @property
    def source(self) -> str:
        """The CloudEvents source of what this service writes."""
        return f"urn:proximity:{self.installation_id}:{self.service}"

    @property
    def log_id(self) -> str:
        """Which log it is: after a restore other events may lie at positions that were read before."""
        return f"{self.installation_id}/{self.backup_id}" if self.backup_id else self.installation_id

    async def request(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> bytes:
        """The answer's body. Raises TimeoutError (also when nobody is there to answer), RefusedError."""
        try:
            async with self.answer_in_time():
                return (await self.nc.request(subject, payload, timeout=60, headers=headers)).data
        except nats.errors.NoRespondersError as error:
            raise TimeoutError(f"nobody answers on {subject}") from error
        except TimeoutError as error:
            raise self.explain(error) from error

    @contextlib.asynccontextmanager
    async def answer_in_time(self) -> AsyncIterator[None]:
        """TimeoutError after 5 s without an answer, or as soon as none can come any more."""
        async with asyncio.timeout(ANSWER_TIMEOUT) as waiting:
            self._waiting.add(waiting)
            try:
                yield
            finally:
                self._waiting.discard(waiting)

    def give_up_waiting(self) -> None:
        """The connection is gone, or a request was refused: the answers will not come."""
        for waiting in self._waiting:
            with contextlib.suppress(RuntimeError):  # it is about to time out by itself
                waiting.reschedule(asyncio.get_running_loop().time())

    def explain(self, error: Exception) -> Exception:
        """A refused request looks like a timeout; the reason comes apart from it."""
        return RefusedError(self.refused) if self.refused else error

    def keep_time(self) -> None:
        """Looks at the server's clock again and again, until it is closed."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(CLOCK_EVERY)
                with contextlib.suppress(TimeoutError):
                    await self.clock.refresh()

        self._keeping = asyncio.create_task(keep())

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
        if not self.nc.is_closed:
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                await self.nc.flush()
            await self.nc.close()


def servers(url: str) -> list[str]:
    """The addresses of all servers of a cluster, given as one text with commas."""
    return [address.strip() for address in url.split(",") if address.strip()]


def terminate(reason: str) -> None:
    """What a service does when NATS refuses it: it ends, with the reason in one line."""
    log.critical("refused by NATS", reason=reason)
    os._exit(78)  # EX_CONFIG


def _report(reason: str) -> None:
    log.error("refused by NATS", reason=reason)


async def connect(url: str, service: str, user: str, password: str, on_refused: Callable[[str], None] = _report) -> Bus:
    """Connects (and reconnects for ever), reads the server's clock and which installation it is. `url`: of one server,
    or of each of a cluster, with commas between them.

    `on_refused` is called with the reason when NATS refuses a right or the user; services pass `terminate`. Raises
    RefusedError, NotPreparedError, TimeoutError when no server answers for 30 s.
    """
    bus = await open_connection(url, service, user, password, on_refused)
    try:
        await _prepared(bus)
    except BaseException:  # also when the start is cancelled: nobody else would close it
        await bus.close()
        raise
    bus.keep_time()
    return bus


async def open_connection(
    url: str, service: str, user: str, password: str, on_refused: Callable[[str], None] = _report
) -> Bus:
    """Connects without looking at streams: what the bootstrap needs."""
    nc = Client()
    bus = Bus(nc, nc.jetstream(timeout=5), service, ServerClock(nc))
    refused = asyncio.Event()

    async def on_error(error: Exception) -> None:
        if "violation" in str(error).lower():
            bus.refused = str(error)
            refused.set()
            bus.give_up_waiting()
            on_refused(bus.refused)
        elif not nc.is_connected:
            log.debug("NATS is away", error=repr(error))  # several a second: that it is away was said once
        else:
            log.warning("NATS", error=repr(error))

    async def on_disconnected() -> None:
        bus.give_up_waiting()
        if not nc.is_closed:
            log.warning("NATS is away")

    async def on_reconnected() -> None:
        log.info("NATS is back")

    connecting = asyncio.ensure_future(
        nc.connect(
            servers(url),
            name=f"proximity-{service}",
            user=user,
            password=password,
            inbox_prefix=subjects.inbox(service),
            error_cb=on_error,
            disconnected_cb=on_disconnected,
            reconnected_cb=on_reconnected,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds, a fraction is fine
            ping_interval=10,
            max_outstanding_pings=2,
        )
    )
    watching = asyncio.ensure_future(refused.wait())
    try:
        await asyncio.wait({connecting, watching}, timeout=CONNECT_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not connecting.done():
            connecting.cancel()
    if bus.refused:
        await nc.close()
        raise RefusedError(bus.refused)
    try:
        await connecting
    except asyncio.CancelledError as error:
        await nc.close()
        raise TimeoutError(f"no NATS server answers at {url}") from error
    return bus


async def _prepared(bus: Bus) -> None:
    try:
        info = json.loads(await bus.request(subjects.stream_info(subjects.EVENTS), b""))
        if RESTORING in (info.get("config", {}).get("metadata") or {}):
            raise NotPreparedError("the log is being restored")
        found = await direct.all_of(bus, subjects.EVENTS, subjects.events_of("settings"))
        await bus.clock.refresh()
    except TimeoutError as error:
        if bus.refused:
            raise RefusedError(bus.refused) from error
        raise NotPreparedError("there is no stream EVENTS yet, or JetStream does not answer") from error
    for message in found:
        event = decode_event(message.headers["ce-type"].removeprefix("dev.proximity."), message.data)
        match event:
            case InstallationFounded(installation_id=installation_id):
                bus.installation_id = installation_id
            case InstallationRestored(backup_id=backup_id):
                bus.backup_id = backup_id
    if not bus.installation_id:
        raise NotPreparedError("the installation has not been founded yet")
