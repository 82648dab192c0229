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
    folded,
    guest,
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
