"""Given events, then the row of the operation and its steps."""

from typing import Any

import pytest

from proximity.domain.application import events as app
from proximity.domain.application.plan import plan
from proximity.domain.application.state import Application
from proximity.domain.cluster import events as cl
from proximity.domain.guest import events as gu
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from proximity.messaging.aggregates import APPLICATION
from support.images import VAULTWARDEN
from support.projection import (
    START,
    adopted,
    adopting,
    connecting,
    deleted,
    deployed,
    deploying,
    folded,
    guest,
    intended,
    of,
)

LOCKED = Cause(code="container_locked", message="CT 20000 is locked.", proxmox="CT is locked (backup)")
AWAY = Cause(code="node_unreachable", message="Proxmox cannot be reached.")


def operation(id_: str, *events: Event) -> dict[str, Any]:
    return folded(of("application", "a1", events)).changed["operations"][id_]


def steps(row: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in row["steps"]}


def step(row: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in row["steps"] if s["name"] == name)
    return found


def test_who_asked_for_what_when_and_why() -> None:
    row = operation("op-deploy", *deploying()[:1])
    assert (row["kind"], row["category"], row["target"], row["target_name"]) == ("deploy", "application", "a1", "Wiki")
    assert (row["actor"], row["reason"], row["status"]) == ("user:u1", "because", "running")
    assert row["accepted_at"] > START
    assert row["ended_at"] is None


@pytest.mark.parametrize("probe", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        *("deploy", "start", "shutdown", "stop", "restart", "delete", "force-delete"),
        *("adopt", "release", "delete-adopted", "destroy-adopted"),
    ],
)
def test_the_steps_it_begins_with_are_the_plan_of_the_domain(kind: str, probe: bool) -> None:
    deployment = [*deploying("op-deploy", probe=probe), *deployed()[3:]]
    requests: dict[str, list[Event]] = {
        "deploy": deploying("op", probe=probe)[:1],
        "start": [*deployment, app.StartRequested(operation_id="op")],
        "shutdown": [*deployment, app.ShutdownRequested(operation_id="op")],
        "stop": [*deployment, app.StopRequested(operation_id="op")],
        "restart": [*deployment, app.RestartRequested(operation_id="op")],
        "delete": [*deployment, app.DeleteRequested(operation_id="op", force=False)],
        "force-delete": [*deployment, app.DeleteRequested(operation_id="op", force=True)],
        "adopt": adopting("op")[:1],
        "release": [*adopted(), app.ReleaseRequested(operation_id="op")],
        "delete-adopted": [*adopted(), app.DeleteRequested(operation_id="op", force=False)],
        "destroy-adopted": [*adopted(), app.DeleteRequested(operation_id="op", force=False, destroy=True)],
    }
    state: Any = APPLICATION.initial
    for event in requests[kind]:
        state = APPLICATION.evolve(state, event, START)
    assert isinstance(state, Application)
    assert state.operation is not None
    row = operation("op", *requests[kind])
    assert [s["name"] for s in row["steps"]] == list(plan(state, state.operation))


def test_what_is_next_is_shown_as_running() -> None:
    row = operation("op-deploy", *deploying())
    assert steps(row) == {
        "preflight": "done",
        "claim_vmid": "done",
        "create": "running",
        "configure": "pending",
        "start": "pending",
        "find_address": "pending",
        "probe": "pending",
    }
    assert step(row, "claim_vmid")["detail"] == "VMID 20000 on pve1"
    assert step(row, "create")["started_at"] == step(row, "claim_vmid")["ended_at"]


def test_a_template_that_is_missing_is_downloaded() -> None:
    requested, passed, *_ = deploying()
    assert isinstance(passed, app.PreflightPassed)
    row = operation("op-deploy", requested, passed.model_copy(update={"template_present": False}))
    assert steps(row)["download_template"] == "running"


