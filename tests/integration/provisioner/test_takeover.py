"""A replica sleeps for longer than its lease, in the middle of something; another goes on; then the first wakes up."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.model import Command
from support.gate import gate_to
from support.provisioning import ServiceProcess, Stage


@dataclass(frozen=True)
class Call:
    """How the request of the step looks, the type of its task, and the command that leads to it (None: it deploys)."""

    method: str
    path: str
    task: str
    command: type[Command] | None = None
    stopped_before: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    left: str | None = "running"

    def made(self, stage: Stage, since: int) -> int:
        """How often it was sent after so many requests."""
        sent = stage.simulator.requests()[since:]
        return len([r for r in sent if r["method"] == self.method and re.search(f"{self.path}$", r["path"])])


CALLS = {
    "create": Call("POST", "/lxc", "vzcreate"),
    "start": Call("POST", "/status/start", "vzstart", cmd.StartApplication, stopped_before=True),
    "stop": Call("POST", "/status/stop", "vzstop", cmd.StopApplication, left="stopped"),
    "shutdown": Call("POST", "/status/shutdown", "vzshutdown", cmd.ShutdownApplication, left="stopped"),
    "destroy": Call("DELETE", r"/lxc/[0-9]+", "vzdestroy", cmd.DeleteApplication, True, {"force": True}, left=None),
}


async def ready_for(stage: Stage, call: Call, name: str) -> str | None:
    """An application that is as the command needs it; None: there is nothing yet."""
    if call.command is None:
        return None
    application_id = await stage.running(name)
    if call.stopped_before:
        await stage.succeeded(application_id, await stage.ask(cmd.StopApplication, application_id))
    return application_id


async def ask(stage: Stage, call: Call, application_id: str | None, name: str) -> tuple[str, str]:
    if call.command is None or application_id is None:
        return await stage.deploy(name)
    return application_id, await stage.ask(call.command, application_id, **call.fields)


async def awake_again(stage: Stage, replica: ServiceProcess) -> None:
    """As somebody else: its lease was lost."""

    async def leases() -> int:
        return replica.output.read_text().count("the lease is taken")

    await stage.until(leases, lambda count: count == 2)


async def as_wanted(stage: Stage, application_id: str, call: Call) -> None:
    """The guest is as the command wanted it, made once, and the operation went through every step in order."""
    app = await stage.application(application_id)
    assert app is not None
    assert app.operation is None
    mine = [guest for guest in stage.ours() if f":{application_id}:" in guest["description"]]
    assert [guest["status"] for guest in mine] == ([call.left] if call.left else [])
    assert len([e for e in stage.creates() if f":{application_id}:" in e["description"]]) == 1


async def taken_over_before_anything(stage: Stage, operation_id: str, step: str) -> None:
    """What another replica did to the step comes after the word that it does so."""
    events = [r.event for r in await stage.everything() if r.metadata.correlation_id == operation_id]
    (taken,) = [e for e in events if isinstance(e, ev.StepTakenOver) and e.step == step]
    for event in events[events.index(taken) :]:
        if isinstance(event, ev.StepIntended) and event.step == step:
            assert event.runner == taken.runner
    before = [e for e in events[: events.index(taken)] if isinstance(e, ev.StepIntended) and e.step == step]
    assert {e.runner for e in before} == {taken.from_runner}
    assert [e for e in events if isinstance(e, ev.OperationSucceeded)] == events[-1:]


@pytest.mark.parametrize("step", CALLS)
async def test_asleep_between_announcing_and_calling(stage: Stage, step: str) -> None:
    """It never learns that its announcement is stored before it wakes up; then it is too late to call."""
    call = CALLS[step]
    stage.settings["PROXIMITY_REPEAT_AFTER_SECONDS"] = "0.5"
    async with gate_to(stage.nats.server.port) as gate:
        asleep = stage.provisioner(PROXIMITY_NATS_URL=f"nats://127.0.0.1:{gate.port}")
        await stage.connected()
        application_id = await ready_for(stage, call, "Wiki")
        earlier = len(stage.simulator.requests())
        gate.hold_answers_after("step_intended", f'"step":"{step}"')
        application_id, operation_id = await ask(stage, call, application_id, "Wiki")
        await stage.happened(application_id, ev.StepIntended, operation_id=operation_id, step=step)
        await gate.tripped.wait()
        asleep.freeze()
        assert call.made(stage, earlier) == 0
        stage.provisioner()
        stage.reconciler()
        await stage.succeeded(application_id, operation_id)
        assert call.made(stage, earlier) == 1

        await gate.open()
        asleep.thaw()
        await awake_again(stage, asleep)

    assert call.made(stage, earlier) == 1
    await taken_over_before_anything(stage, operation_id, step)
    await as_wanted(stage, application_id, call)


async def test_replicas_started_while_nats_restarts(stage: Stage) -> None:
    await stage.nats.server.kill()
    stage.provisioner()
    stage.provisioner()
    await stage.nats.server.start()
    await stage.connected()
    asked = [await stage.deploy(f"Wiki {n}") for n in range(4)]
    await stage.happened(asked[0][0], ev.StepIntended, step="create")
    await stage.nats.restart()
    for application_id, operation_id in asked:
        await stage.succeeded(application_id, operation_id)
    assert all(replica.running for replica in stage.provisioners)
    assert len(stage.creates()) == len(stage.ours()) == 4


@pytest.mark.parametrize("accepted", [False, True], ids=["not answered", "task running"])
async def test_asleep_while_proxmox_works_for_it(stage: Stage, accepted: bool) -> None:
    """One replica sleeps in the middle of a create, a start, a stop, a shutdown and a destroy, all at once."""
    stage.settings["PROXIMITY_REPEAT_AFTER_SECONDS"] = "0.5"
    asleep = stage.provisioner()
    await stage.connected()
    ready = await asyncio.gather(*(ready_for(stage, call, step) for step, call in CALLS.items()))
    faults = [
        stage.simulator.fault("task_held", type=call.task)
        if accepted
        else stage.simulator.fault("slow", method=call.method, path=f"{call.path}$", seconds=5)
        for call in CALLS.values()
    ]
    asked = await asyncio.gather(
        *(ask(stage, call, id_, step) for (step, call), id_ in zip(CALLS.items(), ready, strict=True))
    )
    for (application_id, operation_id), step in zip(asked, CALLS, strict=True):
        if accepted:
            await stage.happened(application_id, ev.TaskAccepted, operation_id=operation_id, step=step)
    if not accepted:
        for fault in faults:
            await stage.arrived(fault)
    asleep.freeze()
    stage.provisioner()
    stage.reconciler()
    for (application_id, operation_id), step in zip(asked, CALLS, strict=True):
        await stage.happened(application_id, ev.StepTakenOver, operation_id=operation_id, step=step)
    if accepted:
        for fault in faults:
            stage.simulator.remove_fault(fault)
    for application_id, operation_id in asked:
        await stage.succeeded(application_id, operation_id)

    asleep.thaw()

    await awake_again(stage, asleep)
    await stage.running("Another")
    for (application_id, operation_id), (step, call) in zip(asked, CALLS.items(), strict=True):
        await taken_over_before_anything(stage, operation_id, step)
        await as_wanted(stage, application_id, call)
