"""The acting port onto the Proxmox in memory, as one replica has it: each call is a point where a fault may happen."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from proximity.domain.application.events import StepName
from proximity.domain.application.image import Environment
from proximity.domain.application.marker import markers
from proximity.proxmox.connection import Connection
from proximity.proxmox.errors import (
    InvalidRequestError,
    ProxmoxError,
    RefusedError,
    RightsMissingError,
    UnansweredError,
)
from proximity.proxmox.hypervisor import ContainerSpec
from proximity.proxmox.observe import (
    GuestConfig,
    GuestSeen,
    GuestStatus,
    Membership,
    NodeSeen,
    Resources,
    StorageOnNode,
    Task,
    Version,
)
from sweep.guests import ADDRESS_AFTER, GIB, OFFERED
from sweep.points import Fault, Gate
from sweep.proxmox import Proxmox

T = TypeVar("T")
TRAVEL = 0.02  # seconds, a request or an answer
GIVES_UP_AFTER = 0.5
STORAGES = (
    StorageOnNode("local", "dir", frozenset({"vztmpl", "iso"}), True, False, 100 * GIB, 50 * GIB),
    StorageOnNode("local-lvm", "lvmthin", frozenset({"rootdir", "images"}), True, False, 200 * GIB, 100 * GIB),
)
RIGHTS = (
    *("VM.Allocate", "VM.Audit", "VM.PowerMgmt", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory"),
    *("VM.Config.Network", "VM.Config.Options", "Datastore.Audit", "Datastore.AllocateSpace", "Sys.Audit", "SDN.Use"),
    "Datastore.AllocateTemplate",
    "Sys.AccessNetwork",
)


@dataclass(frozen=True)
class Sent:
    """An effect that a replica asked for. `at`: seconds; `by`: the replica's name."""

    at: float
    by: str
    step: StepName
    node: str
    vmid: int | None
    fault: Fault | None


def _step_of(values: dict[str, str]) -> StepName:
    """Which step changes a configuration like that."""
    if "onboot" in values:
        return "configure"
    return "mark" if markers(values.get("description", "")) else "unmark"


