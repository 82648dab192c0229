"""Given events, then clusters with their inventory, users, and the sentences of the activity."""

from typing import Any

from proximity.domain.application import events as app
from proximity.domain.claim.claim import ClaimTaken
from proximity.domain.cluster import events as cl
from proximity.domain.identity.identity import UserCreated
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause
from proximity.domain.operation.events import CommandRejected
from proximity.messaging.aggregates import AGGREGATES
from proximity_projector.fold import Rows, fold, needs
from proximity_projector.projections.activity import SENTENCES
from support.projection import connecting, deployed, findings, folded, inventory, of, recorded

AWAY = Cause(code="node_unreachable", message="Proxmox cannot be reached.")


def cluster(*events: Event) -> dict[str, Any]:
    return folded(of("cluster", "c1", events)).changed["clusters"]["c1"]


def summaries(rows: Rows) -> list[str]:
    return [row["summary"] for row in rows.changed["activity"].values()]


def test_a_cluster_is_connecting_then_connected() -> None:
    assert cluster(connecting()[0])["status"] == "connecting"
    row = cluster(*connecting())
    assert (row["status"], row["version"]) == ("connected", "9.0.3")
    assert row["missing"] == {"deploy": ["/storage: Datastore.AllocateSpace"]}
    assert "token_secret" not in row


def test_a_cluster_that_could_not_be_connected_says_why() -> None:
    row = cluster(connecting()[0], cl.OperationFailed(operation_id="op-connect", kind="connect", cause=AWAY))
    assert (row["status"], row["failure"]["code"]) == ("failed", "node_unreachable")


def test_a_cluster_goes_away_and_comes_back() -> None:
    away = [*connecting(), cl.ClusterUnreachable(cause=AWAY)]
    assert cluster(*away)["status"] == "unreachable"
    row = cluster(*away, cl.ClusterReachable())
    assert (row["status"], row["failure"]) == ("connected", None)


def test_a_check_renews_what_is_known() -> None:
    check = [cl.CheckRequested(operation_id="op-2"), cl.ClusterChecked(operation_id="op-2", findings=findings("9.1.0"))]
    assert cluster(*connecting(), *check)["version"] == "9.1.0"


def test_nodes_and_storages_appear_and_change() -> None:
    rows = folded(of("cluster", "c1", [*connecting(), *inventory(), cl.NodeWentOffline(node="pve1")]))
    assert {id_: row["online"] for id_, row in rows.changed["nodes"].items()} == {"c1/pve1": False, "c1/pve2": True}
    storage = rows.changed["storages"]["c1/pve1/local"]
    assert (storage["content"], storage["total"], storage["active"]) == (["vztmpl"], 1000, True)


def test_what_a_cluster_has_no_more_is_removed_with_its_finding() -> None:
    gone = [cl.StorageGone(node="pve1", storage="local"), cl.NodeGone(node="pve1")]
    rows = folded(of("cluster", "c1", [*connecting(), *inventory(), cl.NodeWentOffline(node="pve1"), *gone]))
    assert rows.changed["storages"]["c1/pve1/local"]["removed_at"] is not None
    assert {id_: row["removed_at"] is None for id_, row in rows.changed["nodes"].items()} == {
        "c1/pve1": False,
        "c1/pve2": True,
    }
    assert rows.changed["findings"]["cluster/c1/offline:pve1"]["closed_at"] is not None
    back = [*connecting(), *inventory(), *gone, *inventory()]
    rows = folded(of("cluster", "c1", back))
    assert rows.changed["nodes"]["c1/pve1"]["removed_at"] is None
    assert rows.changed["storages"]["c1/pve1/local"]["removed_at"] is None


def test_a_removed_cluster_takes_its_inventory_with_it() -> None:
    rows = folded(of("cluster", "c1", [*connecting(), *inventory(), cl.ClusterRemoved(operation_id="op-2")]))
    position = rows.changed["clusters"]["c1"]["position"]
    assert rows.changed["clusters"]["c1"]["status"] == "removed"
    for table in ("clusters", "nodes", "storages"):
        for row in rows.changed[table].values():
            assert row["removed_at"] is not None
            assert row["position"] == position


