"""kill -9 of the provisioner in the middle of an operation; a successor ends it. Exactly one container, ever.

On real processes, at the points that differ in what is left to judge by; tests/sweep goes through all there are.
Nothing in the product knows of it: the log says where the operation is, and faults of the simulator hold a call open
while the process is killed.
"""

import asyncio
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
    """Killed as soon as such an event is in the log, and `after` seconds more; `slow` holds that call open so long."""

    event: type[Any]
    step: str | None = None
    after: float = 0.0
    slow: tuple[str, str] | None = None
    drop: tuple[str, str] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        return {"step": self.step} if self.step else {}


CREATE = ("POST", r"/lxc$")
CONFIGURE = ("PUT", r"/lxc/\d+/config$")
START = ("POST", r"/status/start$")
DESTROY = ("DELETE", r"/lxc/\d+$")

DEPLOYMENT = {
    "create sent, not yet executed": Point(ev.StepIntended, "create", after=0.3, slow=CREATE),
    "create executed, UPID not stored": Point(ev.StepIntended, "create", after=0.3, drop=CREATE),
    "configure sent": Point(ev.StepIntended, "configure", after=0.3, slow=CONFIGURE),
    "start sent": Point(ev.StepIntended, "start", after=0.3, slow=START),
}


async def kill_at(stage: Stage, application_id: str, point: Point) -> None:
    """The first process dies, a successor is started at once."""
    await stage.happened(application_id, point.event, **point.fields)
    await asyncio.sleep(point.after)
    stage.provisioners[0].kill()
    stage.provisioner()


def arm(stage: Stage, point: Point) -> None:
    if point.slow:
        stage.simulator.fault("slow", method=point.slow[0], path=point.slow[1], seconds=1.5)
    if point.drop:
        # the effect takes place, the answer gets lost: as if the process had died before it could read it
        stage.simulator.fault("drop_after", method=point.drop[0], path=point.drop[1])


@pytest.mark.parametrize("name", DEPLOYMENT)
async def test_killed_during_a_deployment(running_stage: Stage, name: str) -> None:
    stage, point = running_stage, DEPLOYMENT[name]
    arm(stage, point)
    application_id, operation_id = await stage.deploy()

    await kill_at(stage, application_id, point)

    await stage.succeeded(application_id, operation_id, TAKEOVER)
    assert len(stage.creates()) == 1
    (guest,) = stage.ours()
    assert guest["status"] == "running"


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        (cmd.StopApplication, Point(ev.StepIntended, "stop", after=0.3, slow=("POST", "/status/stop$"))),
        (cmd.RestartApplication, Point(ev.StepIntended, "shutdown", after=0.3, slow=("POST", "/status/shutdown$"))),
        (cmd.DeleteApplication, Point(ev.StepIntended, "destroy", after=0.3, slow=DESTROY)),
        (cmd.DeleteApplication, Point(ev.ContainerDestroyed)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value.event.__name__} {value.step}",
)
async def test_killed_during_another_operation(stage: Stage, kind: type[Any], point: Point) -> None:
    """The settle time after a lost power call is shortened: here every request is executed within two seconds."""
    stage.settings["PROXIMITY_SETTLE_SECONDS"] = "3"
    stage.provisioner()
    await stage.connected()
    application_id = await stage.running()
    arm(stage, point)
    operation_id = await stage.ask(kind, application_id)

    await kill_at(stage, application_id, point)

    await stage.succeeded(application_id, operation_id, TAKEOVER)
    assert len(stage.creates()) == 1
    left = [guest["status"] for guest in stage.ours()]
    wanted = {"StopApplication": ["stopped"], "RestartApplication": ["running"], "DeleteApplication": []}
    assert left == wanted[kind.__name__]


async def test_frozen_replica_that_wakes_up_does_no_harm(stage: Stage) -> None:
    """It announced a create, then slept for longer than its lease; another took over. Then it goes on where it was."""
    frozen = stage.provisioner()
    await stage.connected()
    stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=1)
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.StepIntended, step="create")
    frozen.freeze()
    stage.provisioner()
    await stage.succeeded(application_id, operation_id, TAKEOVER)

    frozen.thaw()

    again, other = await stage.deploy("Another")
    await stage.succeeded(again, other)
    assert len(stage.creates()) == len(stage.ours()) == 2
    ends = [r for r in await stage.history(application_id) if isinstance(r.event, ev.OperationSucceeded)]
    assert len(ends) == 1


async def test_takeover_is_quick(running_stage: Stage) -> None:
    """A successor that lives already takes over at most lease + 2 s after the kill (a sweep later at worst)."""
    stage = running_stage
    stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=2)
    application_id, operation_id = await stage.deploy()
    intended = await stage.happened(application_id, ev.StepIntended, step="create")
    stage.provisioners[0].kill()
    stage.provisioner()

    taken = await stage.happened(application_id, ev.StepTakenOver, TAKEOVER)

    waited = (taken.stored_at - intended.stored_at).total_seconds()
    print(f"taken over {waited:.1f} s after the kill")
    assert waited <= 10 + 2 + 3
    await stage.succeeded(application_id, operation_id, TAKEOVER)
    assert len(stage.creates()) == 1
