"""Keeps a program running: starts it, waits until it is ready, starts it again when it dies, ends it."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proximity_launcher.failure import Failure
from proximity_launcher.up.logs import last_words, rotate
from proximity_launcher.up.processes import Ledger, end_with_parent

Say = Callable[[str], None]


@dataclass
class Backoff:
    """Seconds to wait before the next start: doubles each time, and is forgotten after a run of `healthy` seconds."""

    first: float = 0.2
    longest: float = 10.0
    healthy: float = 30.0
    _next: float = field(default=0.0, init=False)

    def after(self, ran_for: float) -> float:
        if ran_for >= self.healthy or not self._next:
            self._next = self.first
        delay = self._next
        self._next = min(delay * 2, self.longest)
        return delay


@dataclass(frozen=True)
class Program:
    """`ready` tells whether it can be used; it is asked until it says yes or `patience` seconds are over.

    `death_signal` None: the command line itself arranges for the end with its parent.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals | None = signal.SIGTERM
    patience: float = 60.0
    grace: float = 15.0


class Supervised:
    """One program, kept running from `start` to `stop`."""

    def __init__(self, program: Program, ledger: Ledger, say: Say) -> None:
        self.program = program
        self._ledger = ledger
        self._say = say
        self._backoff = Backoff()
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._last_exit = ""

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Returns when the program is ready."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")
        until = time.monotonic() + self.program.patience
        while not await self.program.ready():
            if self._keeper.done():
                self._keeper.result()
            if time.monotonic() > until:
                raise Failure(self._not_ready(), code="not_ready")
            await asyncio.sleep(0.03)

    async def kept(self) -> None:
        """Ends only by raising the Failure of a program that cannot be started any more, or when it is stopped."""
        if self._keeper is not None:
            await asyncio.shield(self._keeper)

    async def stop(self, *, at_once: bool = False) -> None:
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGKILL if at_once else self.program.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.program.grace)
            except TimeoutError:
                self._say(f"{self.program.name} does not end by itself; it is ended now.")
                process.kill()
                await process.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _keep(self) -> None:
        while not self._stopping:
            rotate(self.program.log)
            began = time.monotonic()
            self._process = await self._spawn()
            status = await self._process.wait()
            if self._stopping:
                return
            delay = self._backoff.after(time.monotonic() - began)
            self._last_exit = _ending(status)
            self._say(f"{self.program.name} {self._last_exit}; started again in {delay:.1f} s. {self._last_words()}")
            await asyncio.sleep(delay)

    async def _spawn(self) -> asyncio.subprocess.Process:
        program = self.program
        # appended to, so that the file can be cut while the program writes; its own session: Ctrl-C is ours to pass on
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                env=dict(program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent(program.death_signal) if program.death_signal else None,
            )
        except FileNotFoundError as error:
            raise Failure(f"{program.name} cannot be started: {program.argv[0]} is missing. Run `make up`.") from error
        finally:
            os.close(log)
        self._ledger.add(program.name, process.pid, program.stop_signal)
        return process

    def _not_ready(self) -> str:
        why = f" It {self._last_exit}." if self._last_exit else ""
        return f"{self.program.name} is not ready after {self.program.patience:.0f} s.{why} {self._last_words()}"

    def _last_words(self) -> str:
        words = last_words(self.program.log)
        return f"Its log {self.program.log} ends: {words}" if words else f"Its log {self.program.log} is empty."


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"
