"""Given events, then the row of the application."""

from typing import Any

import pytest

from proximity.domain.application import events as app
from proximity.domain.drift.findings import unseen
from proximity.domain.finding import Finding
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause
from proximity_projector.projections.applications import web_url
from support.images import VAULTWARDEN
from support.projection import (
    GONE,
    STOPPED,
    adopted,
    adopting,
    deleted,
    deployed,
    deploying,
    folded,
    intended,
    of,
    released,
)

LOCKED = Cause(code="container_locked", message="CT 20000 is locked.", proxmox="CT is locked (backup)")


def application(*events: Event) -> dict[str, Any]:
    return folded(of("application", "a1", events)).changed["applications"]["a1"]


def test_a_requested_deployment_is_deploying() -> None:
    row = application(*deploying()[:1])
    assert row["status"] == "deploying"
    assert row["operation_id"] == "op-deploy"
    assert (row["vmid"], row["address"], row["url"]) == (None, None, None)
    assert (row["recipe"], row["cores"], row["memory_mib"], row["disk_gib"]) == ("nginx", 2, 512, 8)


def test_what_an_application_is_made_of_is_told() -> None:
    requested, *_ = deploying()
    assert isinstance(requested, app.DeployRequested)
    assert application(requested)["runtime"] == "template"
    row = application(requested.model_copy(update={"spec": VAULTWARDEN}))
    assert (row["runtime"], row["disk_gib"]) == ("oci", 2 + 3)


def test_a_deployed_application_runs_at_its_address() -> None:
    row = application(*deployed())
    assert row["status"] == "running"
    assert (row["node"], row["vmid"], row["address"]) == ("pve1", 20000, "10.0.0.5")
    assert row["url"] == "http://10.0.0.5/"
    assert row["operation_id"] is None
    assert row["failure"] is None


def test_position_is_that_of_the_last_event_that_touched_it() -> None:
    events = [*deployed(), app.CallUnanswered(operation_id="other", step="create", reason="timeout")]
    assert application(*events)["position"] == len(events) - 1


def test_a_failed_deployment_says_why() -> None:
    failed = app.OperationFailed(operation_id="op-deploy", kind="deploy", cause=LOCKED)
    row = application(*deploying(), failed)
    assert row["status"] == "failed"
    assert row["failure"] == {
        "code": "container_locked",
        "message": "CT 20000 is locked.",
        "proxmox": "CT is locked (backup)",
    }


def test_a_cancelled_deployment_has_failed_and_says_that_it_was_cancelled() -> None:
    cancelled = app.OperationCancelled(operation_id="op-deploy", kind="deploy", by_operation_id="op-cancel")
    row = application(*deploying(), cancelled)
    assert row["status"] == "failed"
    assert row["failure"]["code"] == "cancelled"


@pytest.mark.parametrize(
    ("request_", "status", "desired"),
    [
        (app.StartRequested, "starting", "running"),
        (app.ShutdownRequested, "shutting_down", "stopped"),
        (app.StopRequested, "stopping", "stopped"),
        (app.RestartRequested, "restarting", "running"),
    ],
)
def test_what_was_asked_for_shows_at_once(request_: Any, status: str, desired: str) -> None:
    row = application(*deployed(), request_(operation_id="op-2"))
    assert (row["status"], row["desired"], row["operation_id"]) == (status, desired, "op-2")


def test_a_shut_down_application_is_stopped_and_has_no_address() -> None:
    row = application(
        *deployed(),
        app.ShutdownRequested(operation_id="op-2"),
        intended("shutdown", "op-2"),
        app.ContainerShutDown(operation_id="op-2"),
        app.OperationSucceeded(operation_id="op-2", kind="shutdown"),
    )
    assert (row["status"], row["address"], row["url"]) == ("stopped", None, None)


def test_an_operation_that_failed_before_it_touched_the_container_leaves_the_status_as_it_was() -> None:
    row = application(
        *deployed(),
        app.StopRequested(operation_id="op-2"),
        app.OperationFailed(operation_id="op-2", kind="stop", cause=LOCKED),
    )
    assert row["status"] == "running"
    assert row["failure"]["code"] == "container_locked"


