"""A provisioner replica made as main.py makes it, with only its edge replaced: the client of NATS, the port to Proxmox,
the monotonic clock, the probe's socket and the names that are drawn by chance.
"""

import asyncio
import contextlib
import importlib
import itertools
import logging
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from proximity.domain.application.spec import Probe
from proximity.messaging import subjects
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.connection import Bus
from proximity.messaging.event_store import UnavailableError
from proximity.messaging.leases import Lease, Slots
from proximity.proxmox.connection import Connection
from proximity.proxmox.connections import Clients
from proximity.vault.vault import Vault
from proximity_provisioner import incarnation, main, slots
from proximity_provisioner.clusters import Clusters
from proximity_provisioner.settings import Settings
from proximity_provisioner.slots import Waiting
from sweep.line import Line
from sweep.log import Delivery, Log
from sweep.points import Died, Gate
from sweep.port import Port
from sweep.proxmox import Proxmox

BEGINNING = 1_790_000_000.0  # Unix seconds, of the log's clock
KEY = bytes(range(32))
INSTALLATION = "installation-1"
ANSWERS_AFTER = 2.0  # seconds of running, until the application answers its probe
SETTINGS = Settings(
    nats_url="", nats_password_file=Path("none"), vault_key_file=Path("none"), shutdown_timeout_seconds=3
)
RUNNING: ContextVar["Replica | None"] = ContextVar("replica", default=None)
"""Whose code this is."""


class Replica:
    """`skew`: how far its own clocks, wall and monotonic, are from the true time."""

    def __init__(
        self,
        name: str,
        log: Log,
        proxmox: Proxmox,
        gate: Gate,
        told: Callable[[str, Any], None],
        deliveries: Callable[[str], Awaitable[Delivery]],
        skew: float = 0.0,
    ) -> None:
        self.name = name
        self.gate = gate
        self.skew = skew
        # in the order of their beginning: a run must be the same each time
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.incarnations: list[str] = []
        self.errors: list[str] = []
        self._log = log
        self._proxmox = proxmox
        self._told = told
        self._deliveries = deliveries
        gate.on_unleased = self._lose_lease

    @property
    def dead(self) -> bool:
        return self.gate.dead

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.skew

    def port(self, connection: Connection) -> Port:
        return Port(self._proxmox, self.gate, connection, self._told)

    def next_name(self) -> str:
        self.incarnations.append(f"{self.name}.{len(self.incarnations) + 1}")
        return self.incarnations[-1]

    async def run(self) -> None:
        """Until it dies."""
        RUNNING.set(self)
        nc = cast(Client, Line(self._log, self.gate))
        clock = ServerClock(nc, self.monotonic)
        bus = Bus(nc, cast(JetStreamContext, None), main.SERVICE, clock, INSTALLATION)
        await clock.refresh()
        async with main._tools(bus, SETTINGS, KEY) as tools:
            _, inbox, hints = main._handlers(bus, tools, SETTINGS)
            async with asyncio.TaskGroup() as group:
                for durable, handle in (
                    (subjects.PROVISIONER_COMMANDS, inbox.handle),
                    (subjects.PROVISIONER_STEPS, hints.event),
                    (subjects.PROVISIONER_WAKE, hints.wake_up),
                ):
                    group.create_task(self._pump(nc, durable, handle))

    async def _pump(self, nc: Any, durable: str, handle: Callable[[Any], Awaitable[None]]) -> None:
        """As FastStream does: one message after the other; one whose handling failed comes again."""
        while True:
            delivery = await self._deliveries(durable)
            with contextlib.suppress(TimeoutError, UnavailableError):
                await handle(_Handed(nc, delivery))

    def _lose_lease(self) -> None:
        bucket = self._log.streams[subjects.bucket_stream(subjects.LEASES)]
        for incarnation_ in self.incarnations:
            key = subjects.bucket_key(subjects.LEASES, f"runner.{incarnation_}")
            if last := bucket.last(key):
                bucket.remove(last)

    def end(self) -> None:
        """What is left of it is unwound; its calls raise Died."""
        self.gate.dead = True
        for task in list(self.tasks):
            task.cancel()


