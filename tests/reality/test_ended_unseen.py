"""Tasks of ours end on Proxmox while no provisioner works: that is said once, in time, and changes nothing."""

import asyncio
from random import Random

import pytest

from proximity.domain.application import events as app
from proximity.domain.drift.overlooked import PATIENCE
from reality.oracle import Oracle, disagreements
from reality.stage import Stage, surprises
from reality.trouble import Trouble
from sweep.loop import run

# Since then it is known that all have ended: the longest one takes eight seconds, and then it is listed.
ENDED = 15.0
# The tasks are looked at every few seconds.
LOOKS = 5.0
A_WHILE = 300.0


async def _unseen(replicas: int, trouble: str) -> list[str]:
    """Some deployments are carried on in time, the others by nobody for a while."""
    stage = Stage(Random(1), replicas=replicas)
    await stage.begin(applications=8)
    oracle, mine = Oracle(stage), stage.living[:4]
    others = set(stage.living) - set(mine)
    await asyncio.sleep(ENDED)
    for key in mine:
        await stage.finish(key)
    if trouble == "restarted":
        await stage.restart(0)
    elif trouble == "without log":
        for window in stage.windows:
            window.trouble = Trouble(no_log=True)
        await asyncio.sleep(A_WHILE)
        stage.calm()
        await asyncio.sleep(PATIENCE.total_seconds() - LOOKS)
        assert _told(stage) == set(), "nobody could have taken note of anything"
    before = {key: (await stage.application(key)).operation for key in others}
    await asyncio.sleep(PATIENCE.total_seconds() + LOOKS)
    wrong = [f"{key} is told of, or not" for key in _told(stage) ^ others]
    await asyncio.sleep(A_WHILE)
    wrong += [f"{key} went on" for key in others if (await stage.application(key)).operation != before[key]]
    for key in others:
        await stage.finish(key)
    await asyncio.sleep(A_WHILE)
    wrong += await disagreements(stage)
    stage.end()
    return [*wrong, *oracle.false]


def _told(stage: Stage) -> set[str]:
    return {event.aggregate_id for event in stage.events() if isinstance(event.event, app.TaskEndedUnseen)}


@pytest.mark.parametrize(("replicas", "trouble"), [(2, "none"), (1, "restarted"), (1, "without log")])
def test_a_task_that_ended_and_that_nobody_takes_note_of_is_told_once(replicas: int, trouble: str) -> None:
    with surprises() as found:
        assert run(_unseen(replicas, trouble)) == []
    assert found == []