def test_a_start_that_failed_half_way_is_failed() -> None:
    row = application(
        *deployed(),
        app.StartRequested(operation_id="op-2"),
        intended("start", "op-2"),
        app.StepFailed(operation_id="op-2", step="start", cause=LOCKED),
        app.OperationFailed(operation_id="op-2", kind="start", cause=LOCKED),
    )
    assert row["status"] == "failed"


@pytest.mark.parametrize("known", [[], [app.FindingOpened(finding=STOPPED)]], ids=["", "stopped outside"])
def test_after_a_power_operation_in_vain_it_is_as_wanted_unless_a_finding_says_otherwise(known: list[Event]) -> None:
    power = "stopped" if known else "running"
    asked = [*deployed(), *known, app.ShutdownRequested(operation_id="op-2"), intended("shutdown", "op-2")]
    failed = app.OperationFailed(operation_id="op-2", kind="shutdown", cause=LOCKED, desired="running")
    row = application(*asked, failed)
    assert (row["status"], row["power"], row["desired"], row["operation_id"]) == (power, power, "running", None)
    assert row["failure"]["code"] == "container_locked"
    cancelled = app.OperationCancelled(
        operation_id="op-2", kind="shutdown", by_operation_id="op-cancel", desired="running"
    )
    row = application(*asked, cancelled)
    assert (row["status"], row["power"], row["desired"], row["failure"]) == (power, power, "running", None)


def test_the_next_request_clears_the_failure() -> None:
    row = application(
        *deployed(),
        app.StopRequested(operation_id="op-2"),
        app.OperationFailed(operation_id="op-2", kind="stop", cause=LOCKED),
        app.StopRequested(operation_id="op-3"),
    )
    assert row["failure"] is None


def test_undecided_until_there_is_evidence() -> None:
    undecided = app.OperationUndecided(
        operation_id="op-deploy", kind="deploy", step="create", cause=LOCKED, command="pct unlock 20000"
    )
    events = [*deploying(), intended("create"), undecided]
    assert application(*events)["status"] == "undecided"
    evidence = app.ContainerCreated(operation_id="op-deploy", node="pve1", vmid=20000)
    assert application(*events, evidence)["status"] == "deploying"


def test_a_delete_supersedes_a_deployment_in_flight() -> None:
    superseded = [
        *deploying(),
        app.DeleteRequested(operation_id="op-delete", force=False),
        app.OperationCancelled(operation_id="op-deploy", kind="deploy", by_operation_id="op-delete"),
    ]
    row = application(*superseded)
    assert (row["status"], row["operation_id"], row["failure"]) == ("deleting", "op-delete", None)


def test_a_deleted_application_is_a_tombstone() -> None:
    row = application(*deployed(), *deleted())
    assert row["removed_at"] is not None
    assert (row["vmid"], row["node"], row["address"]) == (None, None, None)


@pytest.mark.parametrize("power", ["running", "stopped"])
def test_an_adopted_application_does_what_it_did_before(power: Any) -> None:
    asked, *_ = adopting(power=power)
    row = application(asked)
    assert (row["status"], row["adopted"], row["runtime"], row["vmid"]) == ("adopting", True, "adopted", 105)
    row = application(*adopting(power=power), app.OperationSucceeded(operation_id="op-adopt", kind="adopt"))
    assert (row["status"], row["desired"], row["node"], row["operation_id"]) == (power, power, "pve2", None)


def test_an_adopted_application_is_opened_at_the_port_that_was_given() -> None:
    assert application(*adopted())["url"] == "http://10.0.0.7:8080/"


def test_an_adoption_that_failed_has_no_container() -> None:
    row = application(*adopting(), app.OperationFailed(operation_id="op-adopt", kind="adopt", cause=LOCKED))
    assert (row["status"], row["vmid"], row["failure"]["code"]) == ("failed", None, "container_locked")
    left = app.OperationFailed(operation_id="op-adopt", kind="adopt", cause=LOCKED, left_behind="pve2/105")
    assert application(*adopting(), left)["vmid"] == 105


