"""No process outlives the launcher for long, and no stranger is ended in its place."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proximity_launcher.up.processes import Identity, Ledger, end_with_parent

STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
POLITE = "import time\nprint('up', flush=True)\ntime.sleep(60)"


@pytest.fixture
def spawn() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_stale_children_are_ended_stubborn_ones_too(
    tmp_path: Path, spawn: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    polite, stubborn = spawn(POLITE), spawn(STUBBORN)
    earlier = Ledger(tmp_path / "processes.json")
    earlier.add("api", polite.pid, signal.SIGTERM)
    earlier.add("provisioner", stubborn.pid, signal.SIGTERM)

    assert Ledger(tmp_path / "processes.json").end_stale(patience=0.3) == ["api", "provisioner"]

    assert polite.wait(5) == -signal.SIGTERM
    assert stubborn.wait(5) == -signal.SIGKILL
    assert Ledger(tmp_path / "processes.json").end_stale() == []


def test_stranger_with_a_recorded_pid_lives_on(tmp_path: Path, spawn: Callable[[str], subprocess.Popen[bytes]]) -> None:
    stranger = spawn(POLITE)
    identity = Identity.of(stranger.pid)
    assert identity is not None
    ledger = Ledger(tmp_path / "processes.json")
    ledger.add("api", stranger.pid, signal.SIGTERM)
    file = tmp_path / "processes.json"
    file.write_text(file.read_text().replace(str(identity.started), str(identity.started - 1)))

    assert Ledger(file).end_stale(patience=0.2) == []
    assert stranger.poll() is None


def test_ended_process_has_no_identity(spawn: Callable[[str], subprocess.Popen[bytes]]) -> None:
    child = spawn(POLITE)
    identity = Identity.of(child.pid)
    assert identity is not None
    assert identity.alive
    child.kill()
    child.wait()
    assert not identity.alive


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, signal, subprocess, sys, time\n"
            "from proximity_launcher.up.processes import end_with_parent\n"
            "child = subprocess.Popen(['sleep', '60'], start_new_session=True,"
            " preexec_fn=end_with_parent(signal.SIGTERM))\n"
            f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
            "print('up', flush=True)\n"
            "time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    child = Identity.of(int(note.read_text()))
    assert child is not None
    assert child.alive
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 5
    while child.alive and time.monotonic() < until:
        time.sleep(0.01)
    assert not child.alive


def test_death_signal_can_be_arranged_here() -> None:
    assert callable(end_with_parent(signal.SIGTERM))
