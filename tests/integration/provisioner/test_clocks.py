"""Clocks that are wrong: of replicas and of nodes. What counts is the log's time and each node's own."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from support.provisioning import ServiceProcess, Stage

CLOCKS = ("420", "-300", "420,-300")
CREATE, START, STOP = ("POST", r"/lxc$"), ("POST", "/status/start$"), ("POST", "/status/stop$")


def runs_ahead(process: ServiceProcess, stored_at: datetime) -> timedelta:
    """By what its last line says."""
    line = json.loads(process.output.read_text().splitlines()[-1])
    return datetime.fromisoformat(line["timestamp"]) - stored_at


async def runner_of(stage: Stage, incarnation: str) -> ServiceProcess:
    """The replica that goes by that name now."""

    async def look() -> ServiceProcess | None:
        return next((p for p in stage.provisioners if p.running and incarnation in p.output.read_text()), None)

    found: ServiceProcess = await stage.until(look, bool)
    return found


async def test_replicas_whose_clocks_disagree_by_minutes(stage: Stage) -> None:
    """Ahead, behind and right, on nodes that are wrong, too; the one that creates is killed in the middle."""
    stage.simulator.fault("time_skew", node="pve1", skew=3600)
    stage.simulator.fault("time_skew", node="pve2", skew=-1800)
    stage.settings["PROXIMITY_SETTLE_SECONDS"] = "4"
    replicas = [stage.provisioner(clock=clock) for clock in ("420", "-300", "")]
    stage.reconciler()
    await stage.connected()
    applications = [await stage.deploy(f"Wiki {n}", node=f"pve{n % 2 + 1}") for n in range(4)]
    for application_id, operation_id in applications:
        await stage.succeeded(application_id, operation_id)
    others = [application_id for application_id, _ in applications]

    # killed while its create has no answer: the effect takes place, the answer goes to nobody
    called = stage.simulator.fault("slow", method=CREATE[0], path=CREATE[1], seconds=3)
    last, deploying = await stage.deploy("Last", node="pve2")
    intended = await stage.happened(last, ev.StepIntended, step="create")
    dead = await runner_of(stage, intended.event.runner)
    await stage.arrived(called)
    dead.kill()
    restarts = [(id_, await stage.ask(cmd.RestartApplication, id_)) for id_ in others]
    await stage.happened(last, ev.StepTakenOver)
    for application_id, operation_id in (*restarts, (last, deploying)):
        await stage.succeeded(application_id, operation_id)

    deletes = [(id_, await stage.ask(cmd.DeleteApplication, id_)) for id_ in (*others, last)]
    for application_id, operation_id in deletes:
        await stage.succeeded(application_id, operation_id)
    records = await stage.everything()
    assert len({entry["vmid"] for entry in stage.creates()}) == len(stage.creates()) == 5
    assert stage.ours() == []
    assert not [r for r in records if isinstance(r.event, ev.DeadlinePassed | ev.OperationFailed)]
    assert all(abs(r.stored_at - r.metadata.time) < timedelta(seconds=30) for r in records)
    for process, ahead in zip(replicas, (420, -300, 0), strict=True):
        wrong = runs_ahead(process, intended.stored_at) - timedelta(seconds=ahead)
        assert abs(wrong) < timedelta(minutes=2), "the replicas' clocks were to be as wrong as that"
        assert "the lease is lost" not in process.output.read_text()


@pytest.mark.parametrize("clock", CLOCKS)
async def test_a_wrong_clock_finds_the_evidence_of_lost_answers(stage: Stage, clock: str) -> None:
    """The task of a lost call is looked for by the node's time, which is an hour off in the other direction."""
    stage.simulator.fault("time_skew", skew=-3600 if clock.startswith("4") else 3600)
    replica = stage.provisioner(clock=clock)
    await stage.connected()
    for method, path in (CREATE, START):
        stage.simulator.fault("drop_after", method=method, path=path)
    application_id = await stage.running()
    stage.simulator.fault("drop_after", method=STOP[0], path=STOP[1])
    await stage.succeeded(application_id, await stage.ask(cmd.StopApplication, application_id))

    records = await stage.history(application_id)
    wrong = abs(runs_ahead(replica, records[-1].stored_at))
    assert timedelta(minutes=4) < wrong < timedelta(minutes=8), "the replica's clock was to be wrong"
    assert [r.event.step for r in records if isinstance(r.event, ev.CallUnanswered)] == ["create", "start", "stop"]
    calls = [r.event.attempt for r in records if isinstance(r.event, ev.StepIntended)]
    assert set(calls) == {1}, "a call was repeated although its task was there to be found"
    assert len(stage.creates()) == 1
    assert await stage.statuses() == ["stopped"]


async def test_settling_is_judged_by_the_time_of_the_node(stage: Stage) -> None:
    """A lost start keeps a stop waiting for the time that passes on the node, however the clocks disagree."""
    stage.settings |= {"PROXIMITY_SETTLE_SECONDS": "6", "PROXIMITY_REPEAT_AFTER_SECONDS": "30"}
    stage.simulator.fault("time_skew", skew=-7200)
    stage.provisioner(clock="420")
    stage.provisioner(clock="-300")
    await stage.connected()
    application_id = await stage.running()
    await stage.succeeded(application_id, await stage.ask(cmd.StopApplication, application_id))
    stage.simulator.fault("late", method=START[0], path=START[1], seconds=3)
    starting = await stage.ask(cmd.StartApplication, application_id)
    lost = await stage.happened(application_id, ev.CallUnanswered)
    await stage.ask(cmd.CancelOperation, application_id, target_operation_id=starting)
    await stage.ended(application_id, starting)

    stopping = await stage.ask(cmd.StopApplication, application_id)

    await stage.succeeded(application_id, stopping)
    intended: Any = await stage.happened(application_id, ev.StepIntended, operation_id=stopping)
    # whole seconds of the node, rounded down twice
    assert intended.stored_at - lost.stored_at > timedelta(seconds=4)
    assert await stage.statuses() == ["stopped"]
