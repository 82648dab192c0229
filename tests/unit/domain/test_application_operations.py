"""How operations run, and that they end whatever comes between."""

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent, StepName
from proximity.domain.application.evolve import evolve
from proximity.domain.application.process import next_step
from proximity.domain.application.state import INITIAL, State
from proximity.domain.model import Command
from support.deciders import NOON
from support.images import VAULTWARDEN
from support.life import CAUSE, Life, again, deploy, deployed, deploying, every_point_of

DELETE = cmd.DeleteApplication(operation_id="delete", application_id="a1")
FORCED = cmd.DeleteApplication(operation_id="delete", application_id="a1", force=True)
CANCEL = cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="deploy")


def steps_of(life: Life, operation_id: str) -> list[StepName]:
    """The steps that were gone through, done or failed."""
    seen: list[StepName] = []
    state: State = INITIAL
    for event in life.events:
        before = next_step(state)
        state = evolve(state, event, NOON)
        after = next_step(state)
        if before and before.operation_id == operation_id and (after is None or after.name != before.name):
            seen.append(before.name)
    return seen


def with_command(command: cmd.ApplicationCommand) -> Life:
    life = deployed()
    life.do(command)
    life.run()
    return life


def test_a_deployment_goes_through_all_its_steps() -> None:
    life = deployed()
    assert steps_of(life, "deploy") == [
        "preflight",
        "download_template",
        "claim_vmid",
        "create",
        "configure",
        "start",
        "find_address",
        "probe",
    ]
    assert life.ends() == {"deploy": ev.OperationSucceeded(operation_id="deploy", kind="deploy")}
    assert life.app.container
    assert (life.app.container.power, life.app.container.address) == ("running", "10.0.0.9")


def test_a_template_that_is_there_is_not_downloaded() -> None:
    life = deploying()
    step = life.step
    assert step
    passed = life.favourable(step)
    life.happen(passed.model_copy(update={"template_present": True}))
    life.run()
    assert "download_template" not in steps_of(life, "deploy")


def test_an_image_is_pulled_unless_it_is_there() -> None:
    assert steps_of(deployed(VAULTWARDEN), "deploy")[:3] == ["preflight", "pull_image", "claim_vmid"]
    life = deploying(spec=VAULTWARDEN)
    assert life.step
    life.happen(life.favourable(life.step).model_copy(update={"template_present": True}))
    assert life.step
    assert life.step.name == "claim_vmid"


def test_a_pull_that_fails_ends_the_deployment_with_nothing_to_remove() -> None:
    life = deploying(spec=VAULTWARDEN)
    life.run(until="pull_image")
    life.advance()
    life.happen(ev.StepFailed(operation_id="deploy", step="pull_image", cause=CAUSE))
    assert life.ends() == {"deploy": ev.OperationFailed(operation_id="deploy", kind="deploy", cause=CAUSE)}


@pytest.mark.parametrize(
    ("command", "steps"),
    [
        (
            cmd.StartApplication(operation_id="x", application_id="a1"),
            ["start", "find_address", "probe"],
        ),
        (cmd.ShutdownApplication(operation_id="x", application_id="a1"), ["shutdown"]),
        (cmd.StopApplication(operation_id="x", application_id="a1"), ["stop"]),
        (
            cmd.RestartApplication(operation_id="x", application_id="a1"),
            ["shutdown", "start", "find_address", "probe"],
        ),
        (
            cmd.DeleteApplication(operation_id="x", application_id="a1"),
            ["shutdown", "destroy", "prove_gone"],
        ),
        (
            cmd.DeleteApplication(operation_id="x", application_id="a1", force=True),
            ["stop", "destroy", "prove_gone"],
        ),
    ],
    ids=lambda value: value.TYPE if isinstance(value, Command) else None,
)
def test_each_operation_has_its_steps(command: cmd.ApplicationCommand, steps: list[StepName]) -> None:
    life = with_command(command)
    assert steps_of(life, "x") == steps
    assert isinstance(life.ends()["x"], ev.OperationSucceeded)


