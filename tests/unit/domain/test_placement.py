"""Where a container goes, and what a person is told if it can go nowhere."""

from dataclasses import replace

import pytest

from proximity.domain.application.placement import (
    GIB,
    MIB,
    Chosen,
    ClusterFacts,
    NodeFacts,
    StorageFacts,
    choose,
)
from proximity.domain.operation.cause import Cause
from support.images import ARCHIVE, VAULTWARDEN
from support.life import SPEC

EXACT = "debian-12-wiki_18.0-1_amd64.tar.gz"
DISKS = StorageFacts("btr", frozenset({"rootdir"}), 100 * GIB, active=True)
FILES = StorageFacts("local", frozenset({"vztmpl", "backup"}), 50 * GIB, active=True)
NODE = NodeFacts("pve", online=True, memory_free=8 * GIB, storages=(DISKS, FILES), downloadable=(EXACT,))


def cluster(*nodes: NodeFacts) -> ClusterFacts:
    return ClusterFacts(quorate=True, nodes=nodes)


def chosen(facts: ClusterFacts, node: str | None = None) -> Chosen:
    verdict = choose(SPEC, node, facts)
    assert isinstance(verdict, Chosen), verdict
    return verdict


def refused(facts: ClusterFacts, node: str | None = None) -> Cause:
    verdict = choose(SPEC, node, facts)
    assert isinstance(verdict, Cause), verdict
    return verdict


def test_a_node_with_room_is_taken_and_the_reason_told() -> None:
    verdict = chosen(cluster(NODE))
    assert (verdict.placement.node, verdict.placement.rootfs_storage) == ("pve", "btr")
    assert (verdict.placement.template_volid, verdict.placement.template_present) == (f"local:vztmpl/{EXACT}", False)
    assert "8192 MiB" in verdict.reason


def test_the_node_with_most_free_memory_is_taken() -> None:
    other = replace(NODE, node="pve2", memory_free=16 * GIB)
    assert chosen(cluster(NODE, other)).placement.node == "pve2"


def test_a_wanted_node_is_taken_though_another_has_more_memory() -> None:
    other = replace(NODE, node="pve2", memory_free=16 * GIB)
    assert chosen(cluster(NODE, other), "pve").placement.node == "pve"


def test_a_node_whose_memory_is_hidden_can_be_taken() -> None:
    verdict = chosen(cluster(replace(NODE, memory_free=None)))
    assert "memory" not in verdict.reason


def test_the_storage_with_most_room_is_taken() -> None:
    bigger = replace(DISKS, storage="zfs", available=200 * GIB)
    assert chosen(cluster(replace(NODE, storages=(DISKS, bigger, FILES)))).placement.rootfs_storage == "zfs"


def with_templates(*volids: str, downloadable: tuple[str, ...] = ()) -> ClusterFacts:
    stores = (DISKS, replace(FILES, templates=volids))
    return cluster(replace(NODE, storages=stores, downloadable=downloadable))


def test_a_template_that_is_there_is_used() -> None:
    placement = chosen(with_templates(f"local:vztmpl/{EXACT}", downloadable=(EXACT,))).placement
    assert (placement.template_volid, placement.template_present) == (f"local:vztmpl/{EXACT}", True)


def test_another_template_whose_name_begins_alike_is_another_one() -> None:
    facts = with_templates("local:vztmpl/debian-12-wiki-pro_18.0-1_amd64.tar.gz")
    assert refused(facts).code == "template_unavailable"


def test_the_newest_version_is_taken_if_the_recipes_cannot_be_had() -> None:
    newer = ("debian-12-wiki_18.2-1_amd64.tar.gz", "debian-12-wiki_18.10-1_amd64.tar.gz")
    assert chosen(with_templates(downloadable=newer)).placement.template_volid == f"local:vztmpl/{newer[1]}"
    there = tuple(f"local:vztmpl/{file}" for file in newer)
    assert chosen(with_templates(*there)).placement.template_volid == there[1]


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (replace(NODE, online=False), "node_offline"),
        (replace(NODE, memory_free=511 * MIB), "not_enough_memory"),
        (replace(NODE, storages=(FILES,)), "no_rootfs_storage"),
        (replace(NODE, storages=(replace(DISKS, active=False), FILES)), "no_rootfs_storage"),
        (replace(NODE, storages=(replace(DISKS, available=4 * GIB - 1), FILES)), "storage_full"),
        (replace(NODE, storages=(DISKS,)), "no_template_storage"),
        (replace(NODE, downloadable=()), "template_unavailable"),
    ],
)
def test_what_is_missing_is_said(node: NodeFacts, code: str) -> None:
    assert refused(cluster(node)).code == code
    assert "pve" in refused(cluster(node)).message
    spare = replace(NODE, node="pve2")
    assert chosen(cluster(node, spare)).placement.node == "pve2", "another node will do"


