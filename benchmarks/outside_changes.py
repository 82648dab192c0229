"""How soon the log has what somebody else did to an application's container, with the times and the budget as shipped.

Three applications on a simulated cluster; a stranger stops and starts each. What counts is when the finding is open or
closed in the log, against the end of the stranger's task. The promise is one of the browser, of which the log is most.
"""

import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from figures import Figure, show
from proximity.messaging.event_store import EventStore
from proximity.vault.key import create_key
from support.outside import Outsider
from support.reconciling import Stage
from support.servers import engine, start_nats
from support.simulator import SimulatorProcess

VMID = 20001
NAMES = ("One", "Two", "Three")
MEDIAN, WORST = 2.5, 6.0
AS_SHIPPED = {
    "look_every": 5.0,
    "tasks_every": 2.0,
    "members_every": 30.0,
    "rights_every": 300.0,
    "requests_a_minute": 45,
    "sweep_every": 1.0,
}
OUT_OF_STEP = 1.3
"""Seconds between the changes, so that they are not in step with what is asked every two seconds."""


def figures() -> list[Figure]:
    took = asyncio.run(_run())
    return [
        Figure("changed outside -> in the log, median", statistics.median(took), "s", target=MEDIAN),
        Figure("changed outside -> in the log, worst", max(took), "s", target=WORST),
    ]


async def _run() -> list[float]:
    """Seconds, of each change."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proximity-bench-")))
        simulator = SimulatorProcess(folder / "simulator")
        simulator.start()
        stack.callback(simulator.kill)
        nats = await start_nats(engine(), folder / "nats")
        stack.push_async_callback(nats.server.stop)
        stack.push_async_callback(nats.closing.aclose)
        create_key(folder / "vault.key")
        bus = await nats.connect("provisioner")
        stage = Stage(nats, folder, bus, EventStore(bus))
        watching = stage.start(**AS_SHIPPED)
        stack.push_async_callback(stage.stop, watching)
        return await _changes(stage, simulator)


async def _changes(stage: Stage, simulator: SimulatorProcess) -> list[float]:
    cluster_id = await stage.connect_cluster(simulator)
    applications = {
        VMID + number: await stage.application(simulator, cluster_id, VMID + number, name)
        for number, name in enumerate(NAMES)
    }
    for application_id in applications.values():
        await stage.observed(application_id)
    stranger, took = Outsider.stranger(simulator), []
    for vmid, application_id in applications.items():
        ended = await stranger.power(vmid, "stop")
        await stage.finding(application_id, "stopped_outside")
        took.append(time.monotonic() - ended)
        await asyncio.sleep(OUT_OF_STEP)
        ended = await stranger.power(vmid, "start")
        await stage.no_finding(application_id)
        took.append(time.monotonic() - ended)
        await asyncio.sleep(OUT_OF_STEP)
    stranger.close()
    return took


if __name__ == "__main__":
    show(figures())
