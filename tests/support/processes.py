"""Services as processes of their own: with an interpreter of their own, or forked off a process that knows them.

A fork costs next to nothing, an interpreter more than a second of a processor for what it imports. What a cold start
does besides is for the tests of each service's process.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["__main__", "proximity_provisioner.main", "proximity_reconciler.main", "proximity_simulator.main"]
)


@dataclass(frozen=True)
class Process:
    """`status`: of its exit, None as long as it runs, less than 0 for the signal that killed it. Waits so long."""

    pid: int
    status: Callable[[float], int | None]

    @property
    def running(self) -> bool:
        return self.status(0) is None

    def ended(self, within: float = 90.0) -> int:
        """Its exit status. Raises TimeoutError."""
        if (status := self.status(within)) is None:
            raise TimeoutError(f"process {self.pid} does not end")
        return status


def fork(
    module: str, output: Path, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Process:
    """`python -m module`, started. It does not outlive the tests. `environment`: beside the tests' own."""
    output.touch()
    passed = {**os.environ, **(environment or {})}
    process = _FORKS.Process(target=_run, args=(module, output, tuple(arguments), passed), daemon=True)
    process.start()
    assert process.pid is not None
    return Process(process.pid, lambda within: _joined(process, within))


def interpret(
    module: str, output: Path, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Process:
    """The same, cold."""
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **(environment or {})},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    return Process(process.pid, lambda within: _waited(process, within))


def _joined(process: BaseProcess, within: float) -> int | None:
    process.join(within)
    return process.exitcode


def _waited(process: subprocess.Popen[bytes], within: float) -> int | None:
    try:
        return process.wait(within)
    except subprocess.TimeoutExpired:
        return None


def _run(module: str, output: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    with output.open("ab") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
        os.dup2(sink.fileno(), sys.stderr.fileno())
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
