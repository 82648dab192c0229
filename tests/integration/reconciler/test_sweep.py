"""Who stands still is woken."""

from uuid import uuid4

from proximity.domain.application import events as app
from proximity.messaging import buckets
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.leases import Lease
from support.life import CAUSE
from support.reconciling import Stage, Wakes, app_requested

QUIET = 1.5


async def test_an_operation_whose_runner_lives_no_longer_is_woken_at_once(stage: Stage, wakes: Wakes) -> None:
    operation = await stage.intended("nobody-alive")
    stage.start()
    woken = await wakes.next()
    assert woken
    assert (woken.operation_id, woken.kind, woken.category) == (operation, "sweep", "application")


async def test_an_operation_whose_runner_lives_is_left_alone_until_it_dies(stage: Stage, wakes: Wakes) -> None:
    lease = Lease(buckets.leases(stage.bus), "r1")
    await lease.start()
    operation = await stage.intended("r1")
    stage.start()
    assert await wakes.next(QUIET) is None
    await lease.stop()
    woken = await wakes.next()
    assert woken
    assert woken.operation_id == operation


async def test_an_operation_that_nobody_began_is_woken(stage: Stage, wakes: Wakes) -> None:
    operation = str(uuid4())
    await stage.append(APPLICATION, "a1", app_requested(operation))
    stage.start()
    woken = await wakes.next()
    assert woken
    assert (woken.operation_id, woken.aggregate_id) == (operation, "a1")


async def test_what_has_ended_before_it_started_is_not_woken(stage: Stage, wakes: Wakes) -> None:
    operation = str(uuid4())
    await stage.append(
        APPLICATION,
        "a1",
        app_requested(operation),
        app.OperationFailed(operation_id=operation, kind="deploy", cause=CAUSE),
    )
    stage.start()
    assert await wakes.next(QUIET) is None


async def test_it_goes_on_after_nats_was_away(stage: Stage, wakes: Wakes) -> None:
    stage.start()
    first = await stage.intended("nobody-alive")
    woken = await wakes.next()
    assert woken
    assert woken.operation_id == first

    await stage.nats.restart()

    second = await stage.intended("nobody-alive")
    seen = set()
    while second not in seen:
        woken = await wakes.next()
        assert woken, "it does not go on"
        seen.add(woken.operation_id)
