"""Every command is answered: by facts, by a rejection a person understands, or by a dead letter."""

import json
from uuid import uuid4

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.cluster import commands as cluster_cmd
from proximity.domain.cluster import events as cluster_ev
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from proximity.messaging import subjects
from proximity.messaging.aggregates import OPERATION
from proximity.messaging.envelope import Origin
from proximity.messaging.event_store import EventStore
from support.provisioning import ALICE, DEBIAN, Stage


async def rejection(stage: Stage, operation_id: str) -> CommandRejected:
    event: CommandRejected = (await stage.happened(operation_id, CommandRejected)).event
    return event


async def test_taken_name(running_stage: Stage) -> None:
    stage = running_stage
    await stage.running("Wiki")
    application_id, operation_id = await stage.deploy("wiki!")

    no = await rejection(stage, operation_id)

    assert (no.code, no.target, no.command) == ("name_taken", application_id, "application.deploy.v1")
    assert await stage.history(application_id) == []
    await stage.until(stage.commands.undecided, lambda commands: commands == [])


async def test_name_is_free_again_after_a_failed_deployment(running_stage: Stage) -> None:
    stage = running_stage
    fault = stage.simulator.fault("task_error", type="vzcreate", text="command 'mkfs.ext4' failed: exit code 1")
    application_id, operation_id = await stage.deploy("Wiki")
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "task_failed"
    assert "mkfs.ext4" in end.cause.proxmox
    assert end.left_behind is None
    assert stage.ours() == []
    assert fault

    await stage.running("Wiki")


async def test_cluster_that_is_not_there(running_stage: Stage) -> None:
    _, operation_id = await running_stage.deploy(cluster_id=str(uuid4()))
    assert (await rejection(running_stage, operation_id)).code == "cluster_not_found"


async def test_cluster_that_failed_to_connect(running_stage: Stage) -> None:
    stage = running_stage
    cluster_id = await stage.connect(name="Other", token_secret=await stage.vault.seal("wrong"))
    failed = (await stage.happened(cluster_id, cluster_ev.OperationFailed)).event
    assert failed.cause.code == "credentials_refused"

    _, operation_id = await stage.deploy(cluster_id=cluster_id)

    assert (await rejection(stage, operation_id)).code == "cluster_not_connected"


async def test_same_cluster_twice(running_stage: Stage) -> None:
    again = await running_stage.connect(name="Again")
    failed = (await running_stage.happened(again, cluster_ev.OperationFailed)).event
    assert failed.cause.code == "already_connected"


async def test_wrong_certificate_names_the_one_seen(running_stage: Stage) -> None:
    stage = running_stage
    cluster_id = await stage.connect(name="Other", fingerprint=":".join(["00"] * 32))
    failed = (await stage.happened(cluster_id, cluster_ev.OperationFailed)).event
    assert failed.cause.code == "certificate_untrusted"
    assert stage.simulator.connection().fingerprint in failed.cause.message


async def test_cluster_with_applications_stays(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    refused = cluster_cmd.RemoveCluster(operation_id=str(uuid4()), cluster_id=stage.cluster_id)
    await stage.send("cluster", stage.cluster_id, refused)
    assert (await rejection(stage, refused.operation_id)).code == "cluster_has_applications"

    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id))
    removal = cluster_cmd.RemoveCluster(operation_id=str(uuid4()), cluster_id=stage.cluster_id)
    await stage.send("cluster", stage.cluster_id, removal)
    await stage.happened(stage.cluster_id, cluster_ev.ClusterRemoved)
    _, operation_id = await stage.deploy()
    assert (await rejection(stage, operation_id)).code == "cluster_not_found"


async def test_check_finds_the_same(running_stage: Stage) -> None:
    check = cluster_cmd.CheckCluster(operation_id=str(uuid4()), cluster_id=running_stage.cluster_id)
    await running_stage.send("cluster", running_stage.cluster_id, check)
    checked = (await running_stage.happened(running_stage.cluster_id, cluster_ev.ClusterChecked)).event
    connected = (await running_stage.happened(running_stage.cluster_id, cluster_ev.ClusterConnected)).event
    assert checked.findings == connected.findings
    assert checked.findings.missing == {}


