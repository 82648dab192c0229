"""The cases in which the dump of a token's permissions misleads were all seen on a real Proxmox VE."""

from collections.abc import Sequence

import pytest

from proximity.domain.cluster.rights import FEATURES, Feature, Permissions, has, missing_rights

GUEST = dict.fromkeys(
    [
        "VM.Allocate",
        "VM.Audit",
        "VM.Config.CPU",
        "VM.Config.Disk",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.Options",
        "VM.PowerMgmt",
    ],
    1,
)
STORE = {"Datastore.AllocateSpace": 1, "Datastore.AllocateTemplate": 1, "Datastore.Audit": 1}
Missing = dict[Feature, tuple[str, ...]]
ENOUGH: dict[str, dict[str, int]] = {
    "/": {"Sys.Audit": 0},
    "/vms": GUEST,
    "/storage": STORE,
    "/sdn/zones": {"SDN.Use": 1},
    "/nodes": {"Sys.Audit": 1, "Sys.AccessNetwork": 1},
}


def missing(
    permissions: Permissions,
    *,
    nodes: Sequence[str] = ("pve",),
    storages: Sequence[str] = ("local", "btr"),
    bridge: str = "vmbr0",
) -> Missing:
    return missing_rights(permissions, nodes=nodes, storages=storages, bridge=bridge)


def without(path: str, *privileges: str) -> Permissions:
    return ENOUGH | {path: {p: v for p, v in ENOUGH[path].items() if p not in privileges}}


def test_the_recommended_set_lacks_nothing() -> None:
    assert missing(ENOUGH) == {}


def test_no_rights_at_all_lack_everything_and_say_where() -> None:
    lacking = missing({})
    assert set(lacking) == set(FEATURES)
    assert lacking["deploy"] == (
        "/vms: VM.Allocate",
        "/vms: VM.Audit",
        "/vms: VM.Config.CPU",
        "/vms: VM.Config.Disk",
        "/vms: VM.Config.Memory",
        "/vms: VM.Config.Network",
        "/vms: VM.Config.Options",
        "/vms: VM.PowerMgmt",
        "/storage: Datastore.AllocateSpace",
        "/sdn/zones/localnetwork/vmbr0: SDN.Use",
    )


@pytest.mark.parametrize(
    ("privilege", "features"),
    [
        ("VM.PowerMgmt", {"deploy", "power", "delete"}),
        ("VM.Config.Options", {"deploy", "configure"}),
        ("VM.Allocate", {"deploy", "delete"}),
        ("VM.Config.Disk", {"deploy"}),
    ],
)
def test_a_missing_guest_right_is_told_for_each_feature_that_needs_it(privilege: str, features: set[str]) -> None:
    lacking = missing(without("/vms", privilege))
    assert set(lacking) == features
    assert all(lines == (f"/vms: {privilege}",) for lines in lacking.values())


def test_value_zero_means_the_right_is_there() -> None:
    assert has({"/vms/7001": {"VM.Audit": 0}}, "/vms/7001", "VM.Audit")
    assert "quorum" not in missing(ENOUGH)


def test_value_zero_is_not_inherited() -> None:
    dump: Permissions = {"/vms": {"VM.PowerMgmt": 0}}
    assert has(dump, "/vms", "VM.PowerMgmt")
    assert not has(dump, "/vms/7002", "VM.PowerMgmt")
    assert missing(ENOUGH | {"/vms": GUEST | {"VM.PowerMgmt": 0}})["power"] == ("/vms: VM.PowerMgmt",)


def test_a_deeper_entry_replaces_the_inherited_one() -> None:
    dump: Permissions = {"/vms": {"VM.Audit": 1, "VM.PowerMgmt": 1}, "/vms/7002": {"VM.Config.CPU": 1}}
    assert not has(dump, "/vms/7002", "VM.Audit")
    assert has(dump, "/vms/7002", "VM.Config.CPU")
    assert has(dump, "/vms/7003", "VM.Audit")


def test_only_the_nearest_listed_ancestor_counts() -> None:
    dump: Permissions = {"/": {"SDN.Use": 1}, "/sdn/zones": {"SDN.Audit": 1}}
    assert not has(dump, "/sdn/zones/localnetwork/vmbr0", "SDN.Use")
    assert has({"/": {"SDN.Use": 1}}, "/sdn/zones/localnetwork/vmbr0", "SDN.Use")


def test_a_pool_role_shown_on_a_guest_says_nothing_of_other_guests() -> None:
    dump: Permissions = {"/pool/P": {"VM.Audit": 1}, "/vms/7001": {"VM.Audit": 0}}
    assert missing(dump)["observe"][0] == "/vms: VM.Audit"


def test_one_storage_with_the_right_is_enough() -> None:
    dump: Permissions = {**ENOUGH, "/storage": {}, "/storage/btr": {"Datastore.AllocateSpace": 1}}
    lacking = ("/storage: Datastore.AllocateTemplate",)
    assert missing(dump) == {"templates": lacking, "images": lacking}


def test_a_right_on_a_storage_that_does_not_exist_helps_nobody() -> None:
    dump: Permissions = {**ENOUGH, "/storage": {}, "/storage/gone": STORE}
    assert missing(dump)["deploy"] == ("/storage: Datastore.AllocateSpace",)


def test_the_only_storage_is_named() -> None:
    lacking = ("/storage/local: Datastore.AllocateTemplate",)
    found = missing(without("/storage", "Datastore.AllocateTemplate"), storages=("local",))
    assert found == {"templates": lacking, "images": lacking}


def test_audit_or_allocate_space_lets_a_storage_be_seen() -> None:
    assert "observe" not in missing(without("/storage", "Datastore.Audit"))
    assert "observe" not in missing(without("/storage", "Datastore.AllocateSpace"))
    lacking = missing(without("/storage", "Datastore.Audit", "Datastore.AllocateSpace"))
    assert lacking["observe"] == ("/storage: Datastore.Audit|Datastore.AllocateSpace",)


def test_every_node_whose_figures_are_hidden_is_named() -> None:
    dump: Permissions = {**ENOUGH, "/nodes": {"Sys.AccessNetwork": 1}, "/nodes/pve2": {"Sys.Audit": 0}}
    assert missing(dump, nodes=("pve1", "pve2", "pve3")) == {
        "figures": ("/nodes/pve1: Sys.Audit", "/nodes/pve3: Sys.Audit"),
        "images": ("/nodes/pve2: Sys.AccessNetwork",),
    }


def test_pulling_an_image_needs_what_deploying_a_template_does_not() -> None:
    assert missing(without("/nodes", "Sys.AccessNetwork")) == {"images": ("/nodes/pve: Sys.AccessNetwork",)}


def test_rights_on_one_bridge_are_not_rights_on_another() -> None:
    dump: Permissions = {**ENOUGH, "/sdn/zones": {}, "/sdn/zones/localnetwork/vmbr0": {"SDN.Use": 1}}
    assert missing(dump) == {}
    assert missing(dump, bridge="vmbr1") == {"deploy": ("/sdn/zones/localnetwork/vmbr1: SDN.Use",)}