def test_an_image_is_pulled_where_a_template_would_be_downloaded() -> None:
    requested, passed, *_ = deploying()
    assert isinstance(requested, app.DeployRequested)
    assert isinstance(passed, app.PreflightPassed)
    requested = requested.model_copy(update={"spec": VAULTWARDEN})
    assert "download_template" not in steps(operation("op-deploy", requested))
    fetching = [requested, passed.model_copy(update={"template_present": False})]
    assert steps(operation("op-deploy", *fetching))["pull_image"] == "running"
    pulled = operation("op-deploy", *fetching, app.ImagePulled(operation_id="op-deploy", volid="local:vztmpl/v.tar"))
    assert (step(pulled, "pull_image")["status"], step(pulled, "pull_image")["detail"]) == (
        "done",
        "local:vztmpl/v.tar",
    )
    assert "pull_image" not in steps(operation("op-deploy", requested, passed)), "it is there"


def test_a_deployment_that_succeeded_has_done_all_its_steps() -> None:
    row = operation("op-deploy", *deployed())
    assert set(steps(row).values()) == {"done"}
    assert row["status"] == "succeeded"
    assert row["ended_at"] is not None
    assert all(s["started_at"] and s["ended_at"] for s in row["steps"])


def test_waiting_for_an_unreachable_node_is_parked_and_goes_on() -> None:
    postponed = app.StepPostponed(operation_id="op-deploy", step="create", cause=AWAY, withdrawn=True)
    row = operation("op-deploy", *deploying(), intended("create"), postponed)
    assert row["status"] == "parked"
    assert step(row, "create")["status"] == "waiting"
    assert step(row, "create")["detail"] == "Proxmox cannot be reached."
    again = operation("op-deploy", *deploying(), intended("create"), postponed, intended("create"))
    assert (again["status"], again["cause"], steps(again)["create"]) == ("running", None, "running")


def test_waiting_for_a_lock_is_running_with_the_reason() -> None:
    postponed = app.StepPostponed(operation_id="op-deploy", step="create", cause=LOCKED, withdrawn=True)
    row = operation("op-deploy", *deploying(), intended("create"), postponed)
    assert row["status"] == "running"
    assert row["cause"]["proxmox"] == "CT is locked (backup)"


def test_a_failed_deployment_shows_what_failed_and_how_it_was_cleaned_up() -> None:
    events = [
        *deploying(),
        intended("create"),
        app.ContainerCreated(operation_id="op-deploy", node="pve1", vmid=20000),
        intended("configure"),
        app.StepFailed(operation_id="op-deploy", step="configure", cause=LOCKED),
    ]
    row = operation("op-deploy", *events)
    assert list(steps(row).items())[-4:] == [
        ("configure", "failed"),
        ("stop", "running"),
        ("destroy", "pending"),
        ("prove_gone", "pending"),
    ]
    ended = operation(
        "op-deploy",
        *events,
        app.ContainerProvenGone(operation_id="op-deploy", node="pve1", vmid=20000),
        app.OperationFailed(operation_id="op-deploy", kind="deploy", cause=LOCKED),
    )
    assert ended["status"] == "failed"
    assert ended["cause"]["message"] == "CT 20000 is locked."
    assert steps(ended)["prove_gone"] == "done"


def test_a_deployment_that_failed_before_anything_was_made_has_nothing_to_clean_up() -> None:
    failed = app.StepFailed(operation_id="op-deploy", step="preflight", cause=LOCKED)
    row = operation("op-deploy", *deploying()[:1], failed)
    assert steps(row) == {"preflight": "failed"}


def test_what_may_be_left_behind_is_said() -> None:
    failed = app.OperationFailed(operation_id="op-deploy", kind="deploy", cause=LOCKED, left_behind="pve1/20000")
    assert "pve1/20000 may still exist on Proxmox." in operation("op-deploy", *deploying(), failed)["cause"]["message"]


def test_a_shutdown_that_fails_in_a_delete_is_followed_by_a_stop() -> None:
    row = operation(
        "op-delete",
        *deployed(),
        app.DeleteRequested(operation_id="op-delete", force=False),
        intended("shutdown", "op-delete"),
        app.StepFailed(operation_id="op-delete", step="shutdown", cause=LOCKED),
    )
    assert steps(row) == {"shutdown": "failed", "stop": "running", "destroy": "pending", "prove_gone": "pending"}


def test_a_delete_that_succeeded() -> None:
    row = operation("op-delete", *deployed(), *deleted())
    assert steps(row) == {"shutdown": "done", "destroy": "done", "prove_gone": "done"}
    assert row["status"] == "succeeded"