class _Handed:
    """A message as FastStream hands it to a handler."""

    def __init__(self, line: Line, delivery: Delivery) -> None:
        message = delivery.message
        self.raw_message = Msg(line, message.subject, delivery.reply, message.data, message.headers)  # type: ignore[arg-type]
        self._line = line
        self._delivery = delivery

    async def ack(self) -> None:
        await self._line.acknowledge(self._delivery)

    async def nack(self, delay: float = 0.0) -> None:
        await self._line.acknowledge(self._delivery, delay)


def owned(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """The loop's task factory: a replica's tasks are known, so that they end with it."""
    context = options.get("context")
    owner = context.get(RUNNING) if context is not None else RUNNING.get()
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(owner.tasks.pop)
    return task


def _mine() -> Replica:
    replica = RUNNING.get()
    if replica is None:
        raise RuntimeError("no replica's code")
    return replica


class _Clusters(Clusters):
    def __init__(self, vault: Vault) -> None:
        super().__init__(vault)
        self._clients = Clients(cast(Any, _mine().port))


def _must_not_fail(task: "asyncio.Task[None]") -> None:
    """Where the process would end itself."""
    if not task.cancelled() and (error := task.exception()) and not isinstance(error, Died):
        replica = _mine()
        replica.errors.append(f"it would have ended itself: {error!r}")
        replica.gate.on_death()


async def _answers(wanted: Probe, address: str, port: int) -> bool:
    replica = _mine()
    await replica.gate.arrive("look", "probe", 0.01)
    running = [g for g in replica._proxmox.guests.values() if address == f"10.0.0.{g.vmid % 250}" and g.running]
    return any(replica._proxmox.seconds() >= g.up_since + ANSWERS_AFTER for g in running)


def _noted(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What is logged as an error, beside what a lost lease brings with it, is a mistake of the program."""
    replica, error = RUNNING.get(), sys.exc_info()[1]
    if replica and event["event"] != "the lease is lost" and not isinstance(error, incarnation.LeaseLostError):
        frames = "".join(traceback.format_tb(error.__traceback__)[-3:]) if error else ""
        replica.errors.append(f"{event['event']}: {error!r} {frames}")
    raise structlog.DropEvent


@contextlib.contextmanager
def _only_errors() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure([_noted], structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


@contextlib.contextmanager
def edge() -> Iterator[None]:
    """What a replica touches apart from the log and Proxmox. Its wall clock is its own: nothing may hang on it."""
    wall, mono = time.time, time.monotonic
    numbers = itertools.count()

    def skewed(real: Callable[[], float], beginning: float) -> float:
        replica = RUNNING.get()
        return real() if replica is None else beginning + replica.monotonic()

    with (
        _only_errors(),
        patch.object(incarnation, "Lease", lambda bucket, _: Lease(bucket, _mine().next_name(), _mine().monotonic)),
        patch.object(main, "Slots", lambda bucket: Slots(bucket, _mine().monotonic)),
        patch.object(slots, "Waiting", lambda: Waiting(_mine().monotonic)),
        patch.object(main, "Clusters", _Clusters),
        patch.object(main, "_must_not_fail", _must_not_fail),
        # the package has a function of the module's name
        patch.object(importlib.import_module("proximity_provisioner.steps.probe"), "_answers", _answers),
        patch("proximity.vault.vault.uuid4", lambda: f"value-{next(numbers)}"),
        patch("proximity_reconciler.writing.uuid4", lambda: f"correction-{next(numbers)}"),
        patch("proximity.messaging.publishing.uuid4", lambda: _Batch(next(numbers))),
        patch.object(time, "time", partial(skewed, wall, BEGINNING)),
        patch.object(time, "monotonic", partial(skewed, mono, 0.0)),
    ):
        yield


class _Batch:
    """The id of an atomic batch."""

    def __init__(self, number: int) -> None:
        self.hex = f"batch-{number}"
