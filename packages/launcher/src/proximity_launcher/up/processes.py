"""No process outlives the launcher for long: a child ends with it, and what is left the next launcher ends."""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from proximity_launcher.up.data import write_private

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Identity:
    """One process and no other: a pid alone may have been given away since. `started`: clock ticks since boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        try:
            # field 22 of proc(5); the name in field 2 may hold spaces and brackets, so count from its end
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        return None if fields[0] == "Z" else cls(pid, int(fields[19]), boot)

    @property
    def alive(self) -> bool:
        return Identity.of(self.pid) == self


@dataclass(frozen=True)
class Recorded:
    name: str
    identity: Identity
    stop_signal: int


class Ledger:
    """The children of this launcher, on disk from the moment they exist."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._children: dict[str, Recorded] = {}

    def add(self, name: str, pid: int, stop_signal: int) -> None:
        identity = Identity.of(pid)
        if identity is not None:
            self._children[name] = Recorded(name, identity, stop_signal)
            self._write()

    def clear(self) -> None:
        self._children.clear()
        self._file.unlink(missing_ok=True)

    def end_stale(self, patience: float = 8.0) -> list[str]:
        """Ends what an earlier launcher left running, politely first; the names of what it ended."""
        stale = [child for child in self._read() if child.identity.alive]
        for child in stale:
            _send(child.identity, child.stop_signal)
        _wait_for_all(stale, patience)
        for child in stale:
            if child.identity.alive:
                _send(child.identity, signal.SIGKILL)
        _wait_for_all(stale, patience)
        self.clear()
        return [child.name for child in stale]

    def _write(self) -> None:
        write_private(self._file, json.dumps([asdict(child) for child in self._children.values()]))

    def _read(self) -> list[Recorded]:
        try:
            entries = json.loads(self._file.read_text())
        except FileNotFoundError:
            return []
        return [Recorded(e["name"], Identity(**e["identity"]), e["stop_signal"]) for e in entries]


def end_with_parent(number: int) -> Callable[[], None]:
    """To be run in the child before its program starts: the kernel sends it `number` when the launcher dies (Linux)."""
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    launcher = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != launcher:  # it died before we asked
            os.kill(os.getpid(), number)

    return arrange


def _send(identity: Identity, number: int) -> None:
    if identity.alive:
        os.kill(identity.pid, number)


def _wait_for_all(children: list[Recorded], patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and any(child.identity.alive for child in children):
        time.sleep(0.02)
