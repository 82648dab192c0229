"""Many containers go down at once, and no task tells of it: more than can be looked at one after the other."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from proximity.domain.application import events as app
from proximity_reconciler.budget import PER_MINUTE
from reality.oracle import disagreements
from reality.stage import Stage, surprises
from reality.wire import TRAVEL
from sweep.loop import run

MANY = 50
# Until every configuration was read once; and until each was looked at again whatever the lists told.
KNOWN, SETTLED = 45 * 60.0, 30 * 60.0
# The list is late, says it twice, and is asked for now and then.
TOLD_WITHIN = 60.0
SHORTEST = 60.0 - 2 * TRAVEL


def _told(stage: Stage, kind: type[app.FindingOpened | app.FindingClosed], since: int) -> set[str]:
    return {event.aggregate_id for event in stage.events()[since:] if isinstance(event.event, kind)}


def _power(stage: Stage, keys: set[str], *, running: bool) -> int:
    """It fails, or is back. The position of the log's head."""
    for key in sorted(keys):
        vmid = stage.made[key].vmid
        stage.truth.set(vmid, replace(stage.truth.guests[vmid], running=running))
    return len(stage.events())


async def _crash(seed: int, *, restarted: bool) -> list[str]:
    stage = Stage(Random(seed), pooled=seed % 2 == 1)
    await stage.begin(applications=2 * MANY)
    for key in list(stage.busy):
        await stage.finish(key)
    await asyncio.sleep(KNOWN)
    down = set(stage.living[:MANY])
    head = _power(stage, down, running=False)
    if restarted:
        await stage.restart(0)
    begun = stage.truth.seconds()
    await asyncio.sleep(TOLD_WITHIN)
    unknown = sorted(down - _told(stage, app.FindingOpened, head))
    wrong = [f"{key} is down and nobody knows" for key in unknown]
    head = _power(stage, down, running=True)
    await asyncio.sleep(TOLD_WITHIN)
    wrong += [f"{key} is up again and nobody knows" for key in sorted(down - _told(stage, app.FindingClosed, head))]
    await asyncio.sleep(SETTLED)
    wrong += await disagreements(stage)
    stage.end()
    [window] = stage.windows
    # counted where they arrive, which is a little later than where they are sent
    times = sorted(at for at, _ in window.asked if at > begun)
    minutes = zip(times, times[PER_MINUTE:], strict=False)
    wrong += [f"too much was asked in the minute after {first}" for first, last in minutes if last - first < SHORTEST]
    return wrong


@pytest.mark.parametrize(("seed", "restarted"), [(0, True), (1, False)])
def test_many_that_go_down_or_come_up_at_once_are_told_soon_and_in_the_end_the_log_says_what_is_true(
    seed: int, restarted: bool
) -> None:
    with surprises() as found:
        assert run(_crash(seed, restarted=restarted)) == []
    assert found == []
