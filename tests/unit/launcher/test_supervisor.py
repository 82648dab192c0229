"""The supervisor starts again what dies, waits longer each time, and ends what it started."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proximity_launcher.failure import Exit, Failure
from proximity_launcher.up.logs import last_words, rotate
from proximity_launcher.up.ports import check_free, free_ports
from proximity_launcher.up.processes import Ledger
from proximity_launcher.up.supervisor import Backoff, Program, Supervised


def program(tmp_path: Path, code: str, ready: Callable[[], Awaitable[bool]], patience: float = 10.0) -> Program:
    return Program(
        "worker", (sys.executable, "-c", code), {}, tmp_path / "worker.log", ready, patience=patience, grace=2
    )


def supervised(tmp_path: Path, described: Program, said: list[str]) -> Supervised:
    return Supervised(described, Ledger(tmp_path / "processes.json"), said.append)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


def test_backoff_doubles_up_to_its_limit_and_forgets_after_a_healthy_run() -> None:
    backoff = Backoff(first=1, longest=5, healthy=30)
    assert [backoff.after(0) for _ in range(5)] == [1, 2, 4, 5, 5]
    assert [backoff.after(31), backoff.after(0)] == [1, 2]


async def test_killed_program_is_started_again_and_the_person_told(tmp_path: Path) -> None:
    said: list[str] = []
    worker: Supervised

    async def ready() -> bool:
        return worker.pid is not None and last_words(tmp_path / "worker.log") == "working"

    worker = supervised(
        tmp_path, program(tmp_path, "import time; print('working', flush=True); time.sleep(60)", ready), said
    )
    await worker.start()
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: worker.pid not in (None, first))
    await worker.stop()
    assert worker.pid is None
    assert said[0].startswith("worker was killed by SIGKILL; started again in 0.2 s.")


async def test_program_that_never_gets_ready_is_a_sentence_with_its_last_words(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    described = program(tmp_path, 'print(\'{"event": "no vault key"}\'); raise SystemExit(3)', never, patience=0.8)
    worker = supervised(tmp_path, described, [])
    with pytest.raises(Failure, match=r"worker is not ready after 1 s. It ended with status 3. .* no vault key"):
        await worker.start()
    await worker.stop()


async def test_program_that_is_not_installed_is_a_sentence(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    worker = supervised(tmp_path, Program("nats", ("/nowhere/nats",), {}, tmp_path / "nats.log", never), [])
    with pytest.raises(Failure, match=r"nats cannot be started: /nowhere/nats is missing. Run `make up`."):
        await worker.start()


async def test_stubborn_program_is_ended_after_its_grace(tmp_path: Path) -> None:
    said: list[str] = []

    async def ready() -> bool:
        return last_words(tmp_path / "worker.log") == "deaf"

    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    worker = supervised(tmp_path, program(tmp_path, code, ready), said)
    await worker.start()
    await worker.stop()
    assert worker.pid is None
    assert said == ["worker does not end by itself; it is ended now."]


def test_taken_port_is_named_with_the_way_to_change_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Failure, match=f"Port {port} is taken .* PROXIMITY_PORT={port + 1} make up") as refused:
            check_free(port, "PROXIMITY_PORT")
    assert refused.value.status is Exit.CONFLICT
    check_free(port, "PROXIMITY_PORT")


def test_free_ports_differ_and_are_given_to_no_outgoing_connection() -> None:
    found = free_ports(20)
    assert len(set(found)) == 20
    assert max(found) < 32768


def test_long_log_is_cut_and_one_older_file_kept(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("a") as writer:
        writer.write("old\n" * 10)
        writer.flush()
        rotate(log, limit=20)
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "api.log.1").read_text() == "old\n" * 10


@pytest.mark.parametrize(
    ("written", "quoted"),
    [
        ("first\nsecond\n\n", "second"),
        (
            '{"event": "stopped", "error": "permissions violation", "level": "error"}\n',
            "stopped: permissions violation",
        ),
        ("[1, 2]\n", "[1, 2]"),
        ("", ""),
    ],
)
def test_last_words(tmp_path: Path, written: str, quoted: str) -> None:
    (tmp_path / "log").write_text(written)
    assert last_words(tmp_path / "log") == quoted
