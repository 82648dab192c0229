"""Fifty deployments at once, with the task times of a real Proxmox VE, against what the limits allow.

The floor is the shortest schedule there is: the containers' tasks as the simulated cluster ran them, as long as they
took, each begun the moment its slots are free (so many creates on a storage of a node, so many creates and starts on a
node), and nothing between one task and the next. The value is how long they took from the first order to the moment
when all are running. Templates are there before it begins. Median of the runs.
"""

import heapq
import json
import logging
import ssl
import statistics
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from figures import Figure, show
from proximity_provisioner.settings import Settings
from support.whole import Whole

RUNS = 3
APPLICATIONS = 50
NODES = ("pve1", "pve2")
SHARE = 0.85
PATIENCE = 600.0

Task = dict[str, Any]


def figures() -> list[Figure]:
    took = [_run() for _ in range(RUNS)]
    share = statistics.median(floor / seconds for seconds, floor in took)
    return [
        Figure(
            f"{APPLICATIONS} deployments at once",
            statistics.median(seconds for seconds, _ in took),
            "s",
            floor=statistics.median(floor for _, floor in took),
        ),
        Figure(
            f"{APPLICATIONS} deployments at once, of what the limits allow",
            share * 100,
            "%",
            target=SHARE * 100,
            at="least",
        ),
    ]


def _run() -> tuple[float, float]:
    """Seconds they took; seconds of the ideal schedule. AssertionError: one of them failed."""
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as folder:
        whole = Whole(Path(folder), speed=1)
        try:
            whole.start()
            whole.set_up()
            whole.connect_simulator()
            _deploy(whole, [f"first {node}" for node in NODES])
            known = {task["upid"] for task in _tasks(whole)}
            begun = time.monotonic()
            _deploy(whole, [f"app {number}" for number in range(APPLICATIONS)])
            seconds = time.monotonic() - begun
            return seconds, _ideal([task for task in _tasks(whole) if task["upid"] not in known])
        finally:
            whole.close()


def _deploy(whole: Whole, names: Sequence[str]) -> None:
    """Ordered at once, on each node as many. Returns when all run."""

    def order(number: int) -> str:
        body = {"recipe": "debian", "name": names[number], "node": NODES[number % len(NODES)]}
        return str(whole.order("POST", "/applications", body)["operation_id"])

    with ThreadPoolExecutor(max_workers=8) as people:
        ordered = list(people.map(order, range(len(names))))
    ended = [whole.ended_operation(operation_id, PATIENCE) for operation_id in ordered]
    assert [row["status"] for row in ended] == ["succeeded"] * len(names), ended


def _tasks(whole: Whole) -> list[Task]:
    """Of all nodes, as the simulated cluster lists them."""
    ready = json.loads((whole.data / "simulator" / "ready.json").read_text())
    context = ssl.create_default_context(cadata=ready["ca_pem"])
    found: list[Task] = []
    for node in NODES:
        request = urllib.request.Request(f"{ready['url']}/api2/json/nodes/{node}/tasks?limit=1000")
        request.add_header("Authorization", f"PVEAPIToken={ready['token_id']}={ready['token_secret']}")
        with urllib.request.urlopen(request, context=context) as answer:
            found += json.load(answer)["data"]
    return found


def _ideal(tasks: Sequence[Task]) -> float:
    """Seconds of the shortest schedule that keeps the limits: on each node by itself, as nothing is shared."""
    by_node: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        by_node[task["node"]][task["type"]].append(float(task["endtime"] - task["starttime"]))
    limits = Settings.model_fields
    per_node, per_storage = limits["per_node"].default, limits["per_storage"].default
    return max(_schedule(kinds["vzcreate"], kinds["vzstart"], per_node, per_storage) for kinds in by_node.values())


def _schedule(creates: Sequence[float], starts: Sequence[float], per_node: int, per_storage: int) -> float:
    """A create takes a slot of the node and one of the storage; its start follows, and goes before other creates."""
    to_create, to_start = list(creates), list(starts)
    running: list[tuple[float, str]] = []
    now, ready = 0.0, 0
    while to_create or to_start:
        creating = len([kind for _, kind in running if kind == "create"])
        if ready and len(running) < per_node:
            ready -= 1
            heapq.heappush(running, (now + to_start.pop(), "start"))
        elif to_create and len(running) < per_node and creating < per_storage:
            heapq.heappush(running, (now + to_create.pop(), "create"))
        else:
            now, kind = heapq.heappop(running)
            ready += kind == "create"
    return max(end for end, _ in running)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(figures())
