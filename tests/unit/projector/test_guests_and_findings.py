"""Given events, then the rows of guests and of what is otherwise than it should be."""

from datetime import timedelta
from typing import Any

import pytest

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.guest import events as gu
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause
from proximity.messaging.observations import Observation
from proximity_projector.figures import rows as figures
from support.projection import (
    EXPLAINED,
    ORPHAN,
    START,
    STOPPED,
    Told,
    connecting,
    deleted,
    deployed,
    deploying,
    folded,
    guest,
    intended,
    of,
)
from support.projection import findings as looked


def row(*events: Event) -> dict[str, Any]:
    return folded(of("guest", "c1-105", events)).changed["guests"]["c1-105"]


def findings(*told: Told) -> dict[str, dict[str, Any]]:
    return folded(told).changed.get("findings", {})


def of_cluster(*events: Event) -> dict[str, dict[str, Any]]:
    return findings(*of("cluster", "c1", [*connecting(), *events]))


def open_(rows: dict[str, dict[str, Any]]) -> set[str]:
    return {id_ for id_, row in rows.items() if row["removed_at"] is None}


def away(code: str) -> cl.ClusterUnreachable:
    return cl.ClusterUnreachable(cause=Cause(code=code, message="It is not seen.", proxmox="no route"))


def summaries(told: list[Told]) -> list[str]:
    return [row["summary"] for row in folded(told).changed["activity"].values()]


def test_a_guest_is_what_the_list_tells_of_it() -> None:
    found = row(guest(app="unifi", port=8443))
    assert (found["cluster_id"], found["vmid"], found["node"], found["name"]) == ("c1", 105, "pve1", "unifi")
    assert (found["tags"], found["cores"], found["memory"], found["disk"]) == (["lan", "media"], 2, 2**29, 2**32)
    assert (found["app"], found["port"], found["adoptable"], found["ignored"]) == ("unifi", 8443, True, False)


@pytest.mark.parametrize("facts", [{"type": "qemu"}, {"template": True}])
def test_machines_and_templates_cannot_be_adopted(facts: dict[str, Any]) -> None:
    assert row(guest(**facts))["adoptable"] is False


def test_a_guest_changes_is_ignored_and_noticed_again() -> None:
    ignored = [guest(), gu.GuestIgnored(operation_id="op-1")]
    assert row(*ignored)["ignored"] is True
    moved = gu.GuestReconfigured(facts=guest().facts.model_copy(update={"node": "pve2"}))
    assert (row(*ignored, moved)["node"], row(*ignored, moved)["ignored"]) == ("pve2", True)
    assert row(*ignored, gu.GuestNoticed(operation_id="op-2"))["ignored"] is False


@pytest.mark.parametrize("end", [gu.GuestGone(), gu.GuestAdopted(application_id="a1")])
def test_a_guest_that_is_gone_or_adopted_takes_its_findings_along(end: Event) -> None:
    rows = folded(of("guest", "c1-105", [guest(), gu.FindingOpened(finding=ORPHAN), end])).changed
    assert rows["guests"]["c1-105"]["removed_at"] is not None
    assert rows["findings"]["guest/c1-105/orphan"]["closed_at"] is not None
    again = row(guest(), end, guest("back"))
    assert (again["removed_at"], again["name"]) == (None, "back"), "released, or made again"


def test_a_finding_says_what_is_so_and_by_whom() -> None:
    told = of("application", "a1", [*deployed(), app.FindingOpened(finding=STOPPED)])
    found = findings(*told)["application/a1/stopped_outside"]
    assert (found["category"], found["aggregate_id"], found["subject_name"]) == ("application", "a1", "Wiki")
    assert (found["cluster_id"], found["kind"], found["expected"], found["observed"]) == (
        "c1",
        "stopped_outside",
        "running",
        "stopped",
    )
    assert found["explained"] == EXPLAINED.model_dump()
    assert found["closed_at"] is None
    assert summaries(told)[-1] == "Wiki: It is stopped and should be running. It was ada@pam on Proxmox (vzstop)."


def test_a_finding_closes_and_opens_again() -> None:
    opened, closed = app.FindingOpened(finding=STOPPED), app.FindingClosed(key="stopped_outside")
    told = of("application", "a1", [*deployed(), opened, closed])
    found = findings(*told)["application/a1/stopped_outside"]
    assert found["closed_at"] == found["removed_at"] > found["opened_at"]
    assert summaries(told)[-1] == "Wiki: settled (stopped outside)."
    again = findings(*told, *of("application", "a1", [opened]))["application/a1/stopped_outside"]
    assert (again["closed_at"], again["removed_at"]) == (None, None)
    assert again["opened_at"] > found["closed_at"]


def test_findings_of_an_application_go_with_it() -> None:
    told = of("application", "a1", [*deployed(), app.FindingOpened(finding=STOPPED), *deleted()])
    assert open_(findings(*told)) == set()


