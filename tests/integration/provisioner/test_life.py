"""From a command to a running container and to nothing left of it, through real processes."""

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.marker import markers
from proximity.domain.application.spec import Template
from support.provisioning import DEBIAN, TCP_PROBE, Stage


async def test_deploys_until_it_runs(running_stage: Stage) -> None:
    stage = running_stage
    secret = await stage.vault.seal("correct horse battery")
    spec = DEBIAN.model_copy(update={"secrets": {"root_password": secret}})
    application_id, operation_id = await stage.deploy("Müller's Wiki", spec)

    await stage.succeeded(application_id, operation_id)

    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    guest = stage.simulator.guest(app.container.vmid)
    assert guest is not None
    assert guest["status"] == "running"
    assert guest["name"] == "mullers-wiki"
    assert app.container.address == guest["address"]
    assert [m.application for m in markers(guest["description"])] == [application_id]
    assert len(stage.creates()) == 1
    assert await stage.has_its_baseline(application_id)


async def test_template_is_downloaded_and_the_application_answers(running_stage: Stage) -> None:
    spec = DEBIAN.model_copy(
        update={
            "recipe": "turnkey-wordpress",
            "template": Template(name="debian-12-turnkey-wordpress", version="18.2-1"),
            "probe": TCP_PROBE,
        }
    )
    application_id = await running_stage.running("Blog", spec)

    kinds = [type(r.event) for r in await running_stage.history(application_id)]
    assert kinds.index(ev.TemplateDownloaded) < kinds.index(ev.VmidClaimed) < kinds.index(ev.ContainerCreated)
    assert ev.ApplicationAnswered in kinds


async def test_power(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()

    for kind, power in (
        (cmd.ShutdownApplication, "stopped"),
        (cmd.StartApplication, "running"),
        (cmd.RestartApplication, "running"),
        (cmd.StopApplication, "stopped"),
        (cmd.StopApplication, "stopped"),
    ):
        operation_id = await stage.ask(kind, application_id)
        await stage.succeeded(application_id, operation_id)
        app = await stage.application(application_id)
        assert app is not None
        assert app.container is not None
        guest = stage.simulator.guest(app.container.vmid)
        assert guest is not None
        assert (kind, guest["status"], app.container.power) == (kind, power, power)


@pytest.mark.parametrize("force", [False, True])
async def test_delete_leaves_nothing_and_frees_the_name(running_stage: Stage, force: bool) -> None:
    stage = running_stage
    application_id = await stage.running("Wiki")
    operation_id = await stage.ask(cmd.DeleteApplication, application_id, force=force)
    await stage.succeeded(application_id, operation_id)
    assert stage.ours() == []

    again = await stage.running("Wiki")

    vmids = [entry["vmid"] for entry in stage.creates()]
    assert len(set(vmids)) == 2  # a number is never given out twice
    assert again != application_id


async def test_cancelled_deployment_leaves_nothing(running_stage: Stage) -> None:
    stage = running_stage
    held = stage.simulator.fault("task_held", type="vzstart")
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.TaskAccepted, step="start")

    cancel = await stage.ask(cmd.CancelOperation, application_id, target_operation_id=operation_id)
    await stage.decided(cancel)
    stage.simulator.remove_fault(held)

    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationCancelled)
    assert end.left_behind is None
    assert isinstance(await stage.ended(application_id, cancel), ev.OperationSucceeded)
    assert stage.ours() == []
    await stage.running("Wiki")


async def test_delete_supersedes_a_deployment(running_stage: Stage) -> None:
    stage = running_stage
    held = stage.simulator.fault("task_held", type="vzcreate")
    application_id, deployment = await stage.deploy()
    await stage.happened(application_id, ev.TaskAccepted, step="create")

    deletion = await stage.ask(cmd.DeleteApplication, application_id)
    await stage.decided(deletion)
    stage.simulator.remove_fault(held)

    await stage.succeeded(application_id, deletion)
    assert isinstance(await stage.ended(application_id, deployment), ev.OperationCancelled)
    assert stage.ours() == []


async def test_foreign_guest_is_never_touched(running_stage: Stage) -> None:
    """The container was replaced by another with the same number: it keeps running."""
    stage = running_stage
    application_id = await stage.running()
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    client = stage.proxmox()
    config = await client.guest_config(app.container.node, app.container.vmid)
    await client.configure_container(app.container.node, app.container.vmid, {"description": "mine now"}, config.digest)

    operation_id = await stage.ask(cmd.DeleteApplication, application_id, force=True)

    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "not_ours"
    guest = stage.simulator.guest(app.container.vmid)
    assert guest is not None
    assert guest["status"] == "running"


async def test_container_that_is_gone_already_can_be_deleted(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    client, node, vmid = stage.proxmox(), app.container.node, app.container.vmid
    await stage.task_done(await client.stop_container(node, vmid))
    await stage.task_done(await client.destroy_container(node, vmid))

    operation_id = await stage.ask(cmd.DeleteApplication, application_id)

    await stage.succeeded(application_id, operation_id)
    kinds = [type(r.event) for r in await stage.history(application_id) if r.event.operation_id == operation_id]
    assert kinds == [ev.DeleteRequested, ev.ContainerProvenGone, ev.OperationSucceeded]
