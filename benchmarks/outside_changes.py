"""How soon a browser knows what was done to an application's container: by Proximity itself, and by somebody else.

A whole `proximity up` with the times and the budget as shipped, a simulated Proxmox VE as fast as a real one, and a
client of the stream. Twenty of each: a container is stopped and started in turn by Proximity; ten are stopped, then
started, behind its back (one that comes and goes would be damped). What counts is when the browser knows that it
stopped or runs (its address comes when the container has one), or of the finding, against the end of the Proxmox task.
The requests are those that the simulator got in a minute in which nothing happens, and in one in which a container of
nobody is stopped or started each second.
"""

import asyncio
import itertools
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from figures import Figure, show
from support.outside import Outsider
from support.whole import Watcher, Whole

TIMES = 20
OUT_OF_STEP = 9.3
"""Seconds between the changes: not in step with what is asked every two seconds, and no more of them than the requests
of a minute allow to look at."""
MINUTE, A_MINUTE = 60.0, 45
STRANGERS = 101
KEPT = 20_000
"""As many requests as the simulator remembers."""


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as folder:
        whole = Whole(Path(folder), speed=1)
        try:
            whole.start()
            whole.set_up()
            whole.connect_simulator()
            applications = _deployed(whole)
            idle = _requests(whole, lambda: time.sleep(MINUTE))
            busy = _requests(whole, lambda: asyncio.run(_restless(whole)))
            with Watcher(whole).watching() as browser:
                own = [_own(whole, browser, applications[0], n) for n in range(TIMES)]
                foreign = asyncio.run(_foreign(whole, browser, applications))
        finally:
            whole.close()
    return [
        *_both("end of our own task -> browser", own, 0.3, 1.5),
        *_both("end of a foreign task -> browser", foreign, 2.5, 6.0),
        Figure("requests to Proxmox in a minute, idle", idle, "", target=A_MINUTE),
        Figure("requests to Proxmox in a minute, 1 change/s", busy, "", target=A_MINUTE),
    ]


def _both(what: str, took: Sequence[float], median: float, worst: float) -> list[Figure]:
    return [
        Figure(f"{what}, p50 of {len(took)}", statistics.median(took), "s", target=median),
        Figure(f"{what}, max of {len(took)}", max(took), "s", target=worst),
    ]


def _deployed(whole: Whole) -> list[str]:
    orders = [
        whole.order("POST", "/applications", {"recipe": "debian", "name": f"bench {n}"}) for n in range(TIMES // 2)
    ]
    for order in orders:
        assert whole.ended_operation(order["operation_id"])["status"] == "succeeded"
    return [str(order["application_id"]) for order in orders]


def _own(whole: Whole, browser: Watcher, application_id: str, number: int) -> float:
    """Seconds from the end of the task to the step that is done in the browser."""
    verb = ("stop", "start")[number % 2]
    operation_id = whole.order("POST", f"/applications/{application_id}/{verb}")["operation_id"]
    while not whole.simulator.state()["tasks_running"]:
        time.sleep(0.005)
    while whole.simulator.state()["tasks_running"]:
        time.sleep(0.005)
    ended = time.monotonic()

    def told() -> bool:
        steps = [step for row in browser.rows("operations", operation_id) for step in row["steps"]]
        return any(step["name"] == verb and step["status"] == "done" for step in steps)

    browser.wait_for(told)
    took = time.monotonic() - ended
    browser.wait_for_operation(operation_id, "succeeded")
    return took


async def _foreign(whole: Whole, browser: Watcher, applications: Sequence[str]) -> list[float]:
    """Seconds from the end of each task to the row that tells of it."""
    stranger, took = Outsider.stranger(whole.simulator), []
    for verb, application_id in itertools.product(("stop", "start"), applications):
        ended = await stranger.power(whole.get(f"/applications/{application_id}")["vmid"], verb)

        def told(verb: str = verb, application_id: str = application_id) -> bool:
            rows = browser.rows("applications", application_id)
            return bool(rows) and ("stopped_outside" in rows[-1]["findings"]) == (verb == "stop")

        await asyncio.to_thread(browser.wait_for, told)
        took.append(time.monotonic() - ended)
        await asyncio.sleep(OUT_OF_STEP)
    stranger.close()
    return took


def _requests(whole: Whole, meanwhile: Callable[[], None]) -> int:
    """Those of Proximity: whoever changes something only asks how its tasks are."""
    before = len(whole.simulator.requests())
    meanwhile()
    after = whole.simulator.requests()
    assert len(after) < KEPT, "older ones were forgotten"
    asked = [request for request in after[before:] if request["method"] == "GET"]
    return sum("/tasks/UPID" not in request["path"] for request in asked)


async def _restless(whole: Whole) -> None:
    stranger, end = Outsider.stranger(whole.simulator), time.monotonic() + MINUTE
    for number in itertools.count():
        began = time.monotonic()
        if began >= end:
            break
        await stranger.power(STRANGERS, ("stop", "start")[number % 2])
        await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
    stranger.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(figures())
