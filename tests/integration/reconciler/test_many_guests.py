"""Thousands of guests on three clusters are written once, in batches; a restart has nothing to say."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.reconciling import Stage, eventually, listed
from support.simulator import SimulatorProcess

CLUSTERS, EACH, DEMO = 3, 500, 12
# seconds: longer than a list of many takes, else nothing but lists is asked for
LOOK = 1.0


@pytest.fixture
def simulators(tmp_path: Path) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path / "simulator", clusters=CLUSTERS)
    process.start()
    yield process
    process.kill()


async def test_a_restart_with_many_guests_writes_nothing(stage: Stage, simulators: SimulatorProcess) -> None:
    applications = []
    for simulator in simulators.clusters:
        simulator.reset(extra=EACH)
        applications.append(await stage.application(simulator, await stage.connect_cluster(simulator)))
    first = stage.start(look_every=LOOK)
    many = CLUSTERS * (EACH + DEMO)

    async def all_written() -> bool:
        # not asked so often that it disturbs
        await asyncio.sleep(1.0)
        return len(await stage.store.aggregate_ids("guest")) >= many

    await eventually(all_written, within=200)
    for application_id in applications:
        await stage.observed(application_id)
    await stage.stop(first)
    guests = await stage.store.read(0, 100_000, categories=["guest"])
    assert len({r.aggregate_id for r in guests}) == len(guests) == many
    head = await stage.store.head()
    stage.start(look_every=LOOK)
    await asyncio.gather(*(listed(simulator, 10) for simulator in simulators.clusters))
    assert [r.event for r in await stage.store.read(head)] == []
