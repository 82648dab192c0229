"""One run: a log, a Proxmox, a reconciler that never fails, and provisioner replicas that do."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from nats.js import JetStreamContext

from proximity.domain.application.configuration import Configuration
from proximity.domain.application.evolve import evolve
from proximity.domain.application.state import INITIAL, NEVER, Application
from proximity.domain.cluster import events as cluster
from proximity.domain.cluster.events import Findings
from proximity.domain.drift import End, overlooked
from proximity.domain.model import Command, Event
from proximity.messaging import buckets, subjects
from proximity.messaging.aggregates import APPLICATION, CLUSTER, OPERATION
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.commands import Commands
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import recorded
from proximity.messaging.direct import StoredMessage
from proximity.messaging.envelope import Actor, Origin, Recorded
from proximity.messaging.event_store import EventStore
from proximity.messaging.wake import Wake
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.vault import Vault
from proximity_reconciler.following import Follower
from proximity_reconciler.sweep import Sweep
from proximity_reconciler.writing import Writer
from sweep.guests import Guest
from sweep.line import Line
from sweep.log import Delivery, Log
from sweep.points import Gate, Points
from sweep.proxmox import Proxmox
from sweep.replica import BEGINNING, INSTALLATION, KEY, Replica, owned

STRANGERS_CREATE = 40.0  # seconds
IMPATIENCE = 0.1  # seconds between two looks of a reconciler that has no patience
RESTART_AFTER = 1.0  # seconds from a replica's death to its successor
NODE_AHEAD = 437.0  # seconds: the node's clock is no other clock's
CLUSTER_ID = "c1"
TOKEN = "proximity@pve!provisioner"
ALICE = Actor("user", "alice")
HASHES = ConfigurationHash(KEY)


@dataclass
class World:
    points: Points
    log: Log
    proxmox: Proxmox
    skews: tuple[float, ...] = (0.0,)
    replicas: list[Replica] = field(default_factory=list)
    foreign: dict[int, tuple[str, bool]] = field(default_factory=dict)
    # those that may be adopted, with their digests as they were found
    found: dict[int, str] = field(default_factory=dict)
    # and what they are compared with from then on
    inspected: dict[int, Configuration] = field(default_factory=dict)
    told: Callable[["World", str, Any], None] = lambda world, what, about: None
    watch: Callable[["World"], None] = lambda world: None
    asked: list[str] = field(default_factory=list)
    resurrect: bool = True
    reconciling: "asyncio.Task[Any] | None" = None
    # every replica gets every message, as if each were delivered again too early
    everybody: bool = False
    # the reconciler tells of tasks that end before anybody could take note of them
    impatient: bool = False
    _news: list["asyncio.Future[None]"] = field(default_factory=list)
    _background: list["asyncio.Task[Any]"] = field(default_factory=list)
    _events: list[Recorded[Any]] = field(default_factory=list)

    # --- beginning and end

    @classmethod
    async def empty(cls) -> "World":
        """A connected cluster and guests of other people; no application, no replica."""
        seconds = asyncio.get_running_loop().time
        log = Log.prepared(datetime.fromtimestamp(BEGINNING).astimezone(), seconds)
        proxmox = Proxmox(seconds, BEGINNING + NODE_AHEAD)
        for vmid, node in ((100, "pve1"), (105, "pve2"), (20000, "pve2")):
            config = {"hostname": f"stranger-{vmid}", "description": "hands off\n", "memory": "512", "swap": "512"}
            proxmox.guests[vmid] = Guest(vmid, node, config, running=vmid == 100)
        # a copy of a guest of ours carries its line, with a number that is not its own
        copied = f"proximity:{INSTALLATION}:a1:op-deploy:20001\n"
        proxmox.guests[30001] = Guest(30001, "pve1", {"hostname": "copy", "description": copied, "swap": "512"})
        world = cls(Points(), log, proxmox)
        await world._connect_cluster()
        return world

    async def _connect_cluster(self) -> None:
        bus = await self._bus("api")
        secret = await Vault(buckets.vault(bus), KEY).seal("secret")
        store, operation = EventStore(bus), "op-connect"
        found = Findings(version="9.2", proxmox_name=None, nodes=(), missing={})
        for number, event in enumerate[Event](
            (
                cluster.ConnectRequested(
                    operation_id=operation,
                    name="Home",
                    slug="home",
                    endpoints=("https://pve:8006",),
                    token_id=TOKEN,
                    token_secret=secret,
                    fingerprint=None,
                    ca=None,
                    first_vmid=20000,
                    last_vmid=29999,
                    simulator=False,
                ),
                cluster.ClusterConnected(operation_id=operation, findings=found),
                cluster.OperationSucceeded(operation_id=operation, kind="connect"),
            )
        ):
            loaded = await store.load(CLUSTER, CLUSTER_ID)
            await store.append(CLUSTER, CLUSTER_ID, loaded, [event], Origin(f"cause-{number}", operation, ALICE))

    def copy(self, points: Points, skews: tuple[float, ...]) -> "World":
        """The same past in the running loop's time. Nothing may be going on in it."""
        seconds = asyncio.get_running_loop().time
        return World(
            points,
            self.log.copy(seconds),
            self.proxmox.copy(seconds),
            skews,
            found=dict(self.found),
            inspected=dict(self.inspected),
        )

    async def begin(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(owned)
        strangers = [guest for guest in self.proxmox.guests.values() if not self._ours(guest)]
        self.foreign = {guest.vmid: (guest.digest, guest.running) for guest in strangers}
        self.log.heard = [self._tell, lambda: self.watch(self)]
        bus = await self._bus("reconciler")
        store = EventStore(bus)
        follower = Follower(store, INSTALLATION)
        reconciler = Sweep(follower, buckets.leases(bus), Wake(bus), bus.clock, every=1.0)
        self.reconciling = self._start(reconciler.run())
        self._start(self._clockwork())
        if self.impatient:
            self._start(self._tell_on(follower, Writer(store, CLUSTER_ID, follower.knowledge.wrote)))
        for number, skew in enumerate(self.skews):
            self.add_replica(f"r{number + 1}", skew)

    def stranger_has(self, vmid: int, *, running: bool) -> None:
        """A container that is offered for adoption."""
        config = {"hostname": "old-wiki", "description": "Wiki\n\nkeep it\n", "tags": "docs", "swap": "512"}
        self.proxmox.guests[vmid] = Guest(vmid, "pve1", config, running=running)
        self.found[vmid] = self.proxmox.guests[vmid].digest
        self.inspected[vmid] = self.configuration(vmid)

    def somebody_changes(self, vmid: int) -> None:
        """One that was inspected, before it is marked."""
        self.proxmox.guests[vmid].config["cores"] = "4"
        self.found[vmid] = self.proxmox.guests[vmid].digest

    def configuration(self, vmid: int) -> Configuration:
        """As it is now."""
        guest = self.proxmox.guests[vmid]
        return HASHES.configuration(vmid, guest.config, guest.environment)

    def stranger_takes(self, vmid: int) -> None:
        """The first time somebody asks for this number, a stranger has been faster, and is at it for a while."""
        self.proxmox.on_create = lambda _: None
        config = {"hostname": "faster", "swap": "512"}
        self.proxmox.made_by_another("pve1", vmid, config, STRANGERS_CREATE)
        self.foreign[vmid] = (Guest(vmid, "pve1", config).digest, False)

    def add_replica(self, name: str, skew: float) -> None:
        gate = Gate(self.points, name)

        def told(what: str, about: Any) -> None:
            self.told(self, what, about)

        replica = Replica(name, self.log, self.proxmox, gate, told, self._deliver(gate), skew)

        def on_death() -> None:
            gate.dead = True
            loop = asyncio.get_running_loop()
            loop.call_soon(replica.end, context=Context())
            if self.resurrect:
                successor = f"{name}b"
                loop.call_later(RESTART_AFTER, self.add_replica, successor, skew, context=Context())

        gate.on_death = on_death
        self.replicas.append(replica)

        def over(task: "asyncio.Task[Any]") -> None:
            if task.cancelled() or gate.dead:
                return
            if not isinstance(error := task.exception(), TimeoutError):
                replica.errors.append(f"it ended: {error!r}")
            # a process that could not start is started again
            on_death()

        self._start(replica.run()).add_done_callback(over)

    def end(self) -> None:
        self.resurrect = False
        for replica in self.replicas:
            replica.end()
        for task in self._background:
            task.cancel()

    def _start(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work, context=Context())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._background.append(task)
        return task

    # --- what people do

    async def send(self, aggregate_id: str, command: Command) -> None:
        self.asked.append(command.operation_id)
        bus = await self._bus("api")
        origin = Origin(command.operation_id, command.operation_id, ALICE)
        await Commands(bus).send("application", aggregate_id, command, origin)

    # --- the log

    def events(self) -> list[Recorded[Any]]:
        """All of them, as the log has them now."""
        stream = self.log.streams[subjects.EVENTS]
        for sequence in range(len(self._events) + 1, stream.head + 1):
            m = stream.messages[sequence]
            self._events.append(recorded(StoredMessage(m.subject, m.sequence, m.at, m.headers, m.data)))
        return self._events

    def of_application(self, aggregate_id: str) -> list[Recorded[Any]]:
        return [r for r in self.events() if (r.category, r.aggregate_id) == (APPLICATION.category, aggregate_id)]

    def application(self, aggregate_id: str, position: int | None = None) -> Application | None:
        """After the event of that position, or after all."""
        state: Any = INITIAL
        for record in self.of_application(aggregate_id):
            if position is not None and record.position > position:
                break
            state = evolve(state, record.event, record.stored_at)
        return state if isinstance(state, Application) else None

    def rejected(self, operation_id: str) -> list[Recorded[Any]]:
        return [r for r in self.events() if (r.category, r.aggregate_id) == (OPERATION.category, operation_id)]

    @property
    def undecided(self) -> int:
        """Commands that are still there."""
        return len(self.log.streams[subjects.COMMANDS].messages)

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Whether it came true. Looked at whenever something is stored, and each second."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while not condition():
            if loop.time() >= end:
                return False
            await self._pulse(min(1.0, end - loop.time()))
        return True

    def fingerprint(self) -> tuple[int, object]:
        """What somebody finds who comes now: the log, what is in somebody's hands, Proxmox."""
        log = [(stream.head, len(stream.messages)) for stream in self.log.streams.values()]
        given = [tuple(consumer.given) for consumer in self.log.consumers.values()]
        guests = [(guest.vmid, guest.digest, guest.running) for guest in self.proxmox.guests.values()]
        workers = [worker.exitstatus for worker in self.proxmox.workers.values()]
        all_of_it = (log, given, sorted(self.log.schedules), guests, workers, sorted(self.proxmox.templates))
        return self.log.streams[subjects.EVENTS].head, all_of_it

    # --- deliveries

    def _deliver(self, gate: Gate) -> Callable[[str], Any]:
        mine = {name: c.copy(c.stream) for name, c in self.log.consumers.items()} if self.everybody else {}

        async def next_of(durable: str) -> Delivery:
            consumer = mine.get(durable) or self.log.consumers[durable]
            loop = asyncio.get_running_loop()
            while True:
                gate.must_live()
                if delivery := consumer.next(loop.time()):
                    return delivery
                due = consumer.next_due()
                await self._pulse(None if due is None else due - loop.time())

        return next_of

    async def _clockwork(self) -> None:
        """Lets the wake-ups become due."""
        while True:
            due = self.log.due()
            await self._pulse(None if due is None else (due - self.log.now()).total_seconds())

    async def _tell_on(self, follower: Follower, writer: Writer) -> None:
        """What a reconciler does after half a minute."""
        while True:
            ends = {w.upid: End(w.exitstatus, w.starttime) for w in self.proxmox.workers.values() if w.exitstatus}
            await follower.follow()
            known = follower.knowledge.followed(CLUSTER_ID)
            said, _ = overlooked(known, ends, dict.fromkeys(ends, NEVER), self.log.now())
            for application_id, event in said.items():
                await writer.append_to_operation(application_id, event)
            await self._pulse(IMPATIENCE)

    async def _pulse(self, within: float | None) -> None:
        """Until something is stored, or that time is over."""
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        self._news.append(news)
        timer = None if within is None else loop.call_later(max(within, 1e-6), _wake, news)
        try:
            await news
        finally:
            if timer:
                timer.cancel()

    def _tell(self) -> None:
        news, self._news = self._news, []
        for waiting in news:
            _wake(waiting)

    async def _bus(self, service: str) -> Bus:
        """Of somebody to whom nothing ever happens."""
        nc = cast(Client, Line(self.log))
        bus = Bus(
            nc, cast(JetStreamContext, None), service, ServerClock(nc, asyncio.get_running_loop().time), INSTALLATION
        )
        await bus.clock.refresh()
        return bus

    @staticmethod
    def _ours(guest: Guest) -> bool:
        return f":{guest.vmid}\n" in guest.description and "proximity:" in guest.description


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
