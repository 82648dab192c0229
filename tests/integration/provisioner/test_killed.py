"""kill -9 of the provisioner in the middle of an operation; a successor ends it. Exactly one container, ever.

On real processes, at the points that differ in what is left to judge by; tests/sweep goes through all there are.
Nothing in the product knows of it: the log says where the operation is, and faults of the simulator hold a call open
while the process is killed.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from support.provisioning import Stage

pytestmark = pytest.mark.slow
# lease of 10 s, a sweep every 2 s, and the machine may be busy
TAKEOVER = 60.0


@dataclass(frozen=True)
class Point:
    """Killed as soon as such a call came in, or such an event is in the log. `fault`: what meets the call."""

    call: tuple[str, str] | None = None
    fault: str = "slow"
    event: type[Any] | None = None


CREATE = ("POST", r"/lxc$")
CONFIGURE = ("PUT", r"/lxc/\d+/config$")
START = ("POST", r"/status/start$")
DESTROY = ("DELETE", r"/lxc/\d+$")

DEPLOYMENT = {
    "create sent, not yet executed": Point(CREATE),
    # the effect takes place, the answer gets lost: as if the process had died before it could read it
    "create executed, UPID not stored": Point(CREATE, "drop_after"),
    "configure sent": Point(CONFIGURE),
    "start sent": Point(START),
}


async def kill_at(stage: Stage, application_id: str, point: Point, fault: int | None) -> None:
    """The first process dies, a successor is started at once."""
    if fault is not None:
        await stage.arrived(fault)
    if point.event is not None:
        await stage.happened(application_id, point.event)
    stage.provisioners[0].kill()
    stage.provisioner()


def arm(stage: Stage, point: Point) -> int | None:
    """The fault that waits for the call."""
    if point.call is None:
        return None
    method, path = point.call
    return stage.simulator.fault(point.fault, method=method, path=path, seconds=1.5)


@pytest.mark.parametrize("name", DEPLOYMENT)
async def test_killed_during_a_deployment(running_stage: Stage, name: str) -> None:
    stage, point = running_stage, DEPLOYMENT[name]
    fault = arm(stage, point)
    application_id, operation_id = await stage.deploy()

    await kill_at(stage, application_id, point, fault)

    await stage.succeeded(application_id, operation_id, TAKEOVER)
    assert len(stage.creates()) == 1
    (guest,) = stage.ours()
    assert guest["status"] == "running"


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        (cmd.StopApplication, Point(("POST", "/status/stop$"))),
        (cmd.RestartApplication, Point(("POST", "/status/shutdown$"))),
        (cmd.DeleteApplication, Point(DESTROY)),
        (cmd.DeleteApplication, Point(event=ev.ContainerDestroyed)),
    ],
    ids=["stop sent", "shutdown of a restart sent", "destroy sent", "destroyed"],
)
async def test_killed_during_another_operation(stage: Stage, kind: type[Any], point: Point) -> None:
    """The settle time after a lost power call is shortened: here every request is executed within two seconds."""
    stage.settings["PROXIMITY_SETTLE_SECONDS"] = "3"
    stage.provisioner()
    await stage.connected()
    application_id = await stage.running()
    fault = arm(stage, point)
    operation_id = await stage.ask(kind, application_id)

    await kill_at(stage, application_id, point, fault)

    await stage.succeeded(application_id, operation_id, TAKEOVER)
    assert len(stage.creates()) == 1
    left = [guest["status"] for guest in stage.ours()]
    wanted = {"StopApplication": ["stopped"], "RestartApplication": ["running"], "DeleteApplication": []}
    assert left == wanted[kind.__name__]


async def test_frozen_replica_that_wakes_up_does_no_harm(stage: Stage) -> None:
    """It announced a create, then slept for longer than its lease; another took over. Then it goes on where it was."""
    frozen = stage.provisioner()
    await stage.connected()
    called = stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=1)
    application_id, operation_id = await stage.deploy()
    await stage.arrived(called)
    frozen.freeze()
    stage.provisioner()
    await stage.succeeded(application_id, operation_id, TAKEOVER)

    frozen.thaw()

    again, other = await stage.deploy("Another")
    await stage.succeeded(again, other)
    assert len(stage.creates()) == len(stage.ours()) == 2
    ends = [r for r in await stage.history(application_id) if isinstance(r.event, ev.OperationSucceeded)]
    assert len(ends) == 1