def test_a_guest_that_does_not_go_down_is_stopped_when_it_is_to_be_deleted() -> None:
    life = deployed()
    life.do(DELETE)
    life.advance()
    life.happen(ev.StepFailed(operation_id="delete", step="shutdown", cause=CAUSE))
    life.run()
    assert steps_of(life, "delete") == ["shutdown", "stop", "destroy", "prove_gone"]
    assert life.app.deleted


def test_a_guest_that_does_not_go_down_fails_a_restart() -> None:
    life = deployed()
    life.do(cmd.RestartApplication(operation_id="restart", application_id="a1"))
    life.advance()
    life.happen(ev.StepFailed(operation_id="restart", step="shutdown", cause=CAUSE))
    assert life.ends()["restart"] == ev.OperationFailed(
        operation_id="restart", kind="restart", cause=CAUSE, desired="running"
    )


def test_a_container_that_somebody_else_removed_counts_as_deleted() -> None:
    life = deployed()
    life.do(DELETE)
    ct = life.app.container
    assert ct
    life.happen(ev.ContainerProvenGone(operation_id="delete", node=ct.node, vmid=ct.vmid))
    assert isinstance(life.ends()["delete"], ev.OperationSucceeded)


POINTS = every_point_of(deployed())


def at_every_point(past: list[ApplicationEvent]) -> str:
    return f"{len(past)}-after-{past[-1].TYPE.split('.')[1]}"


@pytest.mark.parametrize("past", POINTS, ids=at_every_point)
@pytest.mark.parametrize("delete", [DELETE, FORCED], ids=["gently", "forced"])
def test_a_delete_supersedes_a_deployment_at_every_point(
    past: list[ApplicationEvent], delete: cmd.DeleteApplication
) -> None:
    life = again(past)
    in_hand = life.app.operation.intent if life.app.operation else None
    life.do(delete)
    if in_hand:
        assert life.app.operation
        assert life.app.operation.intent == in_hand, "what was announced is seen through"
    life.run()
    ends = life.ends()
    assert isinstance(ends["deploy"], ev.OperationCancelled)
    assert isinstance(ends["delete"], ev.OperationSucceeded)
    assert life.app.deleted
    assert life.app.container is None or not life.app.container.created
    assert not life.claims.holders("name.wiki")


@pytest.mark.parametrize("past", POINTS, ids=at_every_point)
def test_a_cancelled_deployment_leaves_nothing_at_any_point(past: list[ApplicationEvent]) -> None:
    life = again(past)
    life.do(CANCEL)
    life.run()
    end = life.ends()["deploy"]
    assert end == ev.OperationCancelled(operation_id="deploy", kind="deploy", by_operation_id="cancel")
    assert life.app.container is None or not life.app.container.created
    Life("a2", claims=life.claims, next_vmid=20001).do(deploy("again", "a2"))


@pytest.mark.parametrize("past", POINTS, ids=at_every_point)
def test_a_failed_step_removes_what_the_deployment_made(past: list[ApplicationEvent]) -> None:
    life = again(past)
    step = life.step
    assert step
    life.happen(ev.StepFailed(operation_id="deploy", step=step.name, cause=CAUSE))
    life.run()
    assert life.ends()["deploy"] == ev.OperationFailed(operation_id="deploy", kind="deploy", cause=CAUSE)
    assert not life.claims.holders("name.wiki")


@pytest.mark.parametrize("past", POINTS, ids=at_every_point)
def test_a_deadline_fails_a_deployment_as_soon_as_nothing_is_in_hand(past: list[ApplicationEvent]) -> None:
    life = again(past)
    step = life.step
    assert step
    overdue = ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for=step.name)
    assert life.happen(overdue)[0] == overdue
    assert life.happen(overdue) == []
    life.run()
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert (end.cause.code, end.left_behind) == ("deadline_passed", None)