class Port:
    def __init__(self, proxmox: Proxmox, gate: Gate, connection: Connection, told: Callable[[str, Any], None]) -> None:
        """`told`: what the oracles look at ("sent", "answered": Sent; "followed": upid)."""
        self.connection = connection
        self._proxmox = proxmox
        self._gate = gate
        self._told = told

    def close(self) -> None:
        """There is nothing to close."""

    # Observer

    async def version(self) -> Version:
        return await self._look("version", lambda: Version("9.2.11", "9.2"))

    async def node_version(self, node: str) -> Version:
        return await self._look("node_version", lambda: Version("9.2.11", "9.2"))

    async def permissions(self, path: str | None = None) -> dict[str, dict[str, int]]:
        rights = [right for right in RIGHTS if self._proxmox.audit or right != "Sys.Audit"]
        return await self._look("permissions", lambda: {path or "/": dict.fromkeys(rights, 1)})

    async def membership(self) -> Membership:
        def membership() -> Membership:
            if not self._proxmox.audit:
                raise RightsMissingError("Permission check failed (/, Sys.Audit)", 403)
            return Membership("home", self._proxmox.quorate)

        return await self._look("membership", membership)

    async def nodes(self) -> list[NodeSeen]:
        return await self._look("nodes", self._nodes_seen)

    def _nodes_seen(self) -> list[NodeSeen]:
        fingerprint = ":".join(["AA"] * 32)
        if not self._proxmox.audit:
            return [NodeSeen(node, True, fingerprint) for node in self._proxmox.nodes]
        return [
            NodeSeen(node, True, fingerprint, 8, 0.1, 64 * GIB, (8 + 8 * number) * GIB, 1000)
            for number, node in enumerate(self._proxmox.nodes)
        ]

    async def resources(self) -> Resources:
        return await self._look("resources", lambda: Resources(self._guests_seen(), tuple(self._nodes_seen())))

    def _guests_seen(self) -> tuple[GuestSeen, ...]:
        return tuple(
            GuestSeen(g.vmid, g.node, "lxc", g.config.get("hostname"), "running" if g.running else "stopped")
            for g in self._proxmox.guests.values()
        )

    async def storages(self, node: str) -> list[StorageOnNode]:
        return await self._look("storages", lambda: list(STORAGES))

    async def templates(self, node: str, storage: str) -> list[str]:
        def listed() -> list[str]:
            if storage not in {s.storage for s in STORAGES}:
                raise RefusedError(f"storage '{storage}' does not exist", 500)
            return sorted(v for n, v in self._proxmox.templates if n == node and v.startswith(f"{storage}:"))

        return await self._look("templates", listed)

    async def downloadable_templates(self, node: str) -> list[str]:
        return await self._look("downloadable_templates", lambda: list(OFFERED))

    async def node_time(self, node: str) -> int:
        return await self._look("node_time", lambda: int(self._proxmox.node_time()))

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        def config() -> GuestConfig:
            guest = self._proxmox.guest(node, vmid)
            description = guest.description.removesuffix("\n")
            return GuestConfig(guest.digest, description, guest.lock, dict(guest.config), dict(guest.environment))

        return await self._look("guest_config", config)

    async def guest_status(self, node: str, vmid: int) -> GuestStatus:
        def status() -> GuestStatus:
            guest = self._proxmox.guest(node, vmid)
            return GuestStatus("running" if guest.running else "stopped", guest.lock)

        return await self._look("guest_status", status)

    async def guest_addresses(self, node: str, vmid: int) -> list[str]:
        def addresses() -> list[str]:
            guest = self._proxmox.guests.get(vmid)
            up = guest and guest.running and self._proxmox.seconds() >= guest.up_since + ADDRESS_AFTER
            return [f"10.0.0.{vmid % 250}"] if up else []

        return await self._look("guest_addresses", addresses)

    async def vmid_in_use(self, vmid: int) -> bool:
        def used() -> bool:
            if vmid < 100:
                raise InvalidRequestError("Parameter verification failed.", 400, {"vmid": "must be at least 100"})
            return vmid in self._proxmox.guests

        return await self._look("vmid_in_use", used)

    async def tasks(self, node: str, *, vmid: int | None, type: str, since: int) -> list[Task]:
        user = self.connection.token_id
        return await self._look("tasks", lambda: self._proxmox.tasks(node, vmid, type, since, user))

    async def cluster_tasks(self) -> list[Task]:
        def all_tasks() -> list[Task]:
            upids = self._proxmox.workers if self._proxmox.audit else ()
            return [task for upid in upids if (task := self._proxmox.task(upid, self.connection.token_id))]

        return await self._look("cluster_tasks", all_tasks)

    async def task(self, upid: str) -> Task | None:
        self._told("followed", upid)
        return await self._look("task", lambda: self._proxmox.task(upid, self.connection.token_id))

    async def task_log(self, upid: str, last: int = 20) -> list[str]:
        def log() -> list[str]:
            worker = self._proxmox.workers.get(upid)
            return worker.log[-last:] if worker and not worker.log_gone else []

        return await self._look("task_log", log)

    # Hypervisor

    async def create_container(self, node: str, spec: ContainerSpec) -> str:
        user = self.connection.token_id
        return await self._act("create", node, spec.vmid, lambda: self._proxmox.create(node, spec, user))

    async def configure_container(
        self,
        node: str,
        vmid: int,
        values: dict[str, str],
        digest: str,
        environment: Environment | None = None,
        delete: Sequence[str] = (),
    ) -> None:
        await self._act(
            _step_of(values),
            node,
            vmid,
            lambda: self._proxmox.configure(node, vmid, values, digest, environment, delete),
        )

    async def start_container(self, node: str, vmid: int) -> str:
        user = self.connection.token_id
        return await self._act("start", node, vmid, lambda: self._proxmox.start(node, vmid, user))

    async def shutdown_container(self, node: str, vmid: int, timeout_seconds: int) -> str:
        user = self.connection.token_id
        return await self._act(
            "shutdown", node, vmid, lambda: self._proxmox.shutdown(node, vmid, timeout_seconds, user)
        )

    async def stop_container(self, node: str, vmid: int) -> str:
        user = self.connection.token_id
        return await self._act("stop", node, vmid, lambda: self._proxmox.stop(node, vmid, user))

    async def destroy_container(self, node: str, vmid: int) -> str:
        user = self.connection.token_id
        return await self._act("destroy", node, vmid, lambda: self._proxmox.destroy(node, vmid, user))

    async def download_template(self, node: str, storage: str, template: str) -> str:
        user = self.connection.token_id
        return await self._act(
            "download_template", node, None, lambda: self._proxmox.download(node, storage, template, user)
        )

    async def pull_image(self, node: str, storage: str, reference: str, archive: str) -> str:
        user = self.connection.token_id
        return await self._act("pull_image", node, None, lambda: self._proxmox.pull(node, storage, archive, user))

    # --- the way there and back

    async def _look(self, name: str, see: Callable[[], T]) -> T:
        fault = await self._gate.arrive("look", name, TRAVEL)
        if fault is not None:
            await asyncio.sleep(GIVES_UP_AFTER)
            self._gate.must_live()
            raise UnansweredError("Connection timed out", 596)
        seen = see()
        await self._gate.leave()
        return seen

    async def _act(self, step: StepName, node: str, vmid: int | None, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        fault = await self._gate.arrive("effect", f"{step} {vmid or ''}".strip(), TRAVEL)
        sent = Sent(self._proxmox.seconds(), self._gate.name, step, node, vmid, fault)
        self._told("sent", sent)
        await self._proxmox.let_go()
        match fault:
            case Fault("dies after" | "dies, late", seconds):
                self._later(sent, act, seconds)
                self._gate.die()
            case Fault("lost" | "late", seconds):
                self._later(sent, act, seconds)
            case Fault("held", seconds):
                released = asyncio.Event()
                self._proxmox.held.append((released, self._later(sent, act, seconds, released)))
        if fault is not None:
            await asyncio.sleep(GIVES_UP_AFTER)
            self._gate.must_live()
            raise UnansweredError("Connection timed out", 596)
        try:
            answer: T = await asyncio.shield(self._later(sent, act, 0.0))
        except ProxmoxError as error:
            await self._gate.leave(TRAVEL)
            if not isinstance(error, UnansweredError):
                self._told("answered", sent)
            raise
        await self._gate.leave(TRAVEL)
        self._told("answered", sent)
        return answer

    def _later(
        self,
        sent: Sent,
        act: Callable[[], Coroutine[Any, Any, Any]],
        seconds: float,
        released: "asyncio.Event | None" = None,
    ) -> "asyncio.Task[Any]":
        """It is executed then, or once it is released, whoever waits for it."""

        async def queued() -> Any:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for((released or asyncio.Event()).wait(), seconds)
            answer = await act()
            if isinstance(answer, str):
                self._proxmox.made[id(sent)] = answer
            return answer

        return self._proxmox.spawn(queued())