async def test_busy_application(running_stage: Stage) -> None:
    stage = running_stage
    held = stage.simulator.fault("task_held", type="vzcreate")
    application_id, deployment = await stage.deploy()
    await stage.happened(application_id, ev.TaskAccepted, step="create")
    operation_id = await stage.ask(cmd.StopApplication, application_id)
    assert (await rejection(stage, operation_id)).code == "operation_in_flight"
    stage.simulator.remove_fault(held)
    await stage.succeeded(application_id, deployment)


async def test_a_rejection_stands_though_the_command_comes_again(running_stage: Stage) -> None:
    """The process died between the rejection and the acknowledgement, and what stood in the way is over since."""
    stage = running_stage
    application_id = await stage.running()
    stop = cmd.StopApplication(operation_id=str(uuid4()), application_id=application_id)
    no = CommandRejected(
        operation_id=stop.operation_id,
        command=stop.TYPE,
        category="application",
        target=application_id,
        code="operation_in_flight",
        message="The application is being restarted.",
    )
    log = EventStore(await stage.nats.connect("provisioner"))
    nothing = await log.load(OPERATION, stop.operation_id)
    await log.append(OPERATION, stop.operation_id, nothing, [no], Origin(stop.operation_id, stop.operation_id, ALICE))

    await stage.send("application", application_id, stop)
    await stage.until(stage.commands.undecided, lambda commands: commands == [])

    assert not any(isinstance(r.event, ev.StopRequested) for r in await stage.history(application_id))
    assert await stage.statuses() == ["running"]


async def test_commands_of_one_application_are_decided_in_their_order(stage: Stage) -> None:
    """All lie there before anybody decides."""
    application_id, deployment = await stage.deploy(cluster_id=str(uuid4()))
    stops = [await stage.ask(cmd.StopApplication, application_id) for _ in range(5)]
    stage.provisioner()
    rejections = [(await stage.happened(operation_id, CommandRejected)) for operation_id in [deployment, *stops]]
    assert [r.event.code for r in rejections] == ["cluster_not_found"] + ["application_not_found"] * 5
    assert [r.position for r in rejections] == sorted(r.position for r in rejections)


@pytest.mark.parametrize("what", ["type", "body"])
async def test_unreadable_command_becomes_a_dead_letter(stage: Stage, what: str) -> None:
    stage.provisioner(PROXIMITY_DEAD_LETTER_AFTER="3")
    await stage.connected()
    application_id, operation_id = str(uuid4()), str(uuid4())
    headers = {
        "Nats-Msg-Id": operation_id,
        "ce-specversion": "1.0",
        "ce-id": operation_id,
        "ce-source": "urn:test",
        "ce-type": "dev.proximity.application.fly.v1" if what == "type" else "dev.proximity.application.stop.v1",
        "ce-time": "2026-01-01T00:00:00Z",
        "ce-correlationid": operation_id,
        "ce-authtype": "user",
        "ce-authid": ALICE.id,
    }
    await stage.bus.js.publish(
        subjects.command("application", application_id), json.dumps({"height": 3}).encode(), headers=headers
    )
    behind = await stage.ask(cmd.StopApplication, application_id)

    letter = (await stage.happened(operation_id, CommandDeadLettered)).event

    assert letter.attempts == 3
    assert letter.payload == {"height": 3}
    assert (letter.category, letter.target) == ("application", application_id)
    # it does not block what lies behind it
    assert (await rejection(stage, behind)).code == "application_not_found"
    await stage.until(stage.commands.undecided, lambda commands: commands == [])


async def test_the_same_command_twice_is_one_operation(running_stage: Stage) -> None:
    stage = running_stage
    command = cmd.DeployApplication(
        operation_id=str(uuid4()), application_id=str(uuid4()), name="Wiki", cluster_id=stage.cluster_id, spec=DEBIAN
    )
    for _ in range(3):
        await stage.send("application", command.application_id, command)
    await stage.succeeded(command.application_id, command.operation_id)
    assert len(stage.creates()) == 1