def test_users() -> None:
    created = UserCreated(operation_id="op", username="ada", role="admin", founder=True)
    row = folded([("identity", "u1", created)]).changed["users"]["u1"]
    assert (row["username"], row["role"]) == ("ada", "admin")


def test_claims_touch_no_row() -> None:
    assert folded([("claim", "name.wiki", ClaimTaken(holder="a1", operation_id="op"))]).changed == {}


def test_a_deployment_reads_like_a_story() -> None:
    assert summaries(folded(of("application", "a1", deployed()))) == [
        "Wiki is to be deployed from nginx 18.1.",
        "A place for Wiki was chosen: pve1: root disk on local-lvm.",
        "Wiki gets VMID 20000 on pve1.",
        "Container 20000 was created on pve1 for Wiki.",
        "The container of Wiki was configured.",
        "The container of Wiki was started.",
        "Wiki has the address 10.0.0.5.",
        "Wiki answers.",
        "The deployment of Wiki succeeded.",
    ]


def test_activity_says_who_and_why() -> None:
    row = next(iter(folded(of("application", "a1", deployed())).changed["activity"].values()))
    assert (row["actor_type"], row["actor_id"], row["reason"]) == ("user", "u1", "because")
    assert (row["category"], row["aggregate_id"], row["operation_id"]) == ("application", "a1", "op-deploy")


def test_a_rejection_is_part_of_the_history_of_its_target() -> None:
    rejected = CommandRejected(
        operation_id="op-2", command="application.stop.v1", category="application", target="a1", code="x", message="No."
    )
    rows = folded([*of("application", "a1", deployed()), ("operation", "op-2", rejected)])
    last = list(rows.changed["activity"].values())[-1]
    assert (last["aggregate_id"], last["summary"]) == ("a1", "The stop of Wiki was rejected: No.")


def test_a_failed_step_keeps_the_end_of_the_log() -> None:
    failed = app.StepFailed(operation_id="op-deploy", step="create", cause=AWAY, upid="UPID:1", log=("no space left",))
    row = list(folded(of("application", "a1", [*deployed()[:3], failed])).changed["activity"].values())[-1]
    assert row["detail"]["log"] == ["no space left"]
    assert row["summary"] == "Wiki: create failed. Proxmox cannot be reached."


def test_every_kind_of_event_is_either_told_or_known_to_be_silent() -> None:
    silent = {
        "application.step_intended.v1",
        "application.task_accepted.v1",
        "application.step_postponed.v1",
        "application.configuration_observed.v1",
        "guest.appeared.v1",
        "guest.reconfigured.v1",
        "guest.adopted.v1",
        "guest.operation_succeeded.v1",
        "cluster.check_requested.v1",
        "cluster.step_taken.v1",
        "cluster.step_postponed.v1",
        "cluster.operation_succeeded.v1",
        "claim.taken.v1",
        "claim.released.v1",
        "claim.closed.v1",
        "settings.installation_founded.v1",
        "settings.installation_restored.v1",
    }
    every = {event.TYPE for aggregate in AGGREGATES.values() for event in aggregate.events}
    assert every - {event.TYPE for event in SENTENCES} == silent


def test_events_that_are_in_the_rows_already_change_nothing() -> None:
    batch = recorded(of("application", "a1", deployed()))
    once = Rows({})
    fold(batch, once)
    again = Rows({table: dict(rows) for table, rows in once.changed.items() if table != "activity"})
    fold(batch, again)
    assert set(again.changed) == {"activity"}


def test_a_batch_needs_the_rows_it_may_touch() -> None:
    told = [*of("application", "a1", deployed()), *of("cluster", "c1", inventory())]
    removed = ("cluster", "c2", cl.ClusterRemoved(operation_id="op-2"))
    found = needs(recorded([*told, removed]))
    assert found.ids == {
        "applications": {"a1"},
        "operations": {"op-deploy", "op-2"},
        "clusters": {"c1", "c2"},
        "nodes": {"c1/pve1", "c1/pve2"},
        "storages": {"c1/pve1/local"},
        "findings": {
            *("application/a1/deadline_passed", "application/a1/task_unseen"),
            *("cluster/c1/offline:pve1", "cluster/c1/offline:pve2"),
        },
    }
    assert found.inventories == {"c2"}
