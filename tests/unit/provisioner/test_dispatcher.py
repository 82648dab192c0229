"""One run of an aggregate at a time, and no hint lost."""

import asyncio

import pytest

from proximity_provisioner import dispatcher as dispatcher_module
from proximity_provisioner.dispatcher import Dispatcher


async def test_hint_during_a_run_makes_it_run_once_more() -> None:
    runs: list[str] = []
    at_once = 0
    going = asyncio.Event()

    async def run(category: str, aggregate_id: str) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        runs.append(aggregate_id)
        await going.wait()
        at_once -= 1

    dispatcher = Dispatcher(run, at_once=4)
    for _ in range(5):
        dispatcher.submit("application", "a")
    await asyncio.sleep(0)
    for _ in range(5):
        dispatcher.submit("application", "a")
    going.set()
    await dispatcher.drain(1)
    assert runs == ["a", "a"]


async def test_run_that_raises_does_not_stop_the_next() -> None:
    runs = 0

    async def run(category: str, aggregate_id: str) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("broken")

    dispatcher = Dispatcher(run, at_once=4)
    dispatcher.submit("application", "a")
    await dispatcher.drain(1)
    dispatcher.submit("application", "a")
    await dispatcher.drain(1)
    assert runs == 2


async def test_only_so_many_at_once() -> None:
    at_once = most = 0

    async def run(category: str, aggregate_id: str) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    dispatcher = Dispatcher(run, at_once=3)
    for number in range(12):
        dispatcher.submit("application", str(number))
    await dispatcher.drain(5)
    assert most == 3


async def test_drain_breaks_off_what_does_not_end() -> None:
    broken_off = asyncio.Event()

    async def run(category: str, aggregate_id: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.set()

    dispatcher = Dispatcher(run, at_once=1)
    dispatcher.submit("application", "a")
    await asyncio.sleep(0)
    await dispatcher.drain(0.01)
    assert broken_off.is_set()


async def test_each_lane_has_places_of_its_own() -> None:
    """What hangs on one cluster must not hold up another."""
    hanging, ran = asyncio.Event(), asyncio.Event()

    async def run(category: str, aggregate_id: str) -> None:
        if aggregate_id == "elsewhere":
            ran.set()
            return
        await hanging.wait()

    dispatcher = Dispatcher(run, at_once=2)
    for number in range(4):
        dispatcher.submit("application", str(number), lane="away")
    dispatcher.submit("application", "elsewhere", lane="near")
    async with asyncio.timeout(1):
        await ran.wait()
    hanging.set()
    await dispatcher.drain(1)


async def test_what_nats_did_not_answer_is_tried_again_without_another_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent may be in the log all the same, and only the replica it names looks after it."""
    monkeypatch.setattr(dispatcher_module, "PAUSE", 0.01)
    again = asyncio.Event()
    runs = 0

    async def run(category: str, aggregate_id: str) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise TimeoutError
        again.set()

    dispatcher = Dispatcher(run, at_once=1)
    dispatcher.submit("application", "a")
    await asyncio.wait_for(again.wait(), 5)
    await dispatcher.drain(1)
    assert runs == 2
