"""What Proxmox may do to a call or a task, and how the operation ends then. The simulator's journal is the oracle."""

from dataclasses import dataclass
from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.spec import Template
from proximity.domain.model import Command
from support.provisioning import DEBIAN, Stage

WORDPRESS = DEBIAN.model_copy(
    update={"recipe": "turnkey-wordpress", "template": Template(name="debian-12-turnkey-wordpress", version="18.2-1")}
)


@dataclass(frozen=True)
class Call:
    """An effect: how its request looks on the wire, and the command it belongs to (None: a deployment)."""

    method: str
    path: str
    command: type[Command] | None = None
    fields: tuple[tuple[str, Any], ...] = ()
    before: type[Command] | None = None


CALLS = {
    "download": Call("POST", r"/aplinfo$"),
    "create": Call("POST", r"/lxc$"),
    "configure": Call("PUT", r"/lxc/\d+/config$"),
    "start": Call("POST", r"/status/start$"),
    "start again": Call("POST", r"/status/start$", cmd.StartApplication, before=cmd.StopApplication),
    "shutdown": Call("POST", r"/status/shutdown$", cmd.ShutdownApplication),
    "stop": Call("POST", r"/status/stop$", cmd.StopApplication),
    "destroy": Call("DELETE", r"/lxc/\d+$", cmd.DeleteApplication, (("force", True),)),
}


async def play(stage: Stage, call: Call, kind: str, **fault: Any) -> tuple[str, str]:
    """Asks for the operation the call belongs to, with the fault in its way. The ids of application and operation."""
    if call.command is None:
        stage.simulator.fault(kind, method=call.method, path=call.path, **fault)
        return await stage.deploy("Blog", WORDPRESS)
    application_id = await stage.running()
    if call.before:
        await stage.succeeded(application_id, await stage.ask(call.before, application_id))
    stage.simulator.fault(kind, method=call.method, path=call.path, **fault)
    return application_id, await stage.ask(call.command, application_id, **dict(call.fields))


async def as_it_should_be(stage: Stage, application_id: str) -> None:
    """The guest is as the log says, and there never was a second one."""
    app = await stage.application(application_id)
    assert app is not None
    assert len({entry["vmid"] for entry in stage.creates()}) == len(stage.creates()) == 1
    if app.deleted:
        assert stage.ours() == []
        return
    assert app.container is not None
    (guest,) = stage.ours()
    assert (guest["vmid"], guest["status"]) == (app.container.vmid, app.container.power)


@pytest.mark.parametrize("name", CALLS)
async def test_answer_lost_after_the_effect(running_stage: Stage, name: str) -> None:
    call = CALLS[name]
    application_id, operation_id = await play(running_stage, call, "drop_after")
    await running_stage.succeeded(application_id, operation_id)
    await as_it_should_be(running_stage, application_id)
    unanswered = [r for r in await running_stage.history(application_id) if isinstance(r.event, ev.CallUnanswered)]
    assert len(unanswered) == 1


@pytest.mark.parametrize("name", CALLS)
async def test_request_lost_before_the_effect(stage: Stage, name: str) -> None:
    stage.provisioner(PROXIMITY_REPEAT_AFTER_SECONDS="0.5")
    await stage.connected()
    application_id, operation_id = await play(stage, CALLS[name], "drop_before")
    await stage.succeeded(application_id, operation_id)
    await as_it_should_be(stage, application_id)


@pytest.mark.parametrize("name", ["create", "start", "destroy", "configure"])
async def test_effect_that_comes_after_the_call_was_repeated(stage: Stage, name: str) -> None:
    stage.provisioner(PROXIMITY_REPEAT_AFTER_SECONDS="0.3")
    await stage.connected()
    application_id, operation_id = await play(stage, CALLS[name], "late", seconds=1.2)
    await stage.succeeded(application_id, operation_id)
    await stage.idle()
    await as_it_should_be(stage, application_id)


async def test_596_with_effect(running_stage: Stage) -> None:
    application_id, operation_id = await play(running_stage, CALLS["create"], "596", effect=True)
    await running_stage.succeeded(application_id, operation_id)
    await as_it_should_be(running_stage, application_id)


