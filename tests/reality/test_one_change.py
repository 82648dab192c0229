"""Somebody turns a container off or on, and a task tells of it: soon after the task's end the log says so, and who."""

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
UNEXPLAINED = "in time, but not by whom"


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
    missed = []
    turned = random.sample(stage.living, APPLICATIONS)
    for key in [*turned, *reversed(turned)]:
        await asyncio.sleep(random.uniform(5.0, 20.0))
        if (told := await _told(stage, key)) != "in time, and explained":
            missed.append(f"{key}: {told}")
    stage.end()
    return missed


async def _told(stage: Stage, key: str) -> str:
    """How what is done now is told in the log."""
    there, head = stage.truth.guests[stage.made[key].vmid], len(stage.events())
    stage.truth.set(there.vmid, replace(there, running=not there.running), "vzstop" if there.running else "vzstart")
    ended = stage.truth.workers[-1].ends
    while stage.truth.seconds() - ended < TOLD_WITHIN:
        await asyncio.sleep(LOOKED_EVERY)
        for event in [e.event for e in stage.events()[head:] if e.aggregate_id == key]:
            match event:
                case app.FindingOpened(finding=finding) if there.running:
                    return "in time, and explained" if finding.explained else UNEXPLAINED
                case app.FindingClosed() if not there.running:
                    return "in time, and explained"
    return "late"


# In the minutes after a restart few requests are left: one change may be told without its task, as with this seed.
@pytest.mark.parametrize(("seed", "restarted", "unexplained"), [(0, False, 0), (1, True, 1), (5, True, 0)])
def test_a_single_change_is_in_the_log_within_its_bound(seed: int, restarted: bool, unexplained: int) -> None:
    with surprises() as found:
        missed = run(_changes(seed, restarted=restarted))
    assert [m for m in missed if not m.endswith(UNEXPLAINED)] == []
    assert len(missed) <= unexplained, missed
    assert found == []
