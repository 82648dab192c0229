"""An hour in which nothing happens, with the times and the budget as shipped: not one event."""

import asyncio
from random import Random

from reality.oracle import disagreements
from reality.stage import Stage, surprises
from reality.wire import TRAVEL
from sweep.loop import run

HOUR, MINUTE, A_MINUTE = 3600.0, 60.0, 45
STRANGERS = 10


async def _hour() -> None:
    stage = Stage(Random(1))
    await stage.begin(applications=10, strangers=STRANGERS)
    for key in list(stage.busy):
        await stage.finish(key)
    await asyncio.sleep(5 * MINUTE)
    assert await disagreements(stage) == []
    [window] = stage.windows
    assert sum(question == "interfaces" for _, question in window.asked) == STRANGERS
    await stage.restart(0)
    head = len(stage.events())
    window.asked.clear()
    await asyncio.sleep(HOUR)
    assert stage.events()[head:] == []
    assert "interfaces" not in {question for _, question in window.asked}, "whoever takes over knows the addresses"
    times = [at for at, _ in window.asked]
    # counted where they arrive, which is a little later than where they are sent
    busiest = max(sum(at - MINUTE + 2 * TRAVEL < other <= at for other in times) for at in times)
    print(f"{len(times)} requests in an hour, {busiest} in the busiest minute")
    assert 0 < busiest <= A_MINUTE
    stage.end()


def test_an_hour_in_which_nothing_happens() -> None:
    with surprises() as found:
        run(_hour())
    assert found == []