@pytest.mark.parametrize(("name", "task"), [("create", "vzcreate"), ("start", "vzstart"), ("download", "download")])
async def test_task_that_fails_in_a_deployment(running_stage: Stage, name: str, task: str) -> None:
    stage = running_stage
    stage.simulator.fault("task_error", type=task, text="something broke: exit code 1")
    application_id, operation_id = await stage.deploy("Blog", WORDPRESS)
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert "something broke" in end.cause.proxmox
    assert end.left_behind is None
    assert stage.ours() == []
    failed = (await stage.happened(application_id, ev.StepFailed)).event
    assert failed.upid
    assert failed.log


async def test_lock_is_waited_for(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    vmid = stage.ours()[0]["vmid"]
    locked = stage.simulator.fault("lock", vmid=vmid, lock="backup")

    operation_id = await stage.ask(cmd.StopApplication, application_id)

    await stage.postponed(application_id, "container_locked", operation_id=operation_id)
    stage.simulator.remove_fault(locked)
    await stage.succeeded(application_id, operation_id)


async def test_task_log_gone(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("task_log_gone")
    application_id = await stage.running()
    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id))
    assert stage.ours() == []


async def test_worker_killed_while_it_starts(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("task_killed", type="vzstart", stage="early")
    application_id = await stage.running()
    await as_it_should_be(stage, application_id)


async def test_node_away_for_a_while(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    away = stage.simulator.fault("node_offline", node=app.container.node)

    operation_id = await stage.ask(cmd.StopApplication, application_id)

    await stage.postponed(application_id, "node_unreachable", operation_id=operation_id)
    stage.simulator.remove_fault(away)
    await stage.succeeded(application_id, operation_id)
    await as_it_should_be(stage, application_id)


async def test_node_away_while_its_task_runs(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("slow", method="GET", path="/tasks/UPID.*/status$", seconds=0.5)
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.TaskAccepted, step="create")
    stage.simulator.fault("node_offline", node="pve1", seconds=3)
    stage.simulator.fault("node_offline", node="pve2", seconds=3)
    await stage.succeeded(application_id, operation_id)
    await as_it_should_be(stage, application_id)


async def test_quorum_lost_for_a_while(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    await stage.succeeded(application_id, await stage.ask(cmd.StopApplication, application_id))
    stage.simulator.fault("quorum_lost", seconds=3)
    operation_id = await stage.ask(cmd.DeleteApplication, application_id)
    await stage.succeeded(application_id, operation_id)
    assert stage.ours() == []


async def test_no_quorum_before_a_deployment(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("quorum_lost", seconds=30)
    application_id, operation_id = await stage.deploy()
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "no_quorum"
    assert stage.creates() == []


@pytest.mark.parametrize("node", [None, "pve2"], ids=["all nodes", "the one that is wanted"])
async def test_nodes_that_do_not_answer_are_asked_again(running_stage: Stage, node: str | None) -> None:
    """They are online, and say nothing: that is neither a missing right nor a lack of room."""
    stage = running_stage
    silent = stage.simulator.fault("596", method="GET", path=r"/nodes/pve\d/storage$", node=node, times=None)
    application_id, operation_id = await stage.deploy(node=node)
    await stage.postponed(application_id, "unanswered", step="preflight")

    stage.simulator.remove_fault(silent)

    await stage.succeeded(application_id, operation_id)


async def test_silent_node_keeps_no_other_from_being_chosen(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("596", method="GET", path=r"/nodes/pve\d/storage$", node="pve1", times=None)
    application_id = await stage.running()
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    assert app.container.node == "pve2"


async def test_token_revoked_in_the_middle(running_stage: Stage) -> None:
    """Nothing can be cleaned up then: what may be left is named."""
    stage = running_stage
    called = stage.simulator.fault("slow", method="POST", path="/status/start$", seconds=1.5)
    application_id, operation_id = await stage.deploy()
    await stage.arrived(called)
    stage.simulator.fault("token_revoked")
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "credentials_refused"
    (guest,) = stage.ours()
    assert end.left_behind == f"{guest['node']}/{guest['vmid']}"

    stage.simulator.clear_faults()
    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id))
    assert stage.ours() == []


async def test_storage_full(running_stage: Stage) -> None:
    stage = running_stage
    stage.simulator.fault("storage_full", storage="local-lvm")
    application_id, operation_id = await stage.deploy()
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "storage_full"
    assert end.left_behind is None
    assert stage.creates() == []


async def test_missing_right_is_named(stage: Stage) -> None:
    stage.provisioner()
    token = "limited@pve!test"
    privileges = ["VM.Audit", "Datastore.Audit", "Sys.Audit"]
    secret = stage.simulator.add_token(token, [{"path": "/", "privileges": privileges, "propagate": 1}])
    try:
        stage.cluster_id = await stage.connect(token_id=token, token_secret=await stage.vault.seal(secret))
        await stage.until(lambda: stage.cluster(stage.cluster_id), lambda c: c is not None and c.connected)
        application_id, operation_id = await stage.deploy()
        end = await stage.ended(application_id, operation_id)
    finally:
        stage.simulator.revoke_token(token)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "missing_rights"
    assert "VM.Allocate" in end.cause.message


async def test_vmid_taken_by_a_stranger_at_the_last_moment(running_stage: Stage) -> None:
    """Somebody else takes the number between our look and our create: another number is used, theirs is not touched."""
    stage = running_stage
    client = stage.proxmox()
    called = stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=2)
    application_id, operation_id = await stage.deploy()
    await stage.arrived(called)
    intended = (await stage.happened(application_id, ev.StepIntended, step="create")).event
    stranger = stage.container_spec(intended.vmid)
    await stage.task_done(await client.create_container("pve1", stranger))

    await stage.succeeded(application_id, operation_id)

    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    assert app.container.vmid != intended.vmid
    assert stage.simulator.guest(intended.vmid)
    assert [r for r in await stage.history(application_id) if isinstance(r.event, ev.VmidFoundTaken)]


async def test_vmid_taken_by_a_stranger_while_the_create_was_lost(stage: Stage) -> None:
    """No other number is taken then, nothing of the stranger's is touched, and nothing stays blocked."""
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "1", "PROXIMITY_REPEAT_AFTER_SECONDS": "5"}
    stage.provisioner()
    await stage.connected()
    stage.simulator.fault("drop_before", method="POST", path=r"/lxc$", times=1)
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.CallUnanswered)
    claimed = (await stage.happened(application_id, ev.VmidClaimed)).event
    await stage.task_done(await stage.proxmox().create_container("pve1", stage.container_spec(claimed.vmid)))

    end = await stage.ended(application_id, operation_id)

    assert isinstance(end, ev.OperationFailed)
    assert (end.cause.code, end.left_behind) == ("vmid_in_foreign_hands", None)
    assert [guest["hostname"] for guest in stage.creates()] == ["stranger"]
    assert stage.simulator.guest(claimed.vmid)
    await stage.running()