def test_a_move_is_no_finding_but_is_told() -> None:
    moved = app.ContainerFoundMoved(node="pve2", from_node="pve1", explained=EXPLAINED)
    told = of("application", "a1", [*deployed(), moved])
    assert findings(*told) == {}
    assert summaries(told)[-1].startswith("The container of Wiki was moved from pve1 to pve2. It was ada@pam")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("node_unreachable", "cluster_away"),
        ("certificate_untrusted", "certificate_changed"),
        ("missing_rights", "rights_lost"),
        ("credentials_refused", "token_refused"),
    ],
)
@pytest.mark.parametrize("back", [cl.ClusterReachable(), None])
def test_a_cluster_that_is_not_seen_is_a_finding_until_it_is(code: str, kind: str, back: Event | None) -> None:
    found = of_cluster(away(code))["cluster/c1/away"]
    assert (found["kind"], found["subject_name"], found["message"]) == (kind, "Lab", "It is not seen.")
    back = back or cl.ClusterChecked(operation_id="op-2", findings=looked())
    assert open_(of_cluster(away(code), back)) == set()


def test_a_cluster_that_is_not_seen_for_another_reason_is_still_the_same_finding() -> None:
    first, then = away("node_unreachable"), away("certificate_untrusted")
    before, after = of_cluster(first)["cluster/c1/away"], of_cluster(first, then)["cluster/c1/away"]
    assert (after["kind"], after["opened_at"], after["removed_at"]) == (
        "certificate_changed",
        before["opened_at"],
        None,
    )


def test_a_node_that_went_offline_is_a_finding_until_it_is_back() -> None:
    offline = [cl.NodeAppeared(node="pve1", online=True), cl.NodeWentOffline(node="pve1")]
    found = of_cluster(*offline)["cluster/c1/offline:pve1"]
    assert (found["kind"], found["observed"]) == ("node_offline", "offline")
    assert open_(of_cluster(*offline, cl.NodeCameOnline(node="pve1"))) == set()
    assert open_(of_cluster(cl.NodeAppeared(node="pve2", online=False))) == {"cluster/c1/offline:pve2"}


def test_a_removed_cluster_takes_its_guests_and_findings_with_it() -> None:
    told = [
        *of("cluster", "c1", [*connecting(), away("node_unreachable"), cl.NodeAppeared(node="p", online=False)]),
        *of("guest", "c1-105", [guest(), gu.FindingOpened(finding=ORPHAN)]),
        ("cluster", "c1", cl.ClusterRemoved(operation_id="op-2")),
    ]
    rows = folded(told).changed
    assert open_(rows["findings"]) == set()
    assert rows["guests"]["c1-105"]["removed_at"] is not None


def test_figures_of_guests_come_node_by_node() -> None:
    def seen(seconds: int, body: Any) -> Observation:
        return Observation("guests", "c1/pve1", body, START + timedelta(seconds=seconds))

    running = {"status": "running", "cpu": 0.5, "memory_used": 7, "uptime": 60}
    found = figures(
        [
            seen(1, {"105": running, "100": running}),
            seen(2, {"105": {"status": "stopped"}, "x;y": running}),
            seen(3, []),
        ]
    )
    by_id = {row["id"]: row for row in found["guest_figures"]}
    assert set(by_id) == {"c1-105", "c1-100"}
    assert (by_id["c1-105"]["status"], by_id["c1-105"]["cpu"]) == ("stopped", None)
    assert (by_id["c1-100"]["cpu"], by_id["c1-100"]["memory_used"], by_id["c1-100"]["netin"]) == (0.5, 7, None)


def test_rights_that_the_token_lost_are_a_finding_until_that_is_settled() -> None:
    lost = cl.RightsLost(rights=("/: Sys.Audit", "/pool/a: VM.Audit"))
    found = of_cluster(lost)["cluster/c1/rights"]
    assert found["kind"] == "rights_lost"
    assert "/: Sys.Audit, /pool/a: VM.Audit" in found["message"]
    assert open_(of_cluster(away("missing_rights"), lost, cl.ClusterReachable())) == {"cluster/c1/rights"}
    assert open_(of_cluster(lost, cl.RightsSettled())) == set()


# --- what keeps an operation from ending

UPID = "UPID:pve1:1"
RUNNING = [
    *deploying(),
    intended("create"),
    app.TaskAccepted(operation_id="op-deploy", step="create", upid=UPID),
]
LATE = app.DeadlinePassed(operation_id="op-deploy", phase="forward", waiting_for="create: Proxmox cannot be reached.")
UNSEEN = app.TaskEndedUnseen(operation_id="op-deploy", step="create", upid=UPID, exitstatus="OK", ended=1772366400)
CREATED = app.ContainerCreated(operation_id="op-deploy", node="pve1", vmid=20000)
FAILED = app.OperationFailed(
    operation_id="op-deploy", kind="deploy", cause=Cause(code="deadline_passed", message="It took too long.")
)
CANCELLED = app.OperationCancelled(operation_id="op-deploy", kind="deploy", by_operation_id="op-cancel")
SUCCEEDED = app.OperationSucceeded(operation_id="op-deploy", kind="deploy")
RESOLVED = app.OperationResolved(
    operation_id="op-deploy", by_operation_id="op-resolve", step="create", verdict="succeeded"
)
DELAYS = {"application/a1/deadline_passed", "application/a1/task_unseen"}


