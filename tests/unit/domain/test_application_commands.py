"""What may be asked of an application in which state."""

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent
from support.deciders import given
from support.life import CAUSE, SPEC, Life, deploy, deployed, deploying

REQUESTED = ev.DeployRequested(
    operation_id="deploy", name="Müller's Wiki", slug="mullers-wiki", cluster_id="c1", node=None, spec=SPEC
)
START = cmd.StartApplication(operation_id="start", application_id="a1")
SHUTDOWN = cmd.ShutdownApplication(operation_id="shutdown", application_id="a1")
STOP = cmd.StopApplication(operation_id="stop", application_id="a1")
RESTART = cmd.RestartApplication(operation_id="restart", application_id="a1")
DELETE = cmd.DeleteApplication(operation_id="delete", application_id="a1")
CANCEL = cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="deploy")
POWER = [START, SHUTDOWN, STOP, RESTART]

RUNNING = deployed().events
FAILED = [
    REQUESTED,
    ev.StepFailed(operation_id="deploy", step="preflight", cause=CAUSE),
    ev.OperationFailed(operation_id="deploy", kind="deploy", cause=CAUSE),
]


def after(*commands: cmd.ApplicationCommand) -> list[ApplicationEvent]:
    life = deployed()
    for command in commands:
        life.do(command)
        life.run()
    return life.events


def test_a_deployment_is_requested_under_the_unique_form_of_its_name() -> None:
    given().when(deploy(name="Müller's Wiki")).then(REQUESTED)


@pytest.mark.parametrize("name", ["", "!!!", "日本"])
def test_a_name_of_which_nothing_can_be_kept_is_refused(name: str) -> None:
    given().when(deploy(name=name)).rejected("invalid_name")


def test_an_application_id_is_used_once() -> None:
    given(REQUESTED).when(deploy(operation_id="other")).rejected("application_exists")


@pytest.mark.parametrize("command", [*POWER, DELETE, CANCEL])
def test_nothing_can_be_asked_of_an_application_that_never_was(command: cmd.ApplicationCommand) -> None:
    given().when(command).rejected("application_not_found")


@pytest.mark.parametrize("command", [*POWER, CANCEL, DELETE.model_copy(update={"operation_id": "delete-2"})])
def test_nothing_can_be_asked_of_a_deleted_application(command: cmd.ApplicationCommand) -> None:
    given(*after(DELETE)).when(command).rejected("application_not_found")


@pytest.mark.parametrize(
    ("command", "request_"),
    [
        (START, ev.StartRequested(operation_id="start")),
        (SHUTDOWN, ev.ShutdownRequested(operation_id="shutdown")),
        (STOP, ev.StopRequested(operation_id="stop")),
        (RESTART, ev.RestartRequested(operation_id="restart")),
        (DELETE, ev.DeleteRequested(operation_id="delete", force=False)),
    ],
)
@pytest.mark.parametrize("past", [RUNNING, after(STOP.model_copy(update={"operation_id": "earlier"}))])
def test_an_idle_application_takes_every_command(
    past: list[ApplicationEvent], command: cmd.ApplicationCommand, request_: ApplicationEvent
) -> None:
    given(*past).when(command).then(request_)


@pytest.mark.parametrize("command", POWER)
def test_while_something_is_in_flight_power_commands_are_refused(command: cmd.ApplicationCommand) -> None:
    given(REQUESTED).when(command).rejected("operation_in_flight")


@pytest.mark.parametrize("command", POWER)
def test_a_failed_deployment_has_no_container_to_switch(command: cmd.ApplicationCommand) -> None:
    given(*FAILED).when(command).rejected("no_container")


@pytest.mark.parametrize("command", [*POWER, DELETE, deploy()])
def test_a_command_that_comes_twice_is_handled_once(command: cmd.ApplicationCommand) -> None:
    life = deployed()
    life.do(command)
    given(*life.events).when(command).then_nothing()
    life.run()
    given(*life.events).when(command).then_nothing()


def test_what_never_got_a_container_is_deleted_at_once() -> None:
    given(*FAILED).when(DELETE).then(
        ev.DeleteRequested(operation_id="delete", force=False),
        ev.OperationSucceeded(operation_id="delete", kind="delete"),
    )


def test_a_delete_is_asked_for_once() -> None:
    second = DELETE.model_copy(update={"operation_id": "delete-2", "force": True})
    given(*RUNNING, ev.DeleteRequested(operation_id="delete", force=False)).when(second).rejected("operation_in_flight")
    life = deploying()
    life.run(until="create")
    life.advance()
    life.do(DELETE)
    assert life.app.queued
    given(*life.events).when(second).rejected("operation_in_flight")


def test_cancelling_before_anything_was_done_ends_both_operations_at_once() -> None:
    given(REQUESTED).when(CANCEL).then(
        ev.CancelRequested(operation_id="deploy", by_operation_id="cancel"),
        ev.OperationSucceeded(operation_id="cancel", kind="cancel"),
        ev.OperationCancelled(operation_id="deploy", kind="deploy", by_operation_id="cancel"),
    )


def _creating() -> Life:
    life = deploying()
    life.run(until="create")
    life.advance()
    return life


def test_cancelling_in_the_middle_waits_for_what_is_under_way() -> None:
    given(*_creating().events).when(CANCEL).then(
        ev.CancelRequested(operation_id="deploy", by_operation_id="cancel"),
        ev.OperationSucceeded(operation_id="cancel", kind="cancel"),
    )


def test_cancelling_twice_is_said_to_be_needless() -> None:
    life = _creating()
    life.do(CANCEL)
    given(*life.events).when(CANCEL).then_nothing()
    given(*life.events).when(CANCEL.model_copy(update={"operation_id": "again"})).rejected("already_cancelled")


def test_what_is_over_cannot_be_cancelled() -> None:
    given(*RUNNING).when(CANCEL).rejected("operation_not_in_flight")


def test_a_delete_cannot_be_cancelled_waiting_or_not() -> None:
    cancel = CANCEL.model_copy(update={"target_operation_id": "delete"})
    given(*RUNNING, ev.DeleteRequested(operation_id="delete", force=False)).when(cancel).rejected("not_cancellable")
    life = _creating()
    life.do(DELETE)
    given(*life.events).when(cancel).rejected("not_cancellable")
