"""Real servers for tests: NATS per test, PostgreSQL per session with a database per test.

Testcontainers run them where a Docker engine answers and has the images already; else the embedded binaries do.
"""

import asyncio
import secrets
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import docker
from docker.errors import DockerException
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from proximity.messaging.bootstrap import prepare
from proximity.messaging.connection import Bus, connect
from proximity.messaging.permissions import ADMIN, SERVICES, server_config
from proximity_launcher.nats_server import NatsServer
from proximity_launcher.postgres_server import USER, PostgresServer
from proximity_launcher.up.ports import free_ports

NATS_IMAGE = "nats:2.15"
POSTGRES_IMAGE = "postgres:18"
T = TypeVar("T")

# no image but these two is needed, and ports are on this machine's loopback, even where the tests are in a container
testcontainers_config.ryuk_disabled = True
testcontainers_config.connection_mode_override = ConnectionMode.docker_host

Engine = Literal["docker", "embedded"]


def engine() -> Engine:
    """What the tests' servers run on."""
    try:
        client = docker.from_env(timeout=2)
        for image in (NATS_IMAGE, POSTGRES_IMAGE):
            client.images.get(image)
    except DockerException:
        return "embedded"
    return "docker"


class NatsProcess(Protocol):
    folder: Path
    port: int

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...


@dataclass
class NatsContainer:
    """The same as NatsServer, in a container with its store on a mounted folder."""

    folder: Path
    passwords: dict[str, str]
    port: int = 0
    container: DockerContainer | None = None

    async def start(self) -> None:
        if self.container is not None:
            await asyncio.to_thread(self.container.get_wrapped_container().start)
            return
        self.port = free_ports(1)[0]
        self.folder.mkdir(parents=True, exist_ok=True)
        config = server_config(port=4222, store=Path("/data/jetstream"), passwords=self.passwords, host="0.0.0.0")
        (self.folder / "nats.conf").write_text(config)
        container = DockerContainer(NATS_IMAGE).with_command("-c /data/nats.conf")
        container.with_volume_mapping(str(self.folder), "/data", "rw").with_bind_ports(4222, self.port)
        container.waiting_for(LogMessageWaitStrategy("Server is ready"))
        self.container = await asyncio.to_thread(container.start)

    async def stop(self) -> None:
        if self.container is not None:
            await asyncio.to_thread(self.container.stop)

    async def kill(self) -> None:
        if self.container is not None:
            await asyncio.to_thread(self.container.get_wrapped_container().kill)


@dataclass
class Nats:
    """A prepared server of the test's own. Services connect with their own users."""

    server: NatsProcess
    passwords: dict[str, str] = field(repr=False)
    installation_id: str = ""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.server.port}"

    async def connect(self, service: str) -> Bus:
        """A connection that is closed at the end of the test."""
        bus = await connect(self.url, service, service, self.passwords[service])
        self.closing.push_async_callback(bus.close)
        return bus

    def password_file(self, user: str) -> Path:
        path = self.server.folder / f"{user}.password"
        path.touch(mode=0o600)
        path.write_text(self.passwords[user])
        return path

    async def prepare(self) -> str:
        return await prepare(self.url, ADMIN, self.passwords[ADMIN])

    async def restart(self) -> None:
        """As after a crash: killed, and started again with the same data on the same port."""
        await self.server.kill()
        await self.server.start()


async def start_empty(kind: Engine, folder: Path) -> Nats:
    """With its users, and nothing in it."""
    passwords = {user: secrets.token_urlsafe(16) for user in (ADMIN, *SERVICES)}
    server: NatsProcess = NatsServer(folder, passwords) if kind == "embedded" else NatsContainer(folder, passwords)
    await server.start()
    return Nats(server, passwords)


async def start_nats(kind: Engine, folder: Path) -> Nats:
    nats = await start_empty(kind, folder)
    nats.installation_id = await nats.prepare()
    return nats


@dataclass(frozen=True)
class Database:
    """An empty database of the test's own. The URL holds no password."""

    url: str
    password: str = field(repr=False)
    password_file: Path


class LoopThread:
    """An event loop that outlives the tests' own, for servers that live as long as the session."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Postgres:
    """One server for the session; `fresh` makes databases. Reachable from any event loop."""

    def __init__(self, kind: Engine, folder: Path) -> None:
        self._loop = LoopThread()
        self._password = secrets.token_urlsafe(16)
        self._container: DockerContainer | None = None
        self.server = PostgresServer(folder, self._password)
        if kind == "docker":
            self.server.port = free_ports(1)[0]
            container = DockerContainer(POSTGRES_IMAGE).with_bind_ports(5432, self.server.port)
            container.with_env("POSTGRES_USER", USER).with_env("POSTGRES_PASSWORD", self._password)
            container.with_env("POSTGRES_DB", "postgres")
            container.waiting_for(LogMessageWaitStrategy("ready to accept connections", times=2))
            self._container = container.start()
        else:
            self._loop.run(self.server.start())

    def fresh(self, folder: Path) -> Database:
        url = self._loop.run(self.server.create_database(f"test_{secrets.token_hex(6)}"))
        password_file = folder / "database.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        return Database(url, self._password, password_file)

    def restart(self) -> None:
        """As after a crash: killed, and started again with the same data on the same port."""
        if self._container is not None:
            self._container.get_wrapped_container().kill()
            self._container.get_wrapped_container().start()
            return
        self._loop.run(self.server.kill())
        self._loop.run(self.server.start())

    def close(self) -> None:
        if self._container is not None:
            self._container.stop()
        else:
            self._loop.run(self.server.stop())
        self._loop.close()
