"""The observing adapter: proxmoxer in threads of its own. Only reads; see hypervisor.py for effects."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from proximity.proxmox import answers, charts
from proximity.proxmox.certificate import normal_fingerprint, trust
from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.errors import (
    ConnectionLostError,
    InvalidRequestError,
    NotNowError,
    ProxmoxError,
    RightsMissingError,
    UnansweredError,
    UnreachableError,
    UntrustedCertificateError,
)
from proximity.proxmox.observe import (
    GuestConfig,
    GuestStatus,
    Membership,
    NodeSeen,
    Point,
    Resources,
    StorageOnNode,
    StoragePoint,
    Task,
    Timeframe,
    Version,
)
from proximity.proxmox.task_id import TaskId
from proximity.proxmox.translation import is_transient, is_without_history
from proximity.proxmox.transport import Api

__all__ = ["Connection", "ProxmoxClient"]

T = TypeVar("T")
Path = Sequence[str | int]

THREADS = 8
PAGE = 500
LOG_LINES = 10_000


def _always(repeated: bool) -> bool:
    return True


class ProxmoxClient:
    """Observer of one cluster. Endpoints are tried in turn, beginning with the one that answered last; a read whose
    connection is cut (Proxmox's workers end after some requests) is asked once more.

    `allows`: asked before each request of a read, from any thread; told whether it is one beyond the read's first.
    False: it is not sent.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.allows: Callable[[bool], bool] = _always
        self._context = trust(connection)
        self._pinned = normal_fingerprint(connection.fingerprint) if connection.fingerprint else None
        self._endpoints = tuple(Endpoint.parse(endpoint) for endpoint in connection.endpoints)
        self._apis = tuple(self._open(endpoint) for endpoint in self._endpoints)
        self._preferred = 0
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="proxmox")

    def close(self) -> None:
        """What is in hand is finished; later calls raise UnreachableError."""
        self._threads.shutdown(wait=False)
        for api in self._apis:
            api.close()

    # Observer

    async def version(self) -> Version:
        return answers.version(await self._read("version"))

    async def node_version(self, node: str) -> Version:
        return answers.version(await self._read("nodes", node, "version"))

    async def permissions(self, path: str | None = None) -> dict[str, dict[str, int]]:
        return answers.permissions(await self._read("access", "permissions", path=path))

    async def membership(self) -> Membership:
        return answers.membership(await self._read("cluster", "status"))

    async def nodes(self) -> list[NodeSeen]:
        return answers.nodes(await self._read("nodes"))

    async def resources(self) -> Resources:
        return answers.resources(await self._read("cluster", "resources"))

    async def storages(self, node: str) -> list[StorageOnNode]:
        return answers.storages(await self._read("nodes", node, "storage"))

    async def templates(self, node: str, storage: str) -> list[str]:
        listed = await self._read("nodes", node, "storage", storage, "content", content="vztmpl")
        return [answers.text(entry, "volid") for entry in answers.rows(listed)]

    async def downloadable_templates(self, node: str) -> list[str]:
        listed = await self._read("nodes", node, "aplinfo")
        return [answers.text(entry, "template") for entry in answers.rows(listed)]

    async def node_time(self, node: str) -> int:
        try:
            entry = answers.row(await self._read("nodes", node, "time"))
        except RightsMissingError as error:
            if error.answered_at is None:
                raise
            return error.answered_at
        return int(answers.text(entry, "time"))

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        return answers.guest_config(await self._read("nodes", node, "lxc", vmid, "config"))

    async def guest_status(self, node: str, vmid: int) -> GuestStatus:
        path = ("nodes", node, "lxc", vmid, "status", "current")
        try:
            return answers.guest_status(await self._read(*path))
        except UnansweredError as error:
            if not is_transient(error):
                raise
            return answers.guest_status(await self._in_thread(lambda: self._read_from_any(path, {}, repeated=True)))

    async def guest_addresses(self, node: str, vmid: int) -> list[str]:
        return answers.addresses(await self._read("nodes", node, "lxc", vmid, "interfaces"))

    async def vmid_in_use(self, vmid: int) -> bool:
        try:
            await self._read("cluster", "nextid", vmid=vmid)
        except InvalidRequestError as error:
            if "already exists" not in error.errors.get("vmid", ""):
                raise
            return True
        return False

    async def tasks(self, node: str, *, vmid: int | None, type: str, since: int) -> list[Task]:
        found: dict[str, Task] = {}  # a task that is just ending can be listed twice
        start = 0
        while True:
            listed = await self._read(
                "nodes", node, "tasks",
                source="all", typefilter=type, since=since, vmid=vmid, start=start, limit=PAGE,
            )  # fmt: skip
            page = answers.listed_tasks(listed)
            found |= {task.upid: task for task in page if task.upid not in found or not task.running}
            if len(page) < PAGE:
                return sorted(found.values(), key=lambda task: task.starttime)
            start += PAGE

    async def cluster_tasks(self) -> list[Task]:
        listed = answers.listed_tasks(await self._read("cluster", "tasks"))
        return sorted(listed, key=lambda task: task.starttime)

    async def task(self, upid: str) -> Task | None:
        try:
            return answers.task(await self._read(*_task_path(upid), "status"))
        except InvalidRequestError as error:
            if error.errors.get("upid", "").strip() != "no such task":
                raise
            return None

    async def task_log(self, upid: str, last: int = 20) -> list[str]:
        listed = await self._read(*_task_path(upid), "log", limit=LOG_LINES)
        lines = [str(entry.get("t") or "") for entry in answers.rows(listed)]
        return [] if lines[:1] == ["no content"] or _is_gone(lines) else lines[-last:]

    async def node_history(self, node: str, timeframe: Timeframe) -> list[Point]:
        return charts.node_history(await self._read("nodes", node, "rrddata", timeframe=timeframe))

    async def guest_history(
        self, node: str, type: Literal["lxc", "qemu"], vmid: int, timeframe: Timeframe
    ) -> list[Point]:
        return charts.guest_history(await self._history(timeframe, "nodes", node, type, vmid))

    async def storage_history(self, node: str, storage: str, timeframe: Timeframe) -> list[StoragePoint]:
        return charts.storage_history(await self._history(timeframe, "nodes", node, "storage", storage))

    async def _history(self, timeframe: Timeframe, *of: str | int) -> Any:
        try:
            return await self._read(*of, "rrddata", timeframe=timeframe)
        except UnansweredError as error:
            if not is_without_history(error):
                raise
            return []

    # How calls travel

    async def _read(self, *path: str | int, **values: Any) -> Any:
        return await self._in_thread(lambda: self._read_from_any(path, values, repeated=False))

    def _read_from_any(self, path: Path, values: dict[str, Any], *, repeated: bool) -> Any:
        if not self.allows(repeated):
            raise NotNowError("enough was asked of this cluster in the last minute")

        def ask(index: int) -> Any:
            try:
                return self._apis[index].call("get", path, dict(values))
            except ConnectionLostError:
                if not self.allows(True):
                    raise
                return self._apis[index].call("get", path, dict(values))

        return self._first_answer(ask, lambda error: was_not_sent(error) or error.status is None)

    def _first_answer(self, ask: Callable[[int], T], passes_on: Callable[[ProxmoxError], bool]) -> T:
        """From the endpoint that answered last, then the others. If none answers, the first one's error."""
        failures: list[ProxmoxError] = []
        count = len(self._endpoints)
        start = self._preferred
        for index in [(start + i) % count for i in range(count)]:
            if failures and not self.allows(True):
                break
            try:
                answer = ask(index)
            except ProxmoxError as error:
                if not passes_on(error):
                    raise
                failures.append(error)
            else:
                self._preferred = index
                return answer
        raise failures[0]

    def _open(self, endpoint: Endpoint) -> Api:
        return Api(self.connection, endpoint, self._context, self._pinned)

    async def _in_thread(self, work: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        try:
            call = asyncio.get_running_loop().run_in_executor(threads or self._threads, work)
        except RuntimeError:  # the executor was shut down
            raise UnreachableError("this connection was closed") from None
        return await call


def was_not_sent(error: ProxmoxError) -> bool:
    return isinstance(error, UnreachableError | UntrustedCertificateError)


def _task_path(upid: str) -> tuple[str, str, str, str]:
    try:
        return "nodes", TaskId.parse(upid).node, "tasks", upid
    except ValueError as error:
        raise InvalidRequestError(str(error), errors={"upid": upid}) from None


def _is_gone(lines: list[str]) -> bool:
    return len(lines) == 1 and lines[0].startswith("unable to open file")