def test_undecided_says_what_a_person_runs_and_evidence_settles_it() -> None:
    undecided = app.OperationUndecided(
        operation_id="op-deploy", kind="deploy", step="create", cause=LOCKED, command="pct unlock 20000"
    )
    row = operation("op-deploy", *deploying(), intended("create"), undecided)
    assert (row["status"], row["resolve_command"]) == ("undecided", "pct unlock 20000")
    away = app.StepPostponed(operation_id="op-deploy", step="create", cause=AWAY, withdrawn=False)
    row = operation("op-deploy", *deploying(), intended("create"), undecided, away)
    assert (row["status"], row["resolve_command"]) == ("undecided", "pct unlock 20000"), "nothing was found out since"
    created = app.ContainerCreated(operation_id="op-deploy", node="pve1", vmid=20000)
    row = operation("op-deploy", *deploying(), intended("create"), undecided, created)
    assert (row["status"], row["resolve_command"], row["cause"]) == ("running", None, None)


def test_a_taken_vmid_is_claimed_anew() -> None:
    taken = app.VmidFoundTaken(operation_id="op-deploy", vmid=20000)
    row = operation("op-deploy", *deploying(), intended("create"), taken)
    assert (steps(row)["claim_vmid"], steps(row)["create"]) == ("running", "pending")
    assert "20000" in step(row, "claim_vmid")["detail"]


def test_a_passed_deadline_is_marked() -> None:
    late = app.DeadlinePassed(operation_id="op-deploy", phase="forward", waiting_for="the template")
    row = operation("op-deploy", *deploying(), late)
    assert row["deadline_passed"]
    assert row["status"] == "running"


def test_an_operation_that_ran_out_of_time_shows_where() -> None:
    late = Cause(code="deadline_passed", message="It took too long.")
    row = operation(
        "op-2",
        *deployed(),
        app.ShutdownRequested(operation_id="op-2"),
        intended("shutdown", "op-2"),
        app.OperationFailed(operation_id="op-2", kind="shutdown", cause=late),
    )
    assert step(row, "shutdown")["status"] == "failed"
    assert step(row, "shutdown")["detail"] == "It took too long."


def test_cancelling_is_an_operation_of_its_own_and_unwinds_the_other() -> None:
    events: list[Event] = [
        *deploying(),
        intended("create"),
        app.ContainerCreated(operation_id="op-deploy", node="pve1", vmid=20000),
        app.CancelRequested(operation_id="op-deploy", by_operation_id="op-cancel"),
        app.OperationSucceeded(operation_id="op-cancel", kind="cancel"),
    ]
    cancel = operation("op-cancel", *events)
    assert (cancel["kind"], cancel["status"], cancel["target"]) == ("cancel", "succeeded", "a1")
    assert cancel["ended_at"] is not None
    assert not operation("op-deploy", *events[:-2])["cancel_requested"]
    assert operation("op-deploy", *events)["cancel_requested"], "until it is over"
    cancelled = app.OperationCancelled(operation_id="op-deploy", kind="deploy", by_operation_id="op-cancel")
    row = operation("op-deploy", *events, cancelled)
    assert row["status"] == "cancelled"
    assert steps(row) == {"preflight": "done", "claim_vmid": "done", "create": "done"}


def test_nothing_changes_an_operation_that_is_over() -> None:
    late = app.DeadlinePassed(operation_id="op-deploy", phase="forward", waiting_for="nothing")
    assert not operation("op-deploy", *deployed(), late)["deadline_passed"]


def test_a_rejected_command_is_an_operation_that_was_rejected() -> None:
    rejected = CommandRejected(
        operation_id="op-2",
        command="application.start.v1",
        category="application",
        target="a1",
        code="operation_in_flight",
        message="The application is being deployed.",
    )
    rows = folded([*of("application", "a1", deployed()), ("operation", "op-2", rejected)])
    row = rows.changed["operations"]["op-2"]
    assert (row["kind"], row["status"], row["target_name"]) == ("start", "rejected", "Wiki")
    assert row["cause"]["code"] == "operation_in_flight"
    assert row["ended_at"] is not None