OCI = replace(NODE, downloadable=(), version="9.1.0")
PLACE = f"local:vztmpl/{ARCHIVE}"


def for_image(*nodes: NodeFacts) -> Chosen | Cause:
    return choose(VAULTWARDEN, None, cluster(*nodes))


def test_an_image_needs_no_template_index() -> None:
    verdict = for_image(OCI)
    assert isinstance(verdict, Chosen), verdict
    placement = verdict.placement
    assert (placement.template_storage, placement.template_volid, placement.template_present) == ("local", PLACE, False)


def test_an_image_that_is_on_the_node_is_used_where_it_is() -> None:
    there = replace(FILES, storage="share", available=0, templates=(f"share:vztmpl/{ARCHIVE}",), may_pull=False)
    verdict = for_image(replace(OCI, storages=(DISKS, FILES, there), may_pull=False))
    assert isinstance(verdict, Chosen), "no right to pull is needed"
    assert (verdict.placement.template_storage, verdict.placement.template_present) == ("share", True)


def test_an_image_goes_where_there_is_most_room_and_it_may() -> None:
    bigger = replace(FILES, storage="share", available=900 * GIB)
    for may, storage in ((True, "share"), (False, "local")):
        verdict = for_image(replace(OCI, storages=(DISKS, FILES, replace(bigger, may_pull=may))))
        assert isinstance(verdict, Chosen)
        assert verdict.placement.template_storage == storage


@pytest.mark.parametrize("version", ["9.1", "9.1.3", "9.2.11", "10.0~beta1"])
def test_versions_that_know_images(version: str) -> None:
    assert isinstance(for_image(replace(OCI, version=version)), Chosen)


@pytest.mark.parametrize("version", ["9.0.19", "8.4.1", "8.10.0", ""])
def test_versions_that_know_none(version: str) -> None:
    cause = for_image(replace(OCI, version=version))
    assert isinstance(cause, Cause)
    assert cause.code == "oci_unsupported"
    assert version in cause.message
    assert "9.1 or newer" in cause.message
    verdict = for_image(replace(OCI, version=version, memory_free=64 * GIB), replace(OCI, node="pve2"))
    assert isinstance(verdict, Chosen), "another node will do"
    assert verdict.placement.node == "pve2"


def test_a_template_does_not_ask_for_a_version() -> None:
    assert isinstance(choose(SPEC, None, cluster(replace(NODE, version="8.4.1", may_pull=False))), Chosen)


@pytest.mark.parametrize(
    ("node", "code", "words"),
    [
        (replace(OCI, storages=(DISKS,)), "no_template_storage", "vztmpl"),
        (replace(OCI, may_pull=False), "missing_rights", "/nodes/pve: Sys.AccessNetwork."),
        (
            replace(OCI, storages=(DISKS, replace(FILES, may_pull=False))),
            "missing_rights",
            "/storage/local: Datastore.AllocateTemplate.",
        ),
        (replace(OCI, storages=(replace(DISKS, available=5 * GIB - 1), FILES)), "storage_full", "5 GiB are needed"),
    ],
    ids=["no storage for archives", "no right on the node", "no right on the storage", "no room for the volumes"],
)
def test_what_an_image_lacks_is_said(node: NodeFacts, code: str, words: str) -> None:
    cause = for_image(node)
    assert isinstance(cause, Cause)
    assert cause.code == code
    assert words in cause.message
    assert "pve" in cause.message


def test_exactly_enough_is_enough() -> None:
    tight = replace(NODE, memory_free=512 * MIB, storages=(replace(DISKS, available=4 * GIB), FILES))
    assert chosen(cluster(tight)).placement.node == "pve"


def test_every_nodes_reason_is_told_when_none_will_do() -> None:
    cause = refused(cluster(replace(NODE, online=False), replace(NODE, node="pve2", memory_free=0)))
    assert "Node pve is offline" in cause.message
    assert "Node pve2 has 0 MiB" in cause.message


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (ClusterFacts(quorate=False, nodes=(NODE,)), "no_quorum"),
        (ClusterFacts(quorate=True, nodes=(NODE,), missing_rights=("/vms: VM.Allocate",)), "missing_rights"),
        (cluster(), "no_nodes"),
    ],
)
def test_what_concerns_the_whole_cluster_is_said_first(facts: ClusterFacts, code: str) -> None:
    assert refused(facts).code == code


def test_no_right_is_missed_on_storages_that_an_offline_node_does_not_show() -> None:
    facts = ClusterFacts(True, (replace(NODE, online=False),), missing_rights=("/storage: Datastore.AllocateSpace",))
    assert refused(facts).code == "node_offline"


def test_an_unknown_node_is_named() -> None:
    cause = refused(cluster(NODE), "pve9")
    assert (cause.code, "pve9" in cause.message) == ("unknown_node", True)
