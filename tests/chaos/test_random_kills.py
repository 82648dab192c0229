"""Two replicas under a hail of kill -9 while applications come, change and go. PROXIMITY_CHAOS_KILLS: how many (20)."""

import asyncio
import os
import random

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from support.provisioning import ENDS, Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
KILLS = int(os.environ.get("PROXIMITY_CHAOS_KILLS", "20"))
SEED = int(os.environ.get("PROXIMITY_CHAOS_SEED", "1"))


async def live(stage: Stage, number: int) -> None:
    """One application's life, again and again until the kills are over."""
    application_id, deployment = await stage.deploy(f"Wiki {number}")
    await stage.succeeded(application_id, deployment, 120)
    for kind in (cmd.RestartApplication, cmd.StopApplication, cmd.StartApplication, cmd.DeleteApplication):
        await stage.succeeded(application_id, await stage.ask(kind, application_id), 120)


async def hail(stage: Stage, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 2.0))
        victim = chance.randrange(2)
        stage.provisioners[victim].kill()
        stage.provisioners[victim].start()


async def test_every_operation_ends_and_no_container_is_made_twice(stage: Stage) -> None:
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "2", "PROXIMITY_REPEAT_AFTER_SECONDS": "1"}
    stage.provisioner()
    stage.provisioner()
    await stage.connected()
    killing = asyncio.create_task(hail(stage, random.Random(SEED)))
    lives = 0
    while not killing.done():
        await asyncio.gather(*(live(stage, lives + n) for n in range(3)))
        lives += 3
    await killing

    creates = stage.creates()
    assert len(creates) == len({entry["vmid"] for entry in creates}) == lives
    assert stage.ours() == []
    records = await stage.everything()
    begun = {r.event.operation_id for r in records if isinstance(r.event, ev.Requested)}
    ended = [r.event.operation_id for r in records if isinstance(r.event, ENDS)]
    assert sorted(ended) == sorted(begun)
    taken = sum(isinstance(r.event, ev.StepTakenOver) for r in records)
    print(f"{KILLS} kills, {lives} lives, {len(begun)} operations, {taken} steps taken over")