def test_a_released_application_is_a_tombstone() -> None:
    assert application(*adopted(), app.ReleaseRequested(operation_id="op-release"))["status"] == "releasing"
    assert application(*adopted(), *released())["removed_at"] is not None


def test_a_release_that_failed_leaves_it_as_it_was() -> None:
    failed = app.OperationFailed(operation_id="op-release", kind="release", cause=LOCKED, desired="running")
    row = application(*adopted(), app.ReleaseRequested(operation_id="op-release"), failed)
    assert (row["status"], row["desired"], row["vmid"]) == ("running", "running", 105)


def test_what_was_stopped_outside_is_stopped_and_says_so() -> None:
    found = [*deployed(), app.FindingOpened(finding=STOPPED)]
    row = application(*found)
    assert (row["status"], row["power"], row["desired"], row["url"]) == ("stopped", "stopped", "running", None)
    assert row["findings"] == {"stopped_outside": "stopped_outside"}
    row = application(*found, app.FindingClosed(key="stopped_outside"))
    assert (row["status"], row["power"], row["url"]) == ("running", "running", "http://10.0.0.5/")
    assert row["findings"] == {}


def test_what_is_gone_is_gone_until_it_is_back() -> None:
    found = [*deployed(), app.FindingOpened(finding=GONE)]
    assert (application(*found)["status"], application(*found)["power"]) == ("gone", "unknown")
    failed = app.OperationFailed(operation_id="op-2", kind="start", cause=LOCKED)
    assert application(*found, app.StartRequested(operation_id="op-2"), failed)["status"] == "gone"
    row = application(*found, app.FindingOpened(finding=STOPPED), app.FindingClosed(key="gone"))
    assert (row["status"], row["findings"]) == ("stopped", {"stopped_outside": "stopped_outside"})


def test_a_change_of_configuration_is_counted_and_changes_nothing_else() -> None:
    changed = Finding(key="configuration_changed:memory", kind="configuration_changed", message="It was changed.")
    row = application(*deployed(), app.FindingOpened(finding=changed))
    assert (row["status"], row["url"]) == ("running", "http://10.0.0.5/")
    assert row["findings"] == {"configuration_changed:memory": "configuration_changed"}


def test_what_the_token_may_not_see_is_as_it_was_last_known() -> None:
    row = application(*deployed(), app.FindingOpened(finding=unseen(105)))
    assert (row["status"], row["findings"]) == ("running", {"unseen": "unseen"})


def test_it_is_where_it_was_moved_to() -> None:
    row = application(*deployed(), app.ContainerFoundMoved(node="pve2", from_node="pve1"))
    assert (row["node"], row["status"]) == ("pve2", "running")


def test_what_is_seen_of_the_configuration_is_in_no_row() -> None:
    seen = app.ConfigurationObserved(values={"memory": "canary-value"}, environment={"PASSWORD": "canary-hash"})
    rows = folded(of("application", "a1", [*deployed(), seen]))
    assert "canary" not in repr(rows.changed)


def test_a_vmid_that_was_taken_is_not_shown_any_more() -> None:
    row = application(*deploying(), app.VmidFoundTaken(operation_id="op-deploy", vmid=20000))
    assert row["vmid"] is None


@pytest.mark.parametrize(
    ("web", "address", "url"),
    [
        (None, "10.0.0.5", None),
        ({"scheme": "https", "port": 443, "path": "/"}, "10.0.0.5", "https://10.0.0.5/"),
        ({"scheme": "http", "port": 8080, "path": "/ui"}, "10.0.0.5", "http://10.0.0.5:8080/ui"),
        ({"scheme": "http", "port": 80, "path": "/"}, "fd00::5", "http://[fd00::5]/"),
    ],
)
def test_web_url(web: dict[str, Any] | None, address: str, url: str | None) -> None:
    assert web_url(web, address) == url