@pytest.mark.parametrize(
    "command",
    [
        cmd.ShutdownApplication(operation_id="x", application_id="a1"),
        cmd.StopApplication(operation_id="x", application_id="a1"),
    ],
)
def test_what_reaches_its_goal_late_has_reached_it(command: cmd.ApplicationCommand) -> None:
    life = deployed()
    life.do(command)
    life.advance()
    assert life.step
    life.happen(ev.DeadlinePassed(operation_id="x", phase="forward", waiting_for=life.step.name))
    life.run()
    assert isinstance(life.ends()["x"], ev.OperationSucceeded)


def test_a_container_that_is_gone_when_the_deadline_has_passed_is_deleted_all_the_same() -> None:
    life = deployed()
    life.do(DELETE)
    life.run(until="destroy")
    life.advance()
    life.happen(ev.DeadlinePassed(operation_id="delete", phase="forward", waiting_for="destroy"))
    ct = life.app.container
    assert ct
    life.happen(ev.ContainerProvenGone(operation_id="delete", node=ct.node, vmid=ct.vmid))
    assert isinstance(life.ends()["delete"], ev.OperationSucceeded)
    assert life.app.deleted


def test_the_reason_it_waited_for_is_told_when_the_deadline_passes() -> None:
    life = deploying()
    life.happen(ev.StepPostponed(operation_id="deploy", step="preflight", cause=CAUSE, withdrawn=True))
    life.happen(ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for="preflight"))
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert CAUSE.message in end.cause.message
    assert end.cause.proxmox == CAUSE.proxmox


def unwinding(at: StepName) -> Life:
    """A failed deployment that is being cleaned up."""
    life = deploying()
    life.run(until="start")
    life.happen(ev.StepFailed(operation_id="deploy", step="start", cause=CAUSE))
    life.run(until=at)
    return life


@pytest.mark.parametrize("step", ["stop", "destroy", "prove_gone"])
def test_what_cannot_be_cleaned_up_is_named_and_keeps_its_name(step: StepName) -> None:
    life = unwinding(step)
    why = CAUSE.model_copy(update={"code": "locked"})
    life.happen(ev.StepFailed(operation_id="deploy", step=step, cause=why))
    assert life.ends()["deploy"] == ev.OperationFailed(
        operation_id="deploy", kind="deploy", cause=CAUSE, left_behind="pve/20001"
    ), "the cause is what went wrong first"
    assert life.claims.holders("name.wiki") == {"a1"}
    life.do(DELETE)
    life.run()
    assert not life.claims.holders("name.wiki")


@pytest.mark.parametrize("step", ["stop", "destroy", "prove_gone"])
def test_cleaning_up_has_a_deadline_of_its_own(step: StepName) -> None:
    life = unwinding(step)
    life.happen(ev.DeadlinePassed(operation_id="deploy", phase="unwind", waiting_for=step))
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind == "pve/20001"


def test_the_first_deadline_means_nothing_while_cleaning_up() -> None:
    life = unwinding("destroy")
    assert life.happen(ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for="destroy")) == []


def test_a_deletion_that_fails_says_what_is_left() -> None:
    life = deployed()
    life.do(DELETE)
    life.run(until="destroy")
    life.happen(ev.StepFailed(operation_id="delete", step="destroy", cause=CAUSE))
    assert life.ends()["delete"] == ev.OperationFailed(
        operation_id="delete", kind="delete", cause=CAUSE, left_behind="pve/20001"
    )
    assert life.claims.holders("name.wiki") == {"a1"}


def test_a_vmid_found_taken_is_replaced_by_another() -> None:
    life = deploying()
    life.run(until="create")
    life.advance()
    life.happen(ev.VmidFoundTaken(operation_id="deploy", vmid=20001))
    assert life.app.container is None
    life.run()
    assert life.app.container
    assert life.app.container.vmid == 20002
    assert life.claims.holders("vmid.c1-20001") == life.claims.holders("vmid.c1-20002") == {"a1"}