def of_operation(*events: Event) -> set[str]:
    """The findings that are open; their application has just these."""
    rows = folded(of("application", "a1", [*RUNNING, *events])).changed
    found = open_(rows.get("findings", {}))
    assert found == {f"application/a1/{key}" for key in rows["applications"]["a1"]["findings"]}
    return found


def test_an_operation_whose_time_is_over_is_a_finding_until_it_ends() -> None:
    found = findings(*of("application", "a1", [*RUNNING, LATE]))["application/a1/deadline_passed"]
    assert (found["kind"], found["subject_name"], found["cluster_id"]) == ("deadline_passed", "Wiki", "c1")
    assert "The deployment takes longer than it may" in found["message"]
    assert "waited for: create (Proxmox cannot be reached)." in found["message"]
    for over in (SUCCEEDED, FAILED, CANCELLED, RESOLVED):
        assert of_operation(LATE, CREATED) == {"application/a1/deadline_passed"}
        assert of_operation(LATE, CREATED, over) == set()


def test_cleaning_up_that_takes_too_long_is_the_same_finding() -> None:
    unwind = LATE.model_copy(update={"phase": "unwind", "waiting_for": "prove_gone"})
    told = of("application", "a1", [*RUNNING, LATE, unwind])
    found = findings(*told)["application/a1/deadline_passed"]
    assert found["opened_at"] == findings(*told[:-1])["application/a1/deadline_passed"]["opened_at"]
    assert "Cleaning up after the deployment" in found["message"]
    assert "waited for: prove gone." in found["message"]


def test_a_task_that_ended_unseen_is_a_finding_until_its_step_comes_further() -> None:
    found = findings(*of("application", "a1", [*RUNNING, UNSEEN]))["application/a1/task_unseen"]
    assert "The task of the deployment (create) ended on Proxmox at 2026-03-01 12:00:00 UTC: OK." in found["message"]
    assert "Is a provisioner running?" in found["message"]
    withdrawn = app.StepPostponed(
        operation_id="op-deploy", step="create", cause=Cause(code="container_locked", message="Locked."), withdrawn=True
    )
    failed = app.StepFailed(operation_id="op-deploy", step="create", cause=Cause(code="x", message="It failed."))
    again = app.TaskAccepted(operation_id="op-deploy", step="create", upid="UPID:pve1:2")
    left = Cause(code="left_behind", message="It is locked.")
    asked = app.OperationUndecided(
        operation_id="op-deploy", kind="deploy", step="create", cause=left, command="pct unlock 20000"
    )
    for further in (CREATED, withdrawn, failed, again, asked, RESOLVED, CANCELLED):
        assert of_operation(UNSEEN, further) == set()
        assert of_operation(UNSEEN, further, UNSEEN) == {"application/a1/task_unseen"}, "of another task"


def test_a_node_that_tells_no_time_stops_nobody() -> None:
    for ended in (None, 253402300800, 10**18, -(10**30)):
        event = UNSEEN.model_copy(update={"ended": ended})
        found = findings(*of("application", "a1", [*RUNNING, event]))["application/a1/task_unseen"]
        assert "ended on Proxmox: OK." in found["message"]


def test_what_does_not_end_it_leaves_it_open() -> None:
    parked = app.StepPostponed(
        operation_id="op-deploy", step="create", cause=Cause(code="node_unreachable", message="Away."), withdrawn=False
    )
    for event in (
        app.StepTakenOver(operation_id="op-deploy", step="create", runner="r2", from_runner="r1"),
        parked,
        app.CancelRequested(operation_id="op-deploy", by_operation_id="op-cancel"),
        app.OperationSucceeded(operation_id="op-cancel", kind="cancel"),
        app.DeleteRequested(operation_id="op-delete", force=False),
    ):
        assert of_operation(LATE, UNSEEN, event) == DELAYS
    assert of_operation(LATE, UNSEEN, CREATED, SUCCEEDED, *deleted()) == set()


def test_a_task_that_ended_unseen_is_told_at_its_step_and_in_the_activity() -> None:
    rows = folded(of("application", "a1", [*RUNNING, UNSEEN])).changed
    [create] = [step for step in rows["operations"]["op-deploy"]["steps"] if step["name"] == "create"]
    assert (create["status"], rows["operations"]["op-deploy"]["status"]) == ("waiting", "running")
    assert "nothing has taken note of that" in create["detail"]
    told = list(rows["activity"].values())[-1]
    assert told["summary"] == "Wiki: the task of create ended on Proxmox, and nothing has taken note of that."
    assert told["detail"] == {"upid": UPID, "exitstatus": "OK"}
