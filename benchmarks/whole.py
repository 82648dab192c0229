"""The whole of `proximity up`: seconds to ready, what it costs when nothing happens, and how soon a browser knows.

Each value is the median of three. The simulated cluster is connected while memory and CPU are looked at, so the
reconciler does its work; the simulator itself is not counted.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bare import command_to_reader
from figures import Figure, show
from support.whole import Watcher, Whole

RUNS = 3
COMMANDS = 100
IDLE_SECONDS = 20.0
# of each command both times, and the bare ones
Run = tuple[list[tuple[float, float]], list[float]]


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as folder:
        starts, idle, commands = [], [], []
        for run in range(RUNS):
            whole = Whole(Path(folder) / str(run), speed=50)
            try:
                begun = time.perf_counter()
                whole.start()
                starts.append(time.perf_counter() - begun)
                whole.set_up()
                whole.connect_simulator()
                idle.append(_idle(whole))
                floor = asyncio.run(command_to_reader(Path(folder) / str(run), COMMANDS))
                commands.append((_commands(whole), floor))
            finally:
                whole.close()
    return [
        Figure("first start to the ready line", statistics.median(starts), "s", target=8),
        Figure("idle memory (PSS), without simulator", statistics.median(m for m, _ in idle), "MiB", target=400),
        Figure("idle CPU, without simulator", statistics.median(c for _, c in idle), "% of a core", target=3),
        _latency("command accepted -> browser, p50", 0.50, 1, commands, target=20),
        _latency("command accepted -> browser, p99", 0.99, 1, commands, target=60),
        _latency("request sent -> browser, p50", 0.50, 0, commands),
        _latency("request sent -> browser, p99", 0.99, 0, commands),
    ]


def _latency(name: str, share: float, which: int, runs: list[Run], target: float | None = None) -> Figure:
    value = statistics.median(_quantile([pair[which] for pair in took], share) for took, _ in runs)
    floor = statistics.median(_quantile(bare, share) for _, bare in runs)
    return Figure(name, value * 1000, "ms", floor=floor * 1000, target=target)


def _quantile(took: list[float], share: float) -> float:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))]


def _idle(whole: Whole) -> tuple[float, float]:
    """Memory in MiB, CPU in percent of one core."""
    assert whole.process is not None
    # what the start and the first sweep needed is over by then
    time.sleep(5)
    processes = [psutil.Process(whole.process.pid)]
    for name, child in whole.children().items():
        if name != "simulator":
            processes += [child, *child.children(recursive=True)]
    before = sum(_cpu(process) for process in processes)
    time.sleep(IDLE_SECONDS)
    cpu = (sum(_cpu(process) for process in processes) - before) / IDLE_SECONDS * 100
    return sum(process.memory_full_info().pss for process in processes) / 2**20, cpu


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _commands(whole: Whole) -> list[tuple[float, float]]:
    """Seconds from before the request, and from its answer 202, to the frame with the operation; one by one."""
    accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": "bench"})
    assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    took = []
    with Watcher(whole).watching() as browser, whole.client() as client:
        for number in range(COMMANDS):
            verb = "start" if number % 2 else "stop"
            begun = time.perf_counter()
            answer = client.post(f"/applications/{accepted['application_id']}/{verb}")
            accepted_at = time.perf_counter()
            operation_id = answer.json()["operation_id"]
            browser.wait_for_operation(operation_id, "succeeded")
            seen = browser.first_seen(operation_id)
            took.append((seen - begun, max(0.0, seen - accepted_at)))
    return took


if __name__ == "__main__":
    show(figures())
