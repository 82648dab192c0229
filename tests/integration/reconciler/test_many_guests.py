"""Thousands of guests on three clusters are written once, in batches; a restart of everything has nothing to say."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.reconciling import Stage, eventually, listed
from support.simulator import SimulatedCluster, SimulatorProcess

CLUSTERS, ALL, DEMO = 3, 5000, 12
EACH = -(-ALL // CLUSTERS)
APPLICATIONS = 10
"""On each cluster."""
# seconds: longer than a list of many takes, else nothing but lists is asked for
LOOK = 2.0
LISTS = 5


@pytest.fixture
def simulators(tmp_path: Path) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path / "simulator", clusters=CLUSTERS)
    process.start()
    yield process
    process.kill()


async def _applications(stage: Stage, simulator: SimulatedCluster) -> list[str]:
    cluster_id = await stage.connect_cluster(simulator)
    return [
        await stage.application(simulator, cluster_id, 20001 + number, f"Wiki-{number}")
        for number in range(APPLICATIONS)
    ]


async def _nothing_is_said(stage: Stage, simulators: SimulatorProcess, head: int) -> None:
    await asyncio.gather(*(listed(simulator, LISTS) for simulator in simulators.clusters))
    assert [r.event for r in await stage.store.read(head)] == []


@pytest.mark.slow
async def test_a_restart_of_everything_with_many_guests_writes_nothing(
    stage: Stage, simulators: SimulatorProcess
) -> None:
    for simulator in simulators.clusters:
        simulator.reset(extra=EACH - DEMO)
    asked = [_applications(stage, simulator) for simulator in simulators.clusters]
    applications = [application_id for some in await asyncio.gather(*asked) for application_id in some]
    first = stage.start(look_every=LOOK)

    async def all_written() -> bool:
        # not asked so often that it disturbs
        await asyncio.sleep(1.0)
        return len(await stage.store.aggregate_ids("guest")) >= CLUSTERS * EACH

    await eventually(all_written, within=200)
    await asyncio.gather(*(stage.observed(application_id) for application_id in applications))
    guests = await stage.store.read(0, 100_000, categories=["guest"])
    assert len({r.aggregate_id for r in guests}) == len(guests) == CLUSTERS * EACH >= ALL
    await stage.stop(first)
    head = await stage.store.head()
    second = stage.start(look_every=LOOK)
    await _nothing_is_said(stage, simulators, head)

    await stage.stop(second)
    simulators.kill()
    await stage.nats.restart()
    await asyncio.to_thread(simulators.start)
    stage.start(look_every=LOOK)
    await _nothing_is_said(stage, simulators, head)