async def test_cancelled_while_the_create_is_lost(stage: Stage) -> None:
    """The lost create comes late, after everything was given up: it is waited for, then removed."""
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "6", "PROXIMITY_REPEAT_AFTER_SECONDS": "30"}
    stage.provisioner()
    await stage.connected()
    stage.simulator.fault("late", method="POST", path=r"/lxc$", seconds=3)
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.CallUnanswered)

    await stage.ask(cmd.CancelOperation, application_id, target_operation_id=operation_id)

    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationCancelled)
    assert end.left_behind is None
    assert len(stage.creates()) == 1
    assert stage.ours() == []


async def test_opposite_power_call_waits_for_a_lost_one(stage: Stage) -> None:
    """A start that was lost takes effect late: the stop that was asked for meanwhile is the one that counts."""
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "5", "PROXIMITY_REPEAT_AFTER_SECONDS": "30"}
    stage.provisioner()
    await stage.connected()
    application_id = await stage.running()
    await stage.succeeded(application_id, await stage.ask(cmd.StopApplication, application_id))
    stage.simulator.fault("late", method="POST", path="/status/start$", seconds=2)
    starting = await stage.ask(cmd.StartApplication, application_id)
    await stage.happened(application_id, ev.CallUnanswered)
    await stage.ask(cmd.CancelOperation, application_id, target_operation_id=starting)
    await stage.ended(application_id, starting)

    stopping = await stage.ask(cmd.StopApplication, application_id)

    await stage.succeeded(application_id, stopping)
    assert await stage.statuses() == ["stopped"]
    because = [r.event.cause.code for r in await stage.history(application_id) if isinstance(r.event, ev.StepPostponed)]
    assert "settling" in because
