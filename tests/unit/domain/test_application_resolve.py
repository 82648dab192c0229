"""What nobody can know a person decides; what a dead worker left is made again under the same number."""

from typing import Literal

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import StepName
from proximity.domain.errors import Rejected
from support.life import CAUSE, Life, deployed, deploying


def resolve(
    verdict: Literal["succeeded", "not_executed", "failed"], target: str = "deploy", operation_id: str = "resolve"
) -> cmd.ResolveOperation:
    return cmd.ResolveOperation(
        operation_id=operation_id, application_id="a1", target_operation_id=target, verdict=verdict
    )


def intended(life: Life, step: StepName) -> Life:
    """Up to the call of that step, whose answer is lost."""
    life.run(until=step)
    life.advance()
    assert life.step
    life.happen(ev.CallUnanswered(operation_id=life.step.operation_id, step=step, reason="596"))
    return life


def undecided(life: Life, step: StepName) -> Life:
    intended(life, step)
    op = life.app.operation
    assert op
    life.happen(
        ev.OperationUndecided(operation_id=op.id, kind=op.kind, step=step, cause=CAUSE, command="pct unlock 20001")
    )
    assert life.app.operation
    assert life.app.operation.undecided
    return life


def test_it_took_effect_so_the_next_step_follows() -> None:
    life = undecided(deploying(), "create")
    life.do(resolve("succeeded"))
    assert life.step
    assert (life.step.name, life.step.intent) == ("configure", None)
    life.run()
    assert isinstance(life.ends()["deploy"], ev.OperationSucceeded)
    assert life.ends()["resolve"] == ev.OperationSucceeded(operation_id="resolve", kind="resolve")


def test_it_was_not_executed_so_it_is_sent_again_under_the_same_number() -> None:
    life = undecided(deploying(), "create")
    assert life.app.container
    vmid = life.app.container.vmid
    life.do(resolve("not_executed"))
    assert life.step
    assert (life.step.name, life.step.intent) == ("create", None)
    life.advance()
    assert life.step.intent
    assert (life.step.intent.vmid, life.step.intent.attempt) == (vmid, 2)
    life.run()
    assert isinstance(life.ends()["deploy"], ev.OperationSucceeded)


def test_it_failed_so_a_deployment_removes_what_it_made() -> None:
    life = undecided(deploying(), "create")
    life.do(resolve("failed"))
    assert life.step
    assert life.step.name == "stop"
    life.run()
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "resolved_as_failed"
    assert end.left_behind is None


@pytest.mark.parametrize(
    ("command", "step", "power"),
    [
        (cmd.StopApplication, "stop", "stopped"),
        (cmd.ShutdownApplication, "shutdown", "stopped"),
    ],
)
def test_a_power_call_that_took_effect_ends_the_operation(
    command: type[cmd.StopApplication], step: StepName, power: str
) -> None:
    life = deployed()
    life.do(command(operation_id="x", application_id="a1"))
    undecided(life, step)
    life.do(resolve("succeeded", "x"))
    assert isinstance(life.ends()["x"], ev.OperationSucceeded)
    assert life.app.container
    assert life.app.container.power == power


@pytest.mark.parametrize("verdict", ["not_executed", "failed"])
def test_nobody_knows_what_proxmox_still_holds(verdict: Literal["not_executed", "failed"]) -> None:
    life = deployed()
    life.do(cmd.StopApplication(operation_id="x", application_id="a1"))
    undecided(life, "stop")
    life.do(resolve(verdict, "x"))
    assert life.app.unsettled
    assert life.app.unsettled.goal == "stopped"


def test_a_call_that_took_effect_keeps_nothing_waiting() -> None:
    life = deployed()
    life.do(cmd.StopApplication(operation_id="x", application_id="a1"))
    undecided(life, "stop")
    life.do(resolve("succeeded", "x"))
    assert life.app.unsettled is None


def test_time_that_was_over_begins_anew() -> None:
    life = undecided(deploying(), "create")
    life.happen(ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for="create"))
    life.do(resolve("succeeded"))
    life.run()
    assert isinstance(life.ends()["deploy"], ev.OperationSucceeded)


def test_only_what_is_undecided_is_decided() -> None:
    life = intended(deploying(), "create")
    with pytest.raises(Rejected) as no:
        life.do(resolve("succeeded"))
    assert no.value.code == "not_undecided"
    with pytest.raises(Rejected) as no:
        life.do(resolve("succeeded", "another"))
    assert no.value.code == "operation_not_in_flight"


def test_evidence_that_came_meanwhile_was_faster_than_the_person() -> None:
    life = undecided(deploying(), "create")
    life.happen(ev.TaskAccepted(operation_id="deploy", step="create", upid="UPID:late"))
    with pytest.raises(Rejected) as no:
        life.do(resolve("failed"))
    assert no.value.code == "not_undecided"


def test_a_decision_that_comes_twice_is_taken_once() -> None:
    life = undecided(deploying(), "create")
    assert life.do(resolve("not_executed"))
    assert life.do(resolve("not_executed")) == []


def half_made(life: Life) -> Life:
    intended(life, "create")
    assert life.app.container
    life.happen(ev.ContainerFoundHalfMade(operation_id="deploy", vmid=life.app.container.vmid))
    return life


def test_a_half_made_container_is_destroyed_and_made_again_under_the_same_number() -> None:
    life = half_made(deploying())
    assert life.app.container
    vmid = life.app.container.vmid
    seen = []
    while life.step:
        if life.step.intent is None:
            seen.append(life.step.name)
        for event in life.advance():
            if isinstance(event, ev.StepIntended) and event.step == "create":
                # "already exists" would not prove a stranger: it is not the first send
                assert (event.vmid, event.attempt) == (vmid, 2)
    assert seen[:3] == ["destroy", "prove_gone", "create"]
    assert isinstance(life.ends()["deploy"], ev.OperationSucceeded)
    assert life.app.container.vmid == vmid


def test_a_half_made_container_of_a_cancelled_deployment_is_only_destroyed() -> None:
    life = half_made(deploying())
    life.do(cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="deploy"))
    life.run()
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationCancelled)
    assert end.left_behind is None
    assert life.app.container is None


def test_what_cannot_be_removed_ends_the_deployment_and_is_named() -> None:
    life = half_made(deploying())
    life.happen(ev.StepFailed(operation_id="deploy", step="destroy", cause=CAUSE))
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind == "pve/20001"


def test_what_was_made_again_is_cleaned_up_like_anything_else() -> None:
    life = half_made(deploying())
    life.run(until="start")
    life.happen(ev.StepFailed(operation_id="deploy", step="start", cause=CAUSE))
    seen = []
    while life.step:
        if life.step.intent is None:
            seen.append(life.step.name)
        life.advance()
    assert seen == ["stop", "destroy", "prove_gone"]
    assert life.app.container is None


def test_a_destroy_that_may_come_late_is_not_forgotten_when_its_guest_is_gone() -> None:
    life = half_made(deploying())
    life.advance()
    life.happen(ev.CallUnanswered(operation_id="deploy", step="destroy", reason="596"))
    life.happen(ev.ContainerDestroyed(operation_id="deploy"))
    life.advance()
    assert life.step
    assert life.step.name == "create"
    assert life.app.unsettled
    assert life.app.unsettled.goal == "stopped"
