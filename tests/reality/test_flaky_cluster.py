"""A thousand sweeps of a cluster that changes all the time, seen through one trouble after another by the services' own
code, which dies now and then. Nothing is ever falsely called gone, no application is lost, and once all can be seen,
the log says what is true, and then nothing more.
"""

import asyncio
from random import Random

import pytest

from proximity.domain.application import events as app
from reality.oracle import Oracle, disagreements
from reality.people import stir
from reality.stage import Stage, surprises
from reality.trouble import any_trouble
from sweep.loop import run

SWEEP = 5.0
SWEEPS = 1000
# For what no list shows (ten minutes), for what was damped, and for what could not be asked at once.
CALM, QUIET = 180, 150
# Seconds in calm within which a removal is told: three lists and a look, behind those at everything that is open.
TOLD_WITHIN = 120.0


async def _flaky(stage: Stage, sweeps: int) -> None:
    """Troubles last for ten sweeps or so, and changes come at any moment."""
    for _ in range(sweeps):
        share = stage.random.random()
        await asyncio.sleep(SWEEP * share)
        await stir(stage)
        for number, window in enumerate(stage.windows):
            if stage.random.random() < 0.1:
                window.trouble = any_trouble(stage.random, stage.truth.seconds(), stage.truth.guests)
            if stage.random.random() < 0.01:
                await stage.restart(number)
        await asyncio.sleep(SWEEP * (1 - share))


async def _remove_one(stage: Stage, oracle: Oracle) -> str:
    """In calm, of an application of which nothing is said: that it is told in time, or what was not."""
    for key in stage.living:
        vmid, state = stage.made[key].vmid, await stage.application(key)
        if not state.findings and stage.truth.guests[vmid].running:
            stage.truth.set(vmid, None, "vzdestroy")
            removed = stage.truth.seconds()
            await asyncio.sleep(TOLD_WITHIN)
            told = oracle.told.get(vmid, 0.0)
            return "" if told > removed else f"{key} was removed at {removed} and that was not told"
    return ""


async def _play(seed: int, sweeps: int) -> list[str]:
    stage = Stage(Random(seed), pooled=seed % 3 == 2, replicas=1 + seed % 2)
    await stage.begin(applications=8, strangers=5)
    oracle = Oracle(stage)
    await _flaky(stage, sweeps)
    for key in list(stage.busy):
        await stage.finish(key)
    stage.calm()
    await asyncio.sleep(SWEEP * CALM)
    wrong = await disagreements(stage)
    wrong += filter(None, [await _remove_one(stage, oracle)])
    await asyncio.sleep(SWEEP * CALM)
    wrong += await disagreements(stage)
    before = len(stage.events())
    await asyncio.sleep(SWEEP * QUIET)
    wrong += [f"said although all is quiet: {event}" for event in stage.events()[before:]]
    wrong += [f"{key} is lost" for key in stage.living if not (await stage.application(key)).deployed]
    stage.end()
    kinds = sorted({e.event.finding.kind for e in stage.said() if isinstance(e.event, app.FindingOpened)})
    asked = sum(len(window.asked) for window in stage.windows)
    print(f"seed {seed}: {asked} requests, {len(stage.said())} events, {len(stage.made)} applications, {kinds}")
    print(f"{len(oracle.unseen)} tasks ended unseen")
    return [*oracle.false, *wrong]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_falsely_gone_and_in_the_end_the_log_says_what_is_true(seed: int) -> None:
    with surprises() as found:
        assert run(_play(seed, SWEEPS)) == []
    assert found == []
