"""NATS, PostgreSQL or Proxmox away for a minute in the middle of fifty operations: how many end well, and how soon.

Away is a process that stands still (SIGSTOP): connections stay, nothing answers. 25 applications are restarted and 25
deployed, on a simulated Proxmox VE that takes half as long as a real one. The value is the time from the end of the
outage to the end of the last operation. Each must have succeeded, and each application must have been made once.
"""

import logging
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import structlog

from figures import Figure, show
from support.whole import Whole

AWAY = 60.0
EACH = 25
PATIENCE = 600.0
PROCESSES = {"NATS": "nats", "PostgreSQL": "postgres", "Proxmox VE": "simulator"}


def figures() -> list[Figure]:
    return [_figure(what, process) for what, process in PROCESSES.items()]


def _figure(what: str, process: str) -> Figure:
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as folder:
        whole = Whole(Path(folder), "--provisioners", "2", speed=2)
        try:
            whole.start()
            whole.set_up()
            whole.connect_simulator()
            old, new = ([f"{age}-{number}" for number in range(EACH)] for age in ("old", "new"))
            applications = [_deploy(whole, name) for name in old]
            _end(whole, [operation_id for _, operation_id in applications])
            with ThreadPoolExecutor(max_workers=8) as people:
                restarts = list(people.map(lambda pair: _restart(whole, pair[0]), applications))
                deployments = [pair[1] for pair in people.map(lambda name: _deploy(whole, name), new)]
            with _away(whole.children()[process]):
                time.sleep(AWAY)
            back = time.monotonic()
            _end(whole, restarts + deployments)
            seconds = time.monotonic() - back
            for name in old + new:
                assert whole.journal(name) == ["create"], f"{name}: {whole.journal(name)}"
            return Figure(
                f"{what} away for {AWAY:.0f} s, {2 * EACH} operations: back -> all done, none twice", seconds, "s"
            )
        finally:
            whole.close()


def _deploy(whole: Whole, name: str) -> tuple[str, str]:
    accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": name})
    return str(accepted["application_id"]), str(accepted["operation_id"])


def _restart(whole: Whole, application_id: str) -> str:
    return str(whole.order("POST", f"/applications/{application_id}/restart")["operation_id"])


def _end(whole: Whole, operations: list[str]) -> None:
    """AssertionError: one did not succeed."""
    ended = [whole.ended_operation(operation_id, PATIENCE) for operation_id in operations]
    assert [row["status"] for row in ended] == ["succeeded"] * len(operations), ended


@contextmanager
def _away(process: psutil.Process) -> Iterator[None]:
    pids = [process.pid, *(child.pid for child in process.children(recursive=True))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(figures())
