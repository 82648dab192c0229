"""The processes under test: started, started again when they end, killed, frozen."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from proximity_launcher.up.processes import end_with_parent

AGAIN_AFTER = 0.3
"""Seconds from the end of a process to its next start, as a supervisor has it."""


class Startable(Protocol):
    """A program that can be started, and started again after it ended."""

    process: asyncio.subprocess.Process | None

    async def start(self) -> None: ...


@dataclass
class Service:
    """One of Proximity's own."""

    module: str
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, env=dict(self.environment), stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent(signal.SIGTERM),
            )  # fmt: skip


class Kept:
    """A program that is started again whenever it ends, until it is let go."""

    def __init__(self, name: str, program: Startable) -> None:
        self.name = name
        self.starts = 0
        self._program = program
        self._keeper: asyncio.Task[None] | None = None
        self._frozen: list[psutil.Process] = []

    def keep(self) -> None:
        """One that runs already is started when it ends."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def _keep(self) -> None:
        while True:
            # a server that is killed while it starts says so, and is started again like any other
            with contextlib.suppress(Exception):
                if not self.running:
                    self.starts += 1
                    await self._program.start()
                if self._program.process is not None:
                    await self._program.process.wait()
            await asyncio.sleep(AGAIN_AFTER)

    @property
    def running(self) -> bool:
        process = self._program.process
        return process is not None and process.returncode is None

    def kill(self) -> bool:
        """-9, and of a server with processes of its own to all of them. False: it does not run just now."""
        return self._signal(signal.SIGKILL)

    def freeze(self) -> bool:
        self._frozen = self._tree()
        return self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Only the very processes that were frozen: they may have been killed since, and others run in their place."""
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    process.resume()
        self._frozen = []

    async def let_go(self) -> None:
        """Ended, and not started again."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self.kill()
        if self._program.process is not None:
            await self._program.process.wait()

    def _tree(self) -> list[psutil.Process]:
        if not self.running or self._program.process is None:
            return []
        try:
            root = psutil.Process(self._program.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, number: signal.Signals) -> bool:
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        return bool(tree)
