"""Somebody turns a container off or on, and a task tells of it: soon after the task's end the log says so."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from proximity.domain.application import events as app
from reality.stage import Stage, surprises
from sweep.loop import run

# Each is turned off and on again once: what flaps is told later on purpose.
APPLICATIONS = 20
# Until every configuration was read once.
KNOWN = 15 * 60.0
# Of the six seconds to the browser one is left for what comes after the log.
TOLD_WITHIN, LOOKED_EVERY = 5.0, 0.1


async def _changes(seed: int, *, restarted: bool) -> list[str]:
    random = Random(seed)
    stage = Stage(Random(seed))
    await stage.begin(applications=APPLICATIONS)
    for key in list(stage.busy):
        await stage.finish(key)
    await asyncio.sleep(KNOWN)
    if restarted:
        await stage.restart(0)
        await asyncio.sleep(60.0)
    late = []
    turned = random.sample(stage.living, APPLICATIONS)
    for key in [*turned, *reversed(turned)]:
        await asyncio.sleep(random.uniform(5.0, 20.0))
        if not await _told(stage, key):
            late.append(key)
    stage.end()
    return late


async def _told(stage: Stage, key: str) -> bool:
    """Whether what is done now is in the log in time."""
    there, head = stage.truth.guests[stage.made[key].vmid], len(stage.events())
    stage.truth.set(there.vmid, replace(there, running=not there.running), "vzstop" if there.running else "vzstart")
    ended = stage.truth.workers[-1].ends
    expected = app.FindingOpened if there.running else app.FindingClosed
    while stage.truth.seconds() - ended < TOLD_WITHIN:
        await asyncio.sleep(LOOKED_EVERY)
        if any(e.aggregate_id == key and isinstance(e.event, expected) for e in stage.events()[head:]):
            return True
    return False


@pytest.mark.parametrize(("seed", "restarted"), [(0, False), (1, True)])
def test_a_single_change_is_in_the_log_within_its_bound(seed: int, restarted: bool) -> None:
    with surprises() as found:
        assert run(_changes(seed, restarted=restarted)) == []
    assert found == []
