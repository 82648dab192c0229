"""Workers of Proxmox that die: what they leave is made again, or a person is told which command helps."""

from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from support.provisioning import Stage

CREATE, DESTROY = "vzcreate", "vzdestroy"


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    stage.provisioner()
    await stage.connected()
    return stage


async def number(stage: Stage, application_id: str) -> int:
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    return app.container.vmid


async def clean_up(stage: Stage, vmid: int) -> None:
    """As a person does on the node: `pct unlock`, `pct destroy`."""
    stage.simulator.unlock(vmid)
    await stage.task_done(await stage.proxmox().destroy_container("pve1", vmid))


async def stuck_deployment(stage: Stage) -> tuple[str, str, ev.OperationUndecided]:
    """Its worker died early: the guest is blank and locked for ever."""
    stage.simulator.fault("task_killed", type=CREATE, stage="early")
    application_id, operation_id = await stage.deploy()
    undecided = (await stage.happened(application_id, ev.OperationUndecided)).event
    return application_id, operation_id, undecided


async def test_a_half_made_container_is_made_again_under_the_same_number(stage: Stage) -> None:
    stage.simulator.fault("task_killed", type=CREATE, stage="late")
    application_id, operation_id = await stage.deploy()

    await stage.succeeded(application_id, operation_id)

    found = (await stage.happened(application_id, ev.ContainerFoundHalfMade)).event
    (guest,) = stage.ours()
    assert [entry["vmid"] for entry in stage.creates()] == [found.vmid, found.vmid]
    assert (guest["vmid"], guest["status"]) == (found.vmid, "running")


async def test_a_lock_left_by_a_create_names_the_command_and_goes_on_after_it(stage: Stage) -> None:
    application_id, operation_id, undecided = await stuck_deployment(stage)
    vmid = await number(stage, application_id)
    assert undecided.command == f"pct unlock {vmid} && pct destroy {vmid} --purge"
    assert undecided.cause.code == "left_behind"

    await clean_up(stage, vmid)

    await stage.succeeded(application_id, operation_id, patience=80)
    assert [guest["vmid"] for guest in stage.ours()] == [vmid]


async def test_a_blocked_number_is_never_given_out_again(stage: Stage) -> None:
    application_id, operation_id, _ = await stuck_deployment(stage)
    blocked = await number(stage, application_id)

    await stage.ask(cmd.CancelOperation, application_id, target_operation_id=operation_id)

    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind == f"pve1/{blocked}"
    assert f"pct unlock {blocked}" in end.cause.message
    await clean_up(stage, blocked)
    await stage.running("Another")
    assert blocked not in [guest["vmid"] for guest in stage.ours()]


async def test_a_person_ends_what_only_a_person_can_change(stage: Stage) -> None:
    application_id, operation_id, _ = await stuck_deployment(stage)
    vmid = await number(stage, application_id)

    decision = await stage.ask(cmd.ResolveOperation, application_id, target_operation_id=operation_id, verdict="failed")

    await stage.succeeded(application_id, decision)
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind == f"pve1/{vmid}"
    assert end.cause.code == "resolved_as_failed"
    guest = stage.simulator.guest(vmid)
    assert guest is not None
    assert guest["lock"] == "create"


async def test_what_is_not_undecided_cannot_be_resolved(stage: Stage) -> None:
    held = stage.simulator.fault("task_held", type=CREATE)
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.TaskAccepted, step="create")

    decision = await stage.ask(
        cmd.ResolveOperation, application_id, target_operation_id=operation_id, verdict="succeeded"
    )

    assert await stage.decided(decision) == "operation.command_rejected.v1"
    stage.simulator.remove_fault(held)
    await stage.succeeded(application_id, operation_id)


async def test_a_destroy_whose_worker_died_before_it_began_is_sent_again(stage: Stage) -> None:
    application_id = await stage.running()
    stage.simulator.fault("task_killed", type=DESTROY, stage="early")

    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id, force=True))

    assert stage.ours() == []
    app = await stage.application(application_id)
    assert app is not None
    assert app.deleted


@pytest.mark.parametrize(("kind", "task"), [(cmd.StopApplication, "vzstop"), (cmd.ShutdownApplication, "vzshutdown")])
async def test_a_worker_that_dies_while_it_takes_a_guest_down(stage: Stage, kind: Any, task: str) -> None:
    application_id = await stage.running()
    stage.simulator.fault("task_killed", type=task, stage="early")
    await stage.succeeded(application_id, await stage.ask(kind, application_id))
    assert await stage.statuses() == ["stopped"]
