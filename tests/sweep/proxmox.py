"""A Proxmox VE in memory: what its API's handlers and workers do to guests, at the pace of a real node.

The order of the steps is the measured one: a create shows only its lock at first, then the unlocked configuration with
the description, and `swap` last; a destroy leaves a bare lock before the configuration is gone; a killed worker leaves
what it had done, its config lock included. Times are in seconds.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Literal

from proximity.domain.application.image import Environment
from proximity.proxmox.errors import (
    AlreadyExistsError,
    ConfigurationChangedError,
    GuestMissingError,
    InvalidRequestError,
    LockedError,
    NoQuorumError,
    ProxmoxError,
    RefusedError,
    RightsMissingError,
    TagRefusedError,
    UnansweredError,
)
from proximity.proxmox.hypervisor import ContainerSpec
from proximity.proxmox.observe import Task
from sweep.guests import (
    CREATE,
    DESTROY,
    DIED,
    DOWN_AFTER,
    DOWNLOAD,
    OF_IMAGE,
    OFFERED,
    SEEN_DEAD_AFTER,
    SHUTDOWN,
    START,
    STOP,
    UP_AFTER,
    Entry,
    Flock,
    Guest,
    KilledError,
    Stage,
    TaskError,
    Worker,
    full,
    missing,
)


@dataclass
class Proxmox:
    """`seconds`: the time that goes on; the node's own clock is `epoch` ahead of it and of every other clock."""

    seconds: Callable[[], float]
    epoch: float
    nodes: tuple[str, ...] = ("pve1", "pve2")
    guests: dict[int, Guest] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    templates: set[tuple[str, str]] = field(default_factory=set)
    journal: list[Entry] = field(default_factory=list)
    deaths: list[tuple[str, Stage]] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)
    stubborn: bool = False
    quorate: bool = True
    tags_refused: bool = False
    startable: bool = True
    # how much longer a create takes
    slower: float = 1.0
    # requests in a queue, which the next one does not overtake
    held: list[tuple[asyncio.Event, "asyncio.Task[Any]"]] = field(default_factory=list)
    # what Proxmox made of a call, by the id of the call
    made: dict[int, str] = field(default_factory=dict)
    # whether the token may see the tasks of others, the nodes' figures and the quorum
    audit: bool = True
    under_way: int = 0
    pid: int = 1000
    on_create: Callable[[int], None] = lambda vmid: None
    _flocks: dict[int, asyncio.Lock] = field(default_factory=dict)

    def copy(self, seconds: Callable[[], float]) -> "Proxmox":
        """The same guests and tasks, nothing going on, to go on from."""
        now = self.seconds()
        other = Proxmox(seconds, self.epoch + now - seconds(), self.nodes, audit=self.audit)
        other.guests = copy.deepcopy(self.guests)
        for guest in other.guests.values():
            guest.up_since += seconds() - now
        other.workers = copy.deepcopy(self.workers)
        other.templates, other.journal = set(self.templates), list(self.journal)
        other.pid = self.pid
        return other

    def node_time(self) -> float:
        return self.epoch + self.seconds()

    # --- what is seen

    def guest(self, node: str, vmid: int) -> Guest:
        """Raises GuestMissingError."""
        guest = self.guests.get(vmid)
        if guest is None or guest.node != node:
            raise GuestMissingError(missing(node, vmid), 500)
        return guest

    def tasks(self, node: str, vmid: int | None, type_: str, since: int, user: str) -> list[Task]:
        found = [
            self._task(worker, listed=True)
            for worker in self.workers.values()
            if (worker.node, worker.type) == (node, type_)
            and worker.starttime >= since
            and (vmid is None or worker.id == str(vmid))
            and (self.audit or worker.user == user)
        ]
        return sorted(found, key=lambda task: task.starttime)

    def task(self, upid: str, user: str) -> Task | None:
        worker = self.workers.get(upid)
        if worker is None or worker.log_gone:
            return None
        if not self.audit and worker.user != user:
            raise RightsMissingError(f"Permission check failed (/nodes/{worker.node}, Sys.Audit)", 403)
        return self._task(worker, listed=False)

    def _task(self, worker: Worker, *, listed: bool) -> Task:
        running = worker.exitstatus is None
        if listed and worker.died_at is not None:
            running = self.seconds() < worker.died_at + SEEN_DEAD_AFTER
        return Task(
            worker.upid,
            worker.node,
            worker.type,
            worker.id,
            worker.user,
            worker.starttime,
            running,
            None if running else worker.exitstatus,
        )

    # --- the handlers: what a request does before it is answered

    async def create(self, node: str, spec: ContainerSpec, user: str) -> str:
        self.on_create(spec.vmid)
        self._writable()
        if taken := self.guests.get(spec.vmid):
            raise AlreadyExistsError(f"CT {spec.vmid} already exists on node '{taken.node}'", 500)
        if spec.rootfs_storage != "local-lvm":
            raise RefusedError(f"storage '{spec.rootfs_storage}' does not exist", 500)
        guest = self.guests[spec.vmid] = Guest(spec.vmid, node, {"lock": "create"})
        if self._dies("vzcreate", "gap"):
            self._note("create", guest, "")
            raise UnansweredError("Broken pipe", 596)
        return self._fork(node, "vzcreate", str(spec.vmid), user, lambda worker: self._creating(worker, guest, spec))

    async def configure(
        self,
        node: str,
        vmid: int,
        values: dict[str, str],
        digest: str,
        environment: Environment | None,
        delete: Sequence[str] = (),
    ) -> None:
        self.guest(node, vmid)
        async with self._flock(vmid, LockedError):
            guest = self.guest(node, vmid)
            self._writable()
            self._unlocked(guest, LockedError)
            if "tags" in values and self.tags_refused:
                raise TagRefusedError("Permission check failed (/, Sys.Modify for modifying tag 'proximity')", 403)
            if digest and digest != guest.digest:
                words = "detected modified configuration - file changed by other user? Try again."
                raise ConfigurationChangedError(words, 500)
            guest.config.update(values)
            if "description" in values:
                guest.config["description"] = values["description"].rstrip("\n") + "\n"
            for key in delete:
                guest.config.pop(key, None)
            if environment is not None:
                guest.environment = dict(environment)

    async def start(self, node: str, vmid: int, user: str) -> str:
        if (guest := self._here(node, vmid)) and guest.running:
            raise RefusedError(f"CT {vmid} already running", 500)
        return self._fork(node, "vzstart", str(vmid), user, lambda worker: self._starting(worker, node, vmid))

    async def stop(self, node: str, vmid: int, user: str) -> str:
        self._must_run(node, vmid)
        return self._fork(node, "vzstop", str(vmid), user, lambda worker: self._stopping(worker, node, vmid))

    async def shutdown(self, node: str, vmid: int, patience: int, user: str) -> str:
        self._must_run(node, vmid)
        return self._fork(
            node, "vzshutdown", str(vmid), user, lambda worker: self._shutting_down(worker, node, vmid, patience)
        )

    async def destroy(self, node: str, vmid: int, user: str) -> str:
        guest = self.guest(node, vmid)
        self._writable()
        self._unlocked(guest, LockedError)
        if guest.running:
            raise RefusedError(f"unable to destroy CT {vmid} - container is running", 500)
        return self._fork(node, "vzdestroy", str(vmid), user, lambda worker: self._destroying(worker, node, vmid))

    async def download(self, node: str, storage: str, template: str, user: str) -> str:
        if template not in OFFERED:
            raise InvalidRequestError("Parameter verification failed.", 400, {"template": "no such template"})
        return self._fork(node, "download", template, user, lambda worker: self._downloading(worker, storage, template))

    async def pull(self, node: str, storage: str, archive: str, user: str) -> str:
        file = f"{archive}.tar"
        if (node, f"{storage}:vztmpl/{file}") in self.templates:
            raise AlreadyExistsError(f"refusing to override existing file '{file}'", 500)
        return self._fork(node, "ociregistrypull", file, user, lambda worker: self._downloading(worker, storage, file))

    # --- the workers

    async def _creating(self, worker: Worker, guest: Guest, spec: ContainerSpec) -> None:
        self._note("create", guest, worker.upid)
        async with self._flock(guest.vmid):
            await asyncio.sleep(CREATE * self.slower / 3)
            self._may_die(worker, "early")
            if (guest.node, spec.template_volid) not in self.templates:
                self._drop(guest, worker)
                raise TaskError(f"unable to create CT {guest.vmid} - volume '{spec.template_volid}' does not exist")
            await asyncio.sleep(CREATE * self.slower / 3)
            guest.config = full(spec)
            if spec.template_volid.endswith(".tar"):
                guest.environment = dict(OF_IMAGE)
            await asyncio.sleep(CREATE * self.slower / 6)
            self._may_die(worker, "late")
            await asyncio.sleep(CREATE * self.slower / 6)
            guest.config["swap"] = "512"

    async def _starting(self, worker: Worker, node: str, vmid: int) -> None:
        async with self._flock(vmid):
            guest = self._found(node, vmid)
            self._may_die(worker, "early")
            await asyncio.sleep(UP_AFTER)
            if not self.startable:
                raise TaskError(f"startup for container '{vmid}' failed")
            if not guest.running:
                guest.running, guest.up_since = True, self.seconds()
            self._may_die(worker, "late")
            await asyncio.sleep(START - UP_AFTER)

    async def _stopping(self, worker: Worker, node: str, vmid: int) -> None:
        async with self._flock(vmid):
            guest = self._found(node, vmid)
            self._may_die(worker, "early")
            await asyncio.sleep(STOP)
            guest.running = False
            self._may_die(worker, "late")

    async def _shutting_down(self, worker: Worker, node: str, vmid: int, patience: int) -> None:
        async with self._flock(vmid):
            guest = self._found(node, vmid)
            self._may_die(worker, "early")
            if guest.running and not self.stubborn:
                self.spawn(self._going_down(guest))
            self._may_die(worker, "late")
            end = self.seconds() + patience
            while guest.running:
                if self.seconds() >= end:
                    raise TaskError("container did not stop")
                await asyncio.sleep(SHUTDOWN - DOWN_AFTER)

    async def _going_down(self, guest: Guest) -> None:
        up_since = guest.up_since
        await asyncio.sleep(DOWN_AFTER)
        if guest.up_since == up_since:
            guest.running = False

    async def _destroying(self, worker: Worker, node: str, vmid: int) -> None:
        async with self._flock(vmid):
            guest = self._found(node, vmid)
            if guest.running:
                raise TaskError(f"unable to destroy CT {vmid} - container is running")
            self._may_die(worker, "early")
            await asyncio.sleep(DESTROY * 2 / 3)
            guest.config = {"lock": "destroyed"}
            self._may_die(worker, "late")
            await asyncio.sleep(DESTROY / 3)
            self._drop(guest, worker)

    async def _downloading(self, worker: Worker, storage: str, template: str) -> None:
        self._may_die(worker, "early")
        await asyncio.sleep(DOWNLOAD)
        self.templates.add((worker.node, f"{storage}:vztmpl/{template}"))
        self._may_die(worker, "late")

    # --- tasks

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """It belongs to Proxmox: it goes on whoever asked for it lives or dies."""
        self.under_way += 1
        task = asyncio.get_running_loop().create_task(work, context=Context())
        task.add_done_callback(self._over)
        return task

    async def let_go(self) -> None:
        """What is held is executed now."""
        held, self.held = self.held, []
        for released, task in held:
            released.set()
            await asyncio.wait({task})

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self.under_way -= 1
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, ProxmoxError):
            raise error

    def _fork(self, node: str, type_: str, id_: str, user: str, work: Callable[[Worker], Awaitable[None]]) -> str:
        self.pid += 1
        start = int(self.node_time())
        upid = f"UPID:{node}:{self.pid:08X}:{self.pid * 7:08X}:{start:08X}:{type_}:{id_}:{user}:"
        worker = self.workers[upid] = Worker(upid, node, type_, id_, user, start)
        self.spawn(self._work(worker, work))
        return upid

    async def _work(self, worker: Worker, work: Callable[[Worker], Awaitable[None]]) -> None:
        try:
            await work(worker)
            worker.exitstatus = "OK"
        except TaskError as error:
            worker.exitstatus = str(error)
        except KilledError:
            worker.exitstatus, worker.died_at = DIED, self.seconds()
            return
        worker.log.append(f"TASK {'' if worker.exitstatus == 'OK' else 'ERROR: '}{worker.exitstatus}")

    def _dies(self, type_: str, stage: Stage) -> bool:
        if (type_, stage) not in self.deaths:
            return False
        self.deaths.remove((type_, stage))
        self.killed.append(f"{type_} {stage}")
        return True

    def _may_die(self, worker: Worker, stage: Stage) -> None:
        if self._dies(worker.type, stage):
            raise KilledError

    # --- what a person does on the node

    def do(self, command: str) -> None:
        """`pct unlock N && pct destroy N --purge`, or one of them."""
        for pct in command.split(" && "):
            _, what, number, *_ = pct.split()
            guest = self.guests[int(number)]
            if what == "unlock":
                guest.config.pop("lock", None)
            else:
                del self.guests[guest.vmid]
                self._note("destroy", guest, "")

    def made_by_another(self, node: str, vmid: int, config: dict[str, str], seconds: float) -> None:
        """Somebody else's create, which takes that long."""
        guest = self.guests[vmid] = Guest(vmid, node, {"lock": "create"})

        async def creating(worker: Worker) -> None:
            async with self._flock(vmid):
                await asyncio.sleep(seconds)
                guest.config = dict(config)

        self._fork(node, "vzcreate", str(vmid), "stranger@pam", creating)

    # --- guests

    def _flock(self, vmid: int, refusal: type[ProxmoxError] | None = None) -> "Flock":
        return Flock(self._flocks.setdefault(vmid, asyncio.Lock()), vmid, refusal)

    def _here(self, node: str, vmid: int) -> Guest | None:
        guest = self.guests.get(vmid)
        return guest if guest and guest.node == node else None

    def _found(self, node: str, vmid: int) -> Guest:
        """For a worker: there, and not locked."""
        guest = self._here(node, vmid)
        if guest is None:
            raise TaskError(missing(node, vmid))
        if guest.lock:
            raise TaskError(f"CT is locked ({guest.lock})")
        return guest

    def _must_run(self, node: str, vmid: int) -> None:
        guest = self._here(node, vmid)
        if guest is None or not guest.running:
            raise RefusedError(f"CT {vmid} not running", 500)

    def _unlocked(self, guest: Guest, refusal: type[ProxmoxError]) -> None:
        if guest.lock:
            raise refusal(f"CT is locked ({guest.lock})", 500)

    def _writable(self) -> None:
        if not self.quorate:
            raise NoQuorumError("cluster not ready - no quorum?", 500)

    def _drop(self, guest: Guest, worker: Worker) -> None:
        if self.guests.get(guest.vmid) is guest:
            del self.guests[guest.vmid]
            self._note("destroy", guest, worker.upid)

    def _note(self, action: Literal["create", "destroy"], guest: Guest, upid: str) -> None:
        self.journal.append(Entry(self.seconds(), action, guest.vmid, upid))
