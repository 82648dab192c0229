"""A model cluster, a log in memory, and reconcilers that are made as main.py makes them, under virtual time.

Only the edges are replaced: the client of NATS, the socket to Proxmox, the monotonic clock.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import structlog
from nats.js import JetStreamContext

from proximity.domain.application import events as app
from proximity.domain.application.commands import CancelOperation
from proximity.domain.application.decider import decide, record
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Application
from proximity.domain.cluster import events as cluster
from proximity.domain.cluster.events import Findings
from proximity.domain.cluster.state import Cluster
from proximity.domain.model import Event
from proximity.messaging import buckets, subjects
from proximity.messaging.aggregates import APPLICATION, CLUSTER, GUEST, Aggregate
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import recorded
from proximity.messaging.direct import StoredMessage
from proximity.messaging.envelope import Actor, Origin, Recorded
from proximity.messaging.event_store import Conflict, EventStore
from proximity.proxmox.connections import Clients
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.vault import Vault
from proximity_reconciler.following import Follower
from proximity_reconciler.observers import Observers
from proximity_reconciler.settings import Settings
from proximity_reconciler.watch import Watch
from reality.trouble import Trouble
from reality.truth import NODES, OURS, Guest, Truth
from reality.wire import Window, WireClient
from support.life import CAUSE, SPEC
from sweep.line import Line
from sweep.log import Log

BEGINNING = 1_790_000_000.0
KEY = bytes(range(32))
INSTALLATION, CLUSTER_ID = "installation-1", "c1"
FIRST_VMID = 20000
SETTINGS = Settings(nats_url="", nats_password_file=Path("none"), vault_key_file=Path("none"))
TEST = Actor("system", "test")


class Stage:
    def __init__(self, random: Random, *, pooled: bool = False, replicas: int = 1) -> None:
        loop = asyncio.get_running_loop()
        self.random = random
        self.log = Log.prepared(datetime.fromtimestamp(BEGINNING).astimezone(), loop.time)
        self.truth = Truth(lambda: BEGINNING + loop.time(), random)
        self.windows = [Window(self.truth, pooled=pooled) for _ in range(replicas)]
        self.running: list[asyncio.Task[None]] = []
        # application -> its container as it was made; what is asked of it right now
        self.made: dict[str, Guest] = {}
        self.busy: dict[str, str] = {}
        # application -> whether it is to run, as a person has it in mind
        self.wanted: dict[str, bool] = {}
        self.deleted: set[str] = set()
        self._events: list[Recorded[Any]] = []

    async def begin(self, applications: int, strangers: int = 0) -> None:
        self._bus_of_all = await self.bus("api", Line(self.log))
        self.store = EventStore(self._bus_of_all)
        secret = await Vault(buckets.vault(self._bus_of_all), KEY).seal("secret")
        for vmid in range(100, 100 + strangers):
            self.truth.set(vmid, Guest(vmid, NODES[vmid % 3], name=f"stranger-{vmid}"))
        await self._append(
            CLUSTER,
            CLUSTER_ID,
            cluster.ConnectRequested(
                operation_id="connect", name="Home", slug="home",
                endpoints=tuple(f"https://{node}:8006" for node in NODES[:2]),
                token_id=OURS, token_secret=secret, fingerprint=None, ca=None,
                first_vmid=FIRST_VMID, last_vmid=29999, simulator=False,
            ),
            cluster.ClusterConnected(
                operation_id="connect", findings=Findings(version="9.2", proxmox_name="home", nodes=(), missing={})
            ),
            cluster.OperationSucceeded(operation_id="connect", kind="connect"),
        )  # fmt: skip
        for number in range(applications):
            await self.deploy(FIRST_VMID + number)
        for window in self.windows:
            await self._start(window)

    # --- the reconcilers

    async def _start(self, window: Window) -> None:
        bus = await self.bus("reconciler", _Unsteady(self.log, window), window)
        observers = Observers(Vault(buckets.vault(bus), KEY))
        observers._clients = Clients(cast(Any, partial(WireClient, window)))
        store = EventStore(bus)
        watch = Watch(
            CLUSTER_ID, bus, store, Follower(store, INSTALLATION), observers, ConfigurationHash(KEY), SETTINGS,
            asyncio.get_running_loop().time,
        )  # fmt: skip
        self.running.append(asyncio.create_task(watch.run(lambda: True)))

    async def restart(self, number: int) -> None:
        """Killed wherever it is, and started again with nothing but the log."""
        self.running.pop(number).cancel()
        window = self.windows.pop(number)
        self.windows.append(window)
        before, window.trouble = window.trouble, replace(window.trouble, no_log=False)
        await self._start(window)
        window.trouble = before

    async def bus(self, service: str, line: Line, window: Window | None = None) -> Bus:
        nc = cast(Client, line)
        clock = _Clock(nc, asyncio.get_running_loop().time, window)
        await clock.refresh()
        return Bus(nc, cast(JetStreamContext, None), service, clock, INSTALLATION)

    # --- the log

    def events(self) -> list[Recorded[Any]]:
        stream = self.log.streams[subjects.EVENTS]
        for sequence in range(len(self._events) + 1, stream.head + 1):
            m = stream.messages[sequence]
            self._events.append(recorded(StoredMessage(m.subject, m.sequence, m.at, m.headers, m.data)))
        return self._events

    def said(self) -> list[Recorded[Any]]:
        """What reconcilers wrote."""
        return [event for event in self.events() if event.metadata.actor.id == "reconciler"]

    @property
    def living(self) -> list[str]:
        return [application_id for application_id in self.made if application_id not in self.deleted]

    async def application(self, application_id: str) -> Application:
        state = (await self.store.load(APPLICATION, application_id)).state
        assert isinstance(state, Application)
        return state

    async def cluster(self) -> Cluster:
        state = (await self.store.load(CLUSTER, CLUSTER_ID)).state
        assert isinstance(state, Cluster)
        return state

    async def guest(self, vmid: int) -> Any:
        return (await self.store.load(GUEST, f"{CLUSTER_ID}-{vmid}")).state

    async def _append(self, aggregate: Aggregate[Any], aggregate_id: str, *events: Event) -> None:
        """Whatever a reconciler says at the same moment."""
        for event in events:
            while True:
                loaded = await self.store.load(aggregate, aggregate_id)
                cause = f"{aggregate_id}-{loaded.version}"
                with contextlib.suppress(Conflict):
                    await self.store.append(aggregate, aggregate_id, loaded, [event], Origin(cause, cause, TEST))
                    break

    # --- what Proximity does

    async def deploy(self, vmid: int) -> str:
        """On a number that is free."""
        key, op, node = f"a{len(self.made)}", f"a{len(self.made)}-deploy", self.random.choice(NODES)
        marker = Marker(INSTALLATION, key, op, vmid).line()
        guest = Guest(
            vmid, node, key, name=f"wiki-{key}", marker=marker, card=f"BC:24:11:00:00:{len(self.made):02X}",
            tags="proximity",
        )  # fmt: skip
        self.made[key] = guest
        await self._append(
            APPLICATION,
            key,
            app.DeployRequested(
                operation_id=op, name=guest.name, slug=guest.name, cluster_id=CLUSTER_ID, node=None, spec=SPEC
            ),
            app.VmidClaimed(operation_id=op, cluster_id=CLUSTER_ID, node=node, vmid=vmid),
            app.StepIntended(
                operation_id=op, step="create", runner="r", attempt=1, node=node, vmid=vmid, node_time=0
            ),
        )  # fmt: skip
        self.busy[key], self.wanted[key] = "deploy", True
        self.truth.set(vmid, guest, "vzcreate", OURS)
        upid = self.truth.workers[-1].upid
        await self._append(APPLICATION, key, app.TaskAccepted(operation_id=op, step="create", upid=upid))
        return key

    async def order(self, key: str, what: str) -> None:
        op = f"{key}-{len(self._events)}-{what}"
        self.busy[key] = what
        requested: dict[str, Event] = {
            "stop": app.StopRequested(operation_id=op),
            "start": app.StartRequested(operation_id=op),
            "delete": app.DeleteRequested(operation_id=op, force=False),
        }
        await self._append(APPLICATION, key, requested[what])

    async def in_vain(self, key: str) -> None:
        """Nothing of what was asked for came about: the call failed, or was cancelled before it was sent."""
        state = await self.application(key)
        assert state.operation
        op, what = state.operation.id, cast(Any, self.busy.pop(key))
        cancel = CancelOperation(operation_id=f"{op}-cancel", application_id=key, target_operation_id=op)
        failed = app.StepFailed(operation_id=op, step=what, cause=CAUSE)
        events = self.random.choice((decide(cancel, state), record(state, failed)))
        await self._append(APPLICATION, key, *events)

    async def finish(self, key: str) -> None:
        """What was asked for is done."""
        what, vmid = self.busy.pop(key), self.made[key].vmid
        state = await self.application(key)
        assert state.operation
        assert state.container
        op, node = state.operation.id, state.container.node
        done: list[Event] = []
        if what == "deploy":
            done = [app.ContainerCreated(operation_id=op, node=node, vmid=vmid), app.ContainerStarted(operation_id=op)]
        elif what == "delete":
            self.truth.set(vmid, None, "vzdestroy", OURS)
            self.deleted.add(key)
            done = [app.ContainerProvenGone(operation_id=op, node=node, vmid=vmid)]
        else:
            self.wanted[key] = what == "start"
            self.truth.set(vmid, replace(self.truth.guests[vmid], running=what == "start"), f"vz{what}", OURS)
            done = [app.ContainerStarted(operation_id=op) if what == "start" else app.ContainerStopped(operation_id=op)]
        kind = cast(Any, what)
        await self._append(APPLICATION, key, *done, app.OperationSucceeded(operation_id=op, kind=kind))

    def calm(self) -> None:
        for window in self.windows:
            window.trouble = Trouble()

    def end(self) -> None:
        for task in self.running:
            task.cancel()


class _Clock(ServerClock):
    """Wrong by as much as an answer of the server may be old."""

    def __init__(self, nc: Client, monotonic: Callable[[], float], window: Window | None) -> None:
        super().__init__(nc, monotonic)
        self._window = window

    def now(self) -> datetime:
        seen = super().now()
        return seen if self._window is None else datetime.fromtimestamp(
            seen.timestamp() + self._window.trouble.skew, seen.tzinfo
        )  # fmt: skip


class _Unsteady(Line):
    """NATS may not answer; what was sent is stored, or it is not."""

    def __init__(self, log: Log, window: Window) -> None:
        super().__init__(log)
        self._window = window

    async def _call(self, kind: Any, subject: str, act: Callable[[], Any]) -> Any:
        if not self._window.trouble.no_log:
            return await super()._call(kind, subject, act)
        if kind == "write" and self._window.truth.random.random() < 0.5:
            act()
        return None


@contextlib.contextmanager
def surprises() -> Iterator[list[str]]:
    """What is logged as an error: nothing that happens to a cluster is one of the program."""
    found: list[str] = []

    def noted(_: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if level in ("error", "exception", "critical"):
            found.append(f"{event}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure([structlog.processors.format_exc_info, noted], cache_logger_on_first_use=False)
    try:
        yield found
    finally:
        structlog.configure(**before)
