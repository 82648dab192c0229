"""No operation goes on in silence: what takes too long is said, ends, or waits for a person with a command to run."""

from pathlib import Path

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.cluster import events as cluster_ev
from support.images import VAULTWARDEN
from support.provisioning import DEBIAN, TCP_PROBE, Stage

# Minutes are too long for a test: this replica knows the same tables with seconds in them.
SHORT = """
from datetime import timedelta
from proximity.domain.application import process
from proximity.domain.cluster import decider

for kind in process.DEADLINES:
    process.DEADLINES[kind] = timedelta(seconds=6)
process.UNWIND_DEADLINE = timedelta(seconds=6)
process.ADDRESS_WITHIN = process.ANSWER_WITHIN = timedelta(seconds=2)
decider.DEADLINE = timedelta(seconds=5)
"""


@pytest.fixture
async def hasty(stage: Stage, tmp_path: Path) -> Stage:
    folder = tmp_path / "short"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SHORT)
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "2", "PROXIMITY_REPEAT_AFTER_SECONDS": "1"}
    stage.settings["PYTHONPATH"] = str(folder)
    stage.provisioner()
    return stage


async def test_cluster_that_does_not_answer(hasty: Stage) -> None:
    cluster_id = await hasty.connect(name="Nowhere", endpoints=("https://127.0.0.1:9",))
    failed = await hasty.happened(cluster_id, cluster_ev.OperationFailed)
    asked = await hasty.happened(cluster_id, cluster_ev.ConnectRequested)
    assert failed.event.cause.code == "node_unreachable"
    assert (failed.stored_at - asked.stored_at).total_seconds() >= 5
    assert [type(r.event) for r in await hasty.history(cluster_id)].count(cluster_ev.StepPostponed) == 1


async def test_lock_that_stays(hasty: Stage) -> None:
    """Nothing was sent, so it fails; the reason is what it waited for."""
    await hasty.connected()
    application_id = await hasty.running()
    hasty.simulator.fault("lock", vmid=hasty.ours()[0]["vmid"], lock="backup")

    end = await hasty.ended(application_id, await hasty.ask(cmd.StopApplication, application_id))

    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "deadline_passed"
    assert "backup" in end.cause.message
    hasty.simulator.clear_faults()
    await hasty.succeeded(application_id, await hasty.ask(cmd.StopApplication, application_id))


async def test_no_answer_from_the_application(hasty: Stage) -> None:
    """A container that never answers is a failed deployment: it is removed."""
    await hasty.connected()
    spec = DEBIAN.model_copy(update={"probe": TCP_PROBE.model_copy(update={"port": 4})})
    application_id, operation_id = await hasty.deploy("Wiki", spec)
    end = await hasty.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "no_answer"
    assert end.left_behind is None
    assert hasty.ours() == []


async def test_node_that_stays_away_after_a_call(hasty: Stage) -> None:
    """What became of the stop cannot be told: undecided, until the node is back."""
    await hasty.connected()
    application_id = await hasty.running()
    called = hasty.simulator.fault("slow", method="POST", path="/status/stop$", seconds=1.0)
    operation_id = await hasty.ask(cmd.StopApplication, application_id)
    await hasty.arrived(called)
    hasty.provisioners[0].kill()
    await hasty.until(hasty.statuses, lambda statuses: statuses == ["stopped"])
    faults = [hasty.simulator.fault("node_offline", node=node) for node in ("pve1", "pve2")]
    hasty.provisioner()

    undecided = await hasty.happened(application_id, ev.OperationUndecided)
    assert undecided.event.command.startswith("pct status")

    for fault in faults:
        hasty.simulator.remove_fault(fault)
    await hasty.succeeded(application_id, operation_id)
    assert await hasty.statuses() == ["stopped"]


async def test_cleaning_up_that_does_not_succeed_ends_as_well(hasty: Stage) -> None:
    await hasty.connected()
    hasty.simulator.fault("task_error", type="vzstart", text="broken")
    removal = hasty.simulator.fault("slow", method="DELETE", path=r"/lxc/\d+$", seconds=2.0)
    application_id, operation_id = await hasty.deploy()
    await hasty.arrived(removal)
    hasty.simulator.fault("lock", vmid=hasty.ours()[0]["vmid"], lock="backup")

    end = await hasty.ended(application_id, operation_id)

    assert isinstance(end, ev.OperationFailed)
    (guest,) = hasty.ours()
    assert end.left_behind == f"{guest['node']}/{guest['vmid']}"
    hasty.simulator.clear_faults()
    await hasty.succeeded(application_id, await hasty.ask(cmd.DeleteApplication, application_id))
    assert hasty.ours() == []


async def test_container_of_an_image_without_address(hasty: Stage) -> None:
    """Its node asks for the address, so a person is told to look there."""
    await hasty.connected()
    hasty.simulator.fault("no_dhcp")
    application_id, operation_id = await hasty.deploy("Passwords", VAULTWARDEN)
    end = await hasty.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "no_address"
    assert "DHCP server on vmbr0" in end.cause.message
    assert "log of the start" in end.cause.message
    assert (await hasty.happened(application_id, ev.ContainerStarted)).event.warnings == 1