def test_a_late_vmid_found_taken_does_not_touch_the_new_number() -> None:
    life = deploying()
    life.run(until="create")
    life.advance()
    taken = ev.VmidFoundTaken(operation_id="deploy", vmid=20001)
    life.happen(taken)
    life.run(until="create")
    life.advance()
    assert life.happen(taken) == []


def test_a_vmid_found_taken_by_a_cancelled_deployment_leaves_nothing() -> None:
    life = deploying()
    life.run(until="create")
    life.advance()
    life.do(CANCEL)
    life.happen(ev.VmidFoundTaken(operation_id="deploy", vmid=20001))
    assert life.ends()["deploy"] == ev.OperationCancelled(
        operation_id="deploy", kind="deploy", by_operation_id="cancel"
    )


@pytest.mark.parametrize("past", POINTS, ids=at_every_point)
def test_late_outcomes_of_what_is_done_change_nothing(past: list[ApplicationEvent]) -> None:
    life = again(past)
    outcomes = [e for e in past if not isinstance(e, ev.DeployRequested | ev.StepIntended | ev.TaskAccepted)]
    op = life.app.operation
    assert op
    for late in outcomes:
        assert life.happen(late) == [], late
    if op.intent is None or op.intent.step != "start":
        started = ev.ContainerStarted(operation_id="deploy")
        current = life.step
        assert current
        assert (life.happen(started) == []) == (current.name != "start")


def test_a_late_outcome_does_not_make_forget_what_is_in_hand() -> None:
    life = deploying()
    life.run(until="find_address")
    life.do(CANCEL)
    life.advance()
    op = life.app.operation
    assert op
    assert op.intent
    assert op.intent.step == "stop"
    assert life.happen(ev.ContainerStarted(operation_id="deploy")) == []
    assert life.app.operation == op


def test_an_outcome_of_an_operation_that_is_over_changes_nothing() -> None:
    life = deployed()
    before = life.state
    for outcome in (
        ev.ContainerStopped(operation_id="deploy"),
        ev.StepFailed(operation_id="deploy", step="probe", cause=CAUSE),
        ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for="probe"),
        ev.ContainerProvenGone(operation_id="nobody", node="pve", vmid=20001),
    ):
        assert life.happen(outcome) == []
    assert life.state == before


def creating() -> Life:
    life = deploying()
    life.run(until="create")
    life.advance()
    return life


def test_a_step_is_announced_once_however_many_replicas_try() -> None:
    life = deploying()
    life.run(until="create")
    step = life.step
    assert step
    mine, theirs = life.intended(step, "r1"), life.intended(step, "r2")
    assert life.happen(mine) == [mine]
    assert life.happen(mine) == []
    assert life.happen(theirs) == [], "the one who comes second must not call"


def test_only_one_replica_takes_over_from_a_dead_one() -> None:
    life = creating()
    second = ev.StepTakenOver(operation_id="deploy", step="create", runner="r2", from_runner="r1")
    third = ev.StepTakenOver(operation_id="deploy", step="create", runner="r3", from_runner="r1")
    assert life.happen(second) == [second]
    assert life.happen(second) == []
    assert life.happen(third) == []
    op = life.app.operation
    assert op
    assert op.intent
    assert (op.runner, op.intent.runner, op.intent.unanswered) == ("r2", "r2", True)


def test_a_task_that_is_known_is_waited_for_by_the_successor() -> None:
    life = creating()
    life.advance()
    life.happen(ev.StepTakenOver(operation_id="deploy", step="create", runner="r2", from_runner="r1"))
    op = life.app.operation
    assert op
    assert op.intent
    assert op.intent.upid
    assert not op.intent.unanswered


