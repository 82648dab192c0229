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


def test_an_unknown_node_is_named() -> None:
    cause = refused(cluster(NODE), "pve9")
    assert (cause.code, "pve9" in cause.message) == ("unknown_node", True)