def test_a_dead_letter_is_a_failed_operation() -> None:
    dead = CommandDeadLettered(
        operation_id="op-2",
        command="???",
        category="guest",
        target="x",
        attempts=6,
        reason="cannot be read",
        payload={},
    )
    row = folded([("operation", "op-2", dead)]).changed["operations"]["op-2"]
    assert (row["status"], row["cause"]["code"], row["kind"]) == ("failed", "dead_lettered", "???")


def test_connecting_a_cluster_is_an_operation_with_one_step() -> None:
    rows = folded(of("cluster", "c1", connecting()))
    row = rows.changed["operations"]["op-connect"]
    assert (row["kind"], row["category"], row["target_name"]) == ("connect", "cluster", "Lab")
    assert row["status"] == "succeeded"
    assert steps(row) == {"connect": "done"}


def test_a_cluster_that_does_not_answer_parks_the_connecting_and_fails_it_in_the_end() -> None:
    events = [*connecting()[:2], cl.StepPostponed(operation_id="op-connect", cause=AWAY)]
    row = folded(of("cluster", "c1", events)).changed["operations"]["op-connect"]
    assert (row["status"], steps(row)) == ("parked", {"connect": "waiting"})
    failed = cl.OperationFailed(operation_id="op-connect", kind="connect", cause=AWAY)
    row = folded(of("cluster", "c1", [*events, failed])).changed["operations"]["op-connect"]
    assert (row["status"], steps(row)) == ("failed", {"connect": "failed"})


def test_removing_a_cluster_is_done_at_once() -> None:
    events: list[Event] = [
        *connecting(),
        cl.ClusterRemoved(operation_id="op-2"),
        cl.OperationSucceeded(operation_id="op-2", kind="remove"),
    ]
    row = folded(of("cluster", "c1", events)).changed["operations"]["op-2"]
    assert (row["kind"], row["status"], steps(row)) == ("remove", "succeeded", {"remove": "done"})


def test_an_adoption_shows_what_was_found_and_ends_without_an_address_of_what_does_not_run() -> None:
    row = operation("op-adopt", *adopting()[:2])
    assert steps(row) == {"inspect": "done", "mark": "running", "find_address": "pending"}
    assert step(row, "inspect")["detail"] == "unifi on pve2, running"
    requested, inspected = adopting()[:2]
    row = operation("op-adopt", requested, inspected.model_copy(update={"hostname": ""}))
    assert step(row, "inspect")["detail"] == "without a name on pve2, running"
    row = operation("op-adopt", *adopting(power="stopped"))
    assert steps(row) == {"inspect": "done", "mark": "done"}


def test_an_adoption_without_an_address_is_one_all_the_same() -> None:
    missing = app.StepFailed(operation_id="op-adopt", step="find_address", cause=AWAY)
    succeeded = app.OperationSucceeded(operation_id="op-adopt", kind="adopt")
    row = operation("op-adopt", *adopting(), missing, succeeded)
    assert (row["status"], steps(row)["find_address"]) == ("succeeded", "failed")
    assert "unmark" not in steps(row)


def test_a_cancelled_adoption_takes_the_marker_off_again() -> None:
    cancel = app.CancelRequested(operation_id="op-adopt", by_operation_id="op-cancel")
    row = operation("op-adopt", *adopting(power="stopped"), cancel)
    assert steps(row) == {"inspect": "done", "mark": "done", "unmark": "running"}
    assert steps(operation("op-adopt", *adopting()[:1], cancel)) == {"inspect": "running"}
    left = app.OperationCancelled(
        operation_id="op-adopt", kind="adopt", by_operation_id="op-cancel", left_behind="pve2/105"
    )
    row = operation("op-adopt", *adopting(), cancel, left)
    assert row["cause"]["message"] == "pve2/105 may still carry Proximity's marker."


def test_ignoring_a_guest_is_an_operation_that_is_over_at_once() -> None:
    ignored = [
        guest(name=None),
        gu.GuestIgnored(operation_id="op-2"),
        gu.OperationSucceeded(operation_id="op-2", kind="ignore"),
    ]
    row = folded(of("guest", "c1-105", ignored)).changed["operations"]["op-2"]
    assert (row["kind"], row["category"], row["target"], row["target_name"]) == ("ignore", "guest", "c1-105", "CT 105")
    assert (row["status"], row["steps"], row["actor"]) == ("succeeded", [], "user:u1")
