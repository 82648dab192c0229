"""How soon a replica goes on with what another one left when it was killed.

Two provisioners and a reconciler; the one that has just announced a create is killed with SIGKILL. What counts is when
the log stored that its step was taken over, against the time of the kill. The floor is what its lease has left to live
at the kill: nobody may touch the step before that. Median of the runs; each is a stack of its own.
"""

import asyncio
import logging
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import structlog

from figures import Figure, show
from proximity.domain.application import events as ev
from proximity.messaging.buckets import leases
from proximity.messaging.streams import LEASE_TTL
from support.provisioning import ServiceProcess, Stage
from support.servers import engine, start_nats
from support.simulator import SimulatorProcess

RUNS = 5
MARGIN = 2.0


def figures() -> list[Figure]:
    took = [asyncio.run(_run()) for _ in range(RUNS)]
    floor = statistics.median(left for _, left in took)
    return [
        Figure(
            "kill -9 -> a living replica takes the step over, median",
            statistics.median(seconds for seconds, _ in took),
            "s",
            floor=floor,
            target=LEASE_TTL + MARGIN,
        ),
        Figure(
            "kill -9 -> a living replica takes the step over, worst",
            max(seconds for seconds, _ in took),
            "s",
            floor=floor,
            target=LEASE_TTL + MARGIN,
        ),
    ]


async def _run() -> tuple[float, float]:
    """Seconds from the kill to the takeover; how many of them the dead one's lease went on."""
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as name:
        folder = Path(name)
        simulator = SimulatorProcess(folder / "simulator")
        simulator.start()
        nats = await start_nats(engine(), folder / "nats")
        stage = await Stage.make(nats, simulator, folder)
        try:
            stage.provisioner()
            stage.provisioner()
            stage.reconciler()
            await stage.connected()
            return await _kill(stage)
        finally:
            stage.end()
            await nats.closing.aclose()
            await nats.server.stop()
            simulator.kill()


async def _kill(stage: Stage) -> tuple[float, float]:
    stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=2)
    application_id, operation_id = await stage.deploy()
    intended = await stage.happened(application_id, ev.StepIntended, step="create")
    runner: str = intended.event.runner
    victim = next(p for p in stage.provisioners if runner in p.output.read_text())
    killed = _kill_now(victim)
    key, bucket = f"runner.{runner}", leases(await stage.nats.connect("reconciler"))

    async def lease_is_over() -> bool:
        return await bucket.get(key) is None

    await stage.until(lease_is_over, bool)
    over = datetime.now(UTC)
    taken = await stage.happened(application_id, ev.StepTakenOver)
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1
    return (taken.stored_at - killed).total_seconds(), (over - killed).total_seconds()


def _kill_now(victim: ServiceProcess) -> datetime:
    """The log's clock is this machine's."""
    killed = datetime.now(UTC)
    victim.kill()
    return killed


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(figures())