POWER: dict[str, cmd.ApplicationCommand] = {
    "start": cmd.StartApplication(operation_id="x", application_id="a1"),
    "stop": cmd.StopApplication(operation_id="x", application_id="a1"),
    "shutdown": cmd.ShutdownApplication(operation_id="x", application_id="a1"),
}


@pytest.mark.parametrize(("step", "goal"), [("start", "running"), ("stop", "stopped"), ("shutdown", "stopped")])
def test_an_unanswered_power_call_unsettles_the_guest(step: StepName, goal: str) -> None:
    life = deployed()
    life.do(POWER[step])
    life.advance()
    life.happen(ev.CallUnanswered(operation_id="x", step=step, reason="596"))
    unsettled = life.app.unsettled
    assert unsettled
    assert unsettled.goal == goal
    assert life.app.container
    assert life.app.container.power == "unknown"


def test_a_call_that_was_certainly_not_executed_leaves_nothing_behind() -> None:
    life = creating()
    life.happen(ev.StepPostponed(operation_id="deploy", step="create", cause=CAUSE, withdrawn=True))
    life.do(CANCEL)
    assert life.ends()["deploy"] == ev.OperationCancelled(
        operation_id="deploy", kind="deploy", by_operation_id="cancel"
    )


def test_a_call_whose_task_ran_may_have_left_something() -> None:
    life = creating()
    life.happen(ev.TaskAccepted(operation_id="deploy", step="create", upid="UPID:1"))
    life.happen(ev.StepPostponed(operation_id="deploy", step="create", cause=CAUSE, withdrawn=True))
    life.do(CANCEL)
    assert life.step
    assert life.step.name == "stop"


def test_a_call_whose_answer_was_lost_may_have_left_something() -> None:
    life = creating()
    life.happen(ev.CallUnanswered(operation_id="deploy", step="create", reason="596"))
    life.happen(ev.StepPostponed(operation_id="deploy", step="create", cause=CAUSE, withdrawn=True))
    life.do(CANCEL)
    assert life.step
    assert life.step.name == "stop"


def undecided() -> Life:
    life = creating()
    life.happen(ev.CallUnanswered(operation_id="deploy", step="create", reason="596"))
    event = ev.OperationUndecided(
        operation_id="deploy", kind="deploy", step="create", cause=CAUSE, command="pct unlock 20001"
    )
    assert life.happen(event) == [event]
    assert life.happen(event) == []
    return life


def test_what_is_undecided_goes_on_when_evidence_arrives() -> None:
    life = undecided()
    life.happen(ev.TaskAccepted(operation_id="deploy", step="create", upid="UPID:late"))
    op = life.app.operation
    assert op
    assert not op.undecided
    life.run()
    assert isinstance(life.ends()["deploy"], ev.OperationSucceeded)


def test_what_is_undecided_is_said_again_by_a_successor_and_after_a_cancel() -> None:
    life = undecided()
    again = ev.OperationUndecided(
        operation_id="deploy", kind="deploy", step="create", cause=CAUSE, command="pct status"
    )
    runner = life.app.operation.runner if life.app.operation else None
    life.happen(ev.StepTakenOver(operation_id="deploy", step="create", runner="two", from_runner=runner or ""))
    assert life.happen(again) == [again]
    life.do(CANCEL)
    assert life.happen(again) == [again]


def test_a_delete_waits_behind_what_is_undecided() -> None:
    life = undecided()
    assert life.do(DELETE) == [ev.DeleteRequested(operation_id="delete", force=False)]
    assert life.step
    assert life.step.name == "create"
    life.run()
    assert life.app.deleted


def test_a_deadline_does_not_decide_what_is_undecided() -> None:
    life = undecided()
    life.happen(ev.DeadlinePassed(operation_id="deploy", phase="forward", waiting_for="create"))
    assert life.app.operation
    assert life.app.operation.intent, "what the call did is still not known"
    life.run()
    end = life.ends()["deploy"]
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind is None
