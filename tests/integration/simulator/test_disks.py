"""Snapshots, clones, templates and disks, as each kind of storage has them."""

from typing import Any

import pytest

from integration.simulator.conftest import Pve, eventually
from support.simulator import SimulatorProcess

GUEST = "/nodes/pve1/lxc/20001"


def config(pve: Pve, vmid: int = 20001) -> Any:
    return pve.get(f"/nodes/pve1/lxc/{vmid}/config")


def put(pve: Pve, **values: Any) -> Any:
    return pve.call("PUT", f"{GUEST}/config", data=values)


def snapshot(pve: Pve, name: str, **values: Any) -> str:
    return pve.ended(pve.post(f"{GUEST}/snapshot", snapname=name, **values).json()["data"])


def clone(pve: Pve, newid: int, **values: Any) -> Any:
    return pve.post(f"{GUEST}/clone", newid=newid, **values)


def test_snapshots_form_a_chain(pve: Pve) -> None:
    pve.created(20001)
    assert snapshot(pve, "s1", description="before update") == "OK"
    put(pve, memory=1024)
    assert snapshot(pve, "s2") == "OK"
    assert snapshot(pve, "s2") == "snapshot name 's2' already used"
    listed = {entry["name"]: entry for entry in pve.get(f"{GUEST}/snapshot")}
    assert (listed["s1"]["description"], listed["s2"]["parent"]) == ("before update\n", "s1")
    assert listed["current"]["parent"] == "s2"
    assert pve.get(f"{GUEST}/snapshot/s1/config")["memory"] == 512
    assert pve.ended(pve.post(f"{GUEST}/snapshot/s1/rollback").json()["data"]) == "OK"
    assert (config(pve)["memory"], config(pve)["parent"]) == (512, "s1")
    assert pve.ended(pve.call("DELETE", f"{GUEST}/snapshot/s1").json()["data"]) == "OK"
    assert "parent" not in config(pve)


@pytest.mark.parametrize("call", [("POST", "snapshot"), ("DELETE", "snapshot/s1"), ("POST", "snapshot/s1/rollback")])
def test_a_missing_guest_is_only_missed_in_the_task(pve: Pve, call: tuple[str, str]) -> None:
    data = {"snapname": "s1"} if call[1] == "snapshot" else None
    upid = pve.call(call[0], f"{GUEST}/{call[1]}", data=data).json()["data"]
    assert pve.ended(upid) == "Configuration file 'nodes/pve1/lxc/20001.conf' does not exist"


@pytest.mark.parametrize(("ttype", "lock"), [("vzsnapshot", "snapshot"), ("vzrollback", "rollback")])
def test_a_killed_worker_leaves_its_lock(pve: Pve, simulator: SimulatorProcess, ttype: str, lock: str) -> None:
    pve.created(20001)
    snapshot(pve, "s1")
    simulator.fault("task_killed", type=ttype, stage="late")
    path = "snapshot/s1/rollback" if ttype == "vzrollback" else "snapshot"
    upid = pve.call("POST", f"{GUEST}/{path}", data={} if "/" in path else {"snapname": "s2"}).json()["data"]
    assert pve.ended(upid) == "unexpected status"
    assert config(pve)["lock"] == lock


def test_a_full_clone(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001, tags="web")
    simulator.fault("task_held", type="vzclone", stage="early")
    upid = clone(pve, 20002, full=1, hostname="copy").json()["data"]
    eventually(lambda: config(pve).get("lock") == "disk")
    assert config(pve, 20002)["lock"] == "create"
    simulator.clear_faults()
    assert pve.ended(upid) == "OK"
    copy, source = config(pve, 20002), config(pve)
    assert (copy["rootfs"], copy["hostname"], copy["tags"]) == ("local-lvm:vm-20002-disk-0,size=4G", "copy", "web")
    assert copy["net0"] != source["net0"]
    assert not {"lock"} & (copy.keys() | source.keys())
    assert [entry["vmid"] for entry in simulator.journal()] == [20001, 20002]


def test_a_killed_clone_leaves_both_locks(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    simulator.fault("task_killed", type="vzclone", stage="late")
    assert pve.ended(clone(pve, 20002).json()["data"]) == "unexpected status"
    assert (config(pve)["lock"], config(pve, 20002)["lock"]) == ("disk", "create")


@pytest.mark.parametrize("work", ["clone", "move_volume"])
def test_an_aborted_worker_takes_its_locks_with_it(pve: Pve, simulator: SimulatorProcess, work: str) -> None:
    pve.created(20001)
    simulator.fault("task_held", stage="late")
    form = {"newid": 20002, "full": 1} if work == "clone" else {"volume": "rootfs", "storage": "local-lvm"}
    upid = pve.post(f"{GUEST}/{work}", **form).json()["data"]
    eventually(lambda: len(pve.log(upid)) > 5)
    assert config(pve)["lock"] == "disk"
    pve.call("DELETE", f"/nodes/pve1/tasks/{upid}")
    assert pve.ended(upid).endswith("received interrupt")
    assert "lock" not in config(pve)
    assert config(pve)["rootfs"] == "local-lvm:vm-20001-disk-0,size=4G"
    assert pve.call("GET", "/nodes/pve1/lxc/20002/config").status_code == 500


def test_a_clone_of_a_snapshot_has_its_configuration(pve: Pve) -> None:
    pve.created(20001)
    snapshot(pve, "s1")
    put(pve, memory=1024)
    pve.started(20001)
    assert clone(pve, 20002).reason == "Full clone of a running container is only possible from a snapshot"
    assert pve.ended(clone(pve, 20002, snapname="s1", full=1).json()["data"]) == "OK"
    assert config(pve, 20002)["memory"] == 512


def test_linked_clones_of_a_template(pve: Pve) -> None:
    pve.created(20001)
    refused = clone(pve, 20002, full=0)
    assert refused.reason == "Linked clone feature for 'local-lvm:vm-20001-disk-0' is not available"
    assert pve.post(f"{GUEST}/template").json()["data"] is None
    eventually(lambda: config(pve).get("template"))
    assert pve.ended(clone(pve, 20002).json()["data"]) == "OK"
    assert config(pve, 20002)["rootfs"] == "local-lvm:base-20001-disk-0/vm-20002-disk-0,size=4G"
    gone = pve.call("DELETE", GUEST).json()["data"]
    assert pve.ended(gone) == "base volume 'local-lvm:base-20001-disk-0' is still in use by linked clones"
    grown = pve.call("PUT", "/nodes/pve1/lxc/20002/resize", data={"disk": "rootfs", "size": "+1G"}).json()["data"]
    assert pve.ended(grown) == "OK"
    pve.ended(pve.call("DELETE", "/nodes/pve1/lxc/20002").json()["data"])
    assert pve.ended(pve.call("DELETE", GUEST).json()["data"]) == "OK"


def test_a_mount_point_comes_and_goes(pve: Pve) -> None:
    pve.created(20001)
    put(pve, mp0="local-lvm:0.1,mp=/data,backup=1")
    assert config(pve)["mp0"] == "local-lvm:vm-20001-disk-1,mp=/data,backup=1,size=102M"
    put(pve, delete="mp0")
    assert config(pve)["unused0"] == "local-lvm:vm-20001-disk-1"
    put(pve, delete="unused0")
    assert "unused0" not in config(pve)


def test_moving_a_disk(pve: Pve) -> None:
    pve.created(20001)
    upid = pve.post(f"{GUEST}/move_volume", volume="rootfs", storage="local-lvm").json()["data"]
    assert upid.split(":")[5:7] == ["move_volume", "20001"]
    assert pve.ended(upid) == "OK"
    moved = config(pve)
    assert moved["rootfs"] == "local-lvm:vm-20001-disk-1,size=4G"
    assert moved["unused0"] == "local-lvm:vm-20001-disk-0"
    pve.ended(pve.post(f"{GUEST}/move_volume", volume="rootfs", storage="local-lvm", delete=1).json()["data"])
    assert "unused1" not in config(pve)
    pve.started(20001)
    refused = pve.post(f"{GUEST}/move_volume", volume="rootfs", storage="local-lvm")
    assert refused.reason == "cannot move volumes of a running container"


def test_giving_a_disk_to_another(pve: Pve) -> None:
    pve.created(20001, mp0="local-lvm:1,mp=/data")
    pve.created(20002)
    form = {"volume": "mp0", "target-vmid": 20002, "target-volume": "mp1"}
    assert pve.ended(pve.post(f"{GUEST}/move_volume", **form).json()["data"]) == "OK"
    assert "mp0" not in config(pve)
    assert config(pve, 20002)["mp1"] == "local-lvm:vm-20002-disk-1,mp=/data,size=1G"


def test_growing_a_disk(pve: Pve) -> None:
    pve.created(20001)
    answer = pve.call("PUT", f"{GUEST}/resize", data={"disk": "rootfs", "size": "+1G"})
    assert pve.ended(answer.json()["data"]) == "OK"
    assert config(pve)["rootfs"].endswith(",size=5G")
    missing = pve.call("PUT", f"{GUEST}/resize", data={"disk": "mp5", "size": "+1G"})
    assert (missing.reason, missing.json()["errors"].keys()) == ("format error", {"mp", "volume"})


def test_a_network_card_that_cannot_be_plugged_in(pve: Pve) -> None:
    pve.created(20001)
    pve.started(20001)
    card = "name=eth0,bridge=vmbr0"
    why = "unable to hotplug net1: command 'lxc-device -n 20001 add veth20001i1p eth0' failed: exit code 1\n"
    assert put(pve, net1=card).json()["errors"] == {"net1": why}
    assert "net1" not in config(pve)
    assert put(pve, net1="name=eth1,bridge=vmbr0").status_code == 200


def test_disks_in_the_content_list(pve: Pve) -> None:
    pve.created(20001)
    put(pve, mp0="local-lvm:1,mp=/data")
    put(pve, delete="mp0")
    disks = pve.get("/nodes/pve1/storage/local-lvm/content", vmid=20001)
    assert {(disk["volid"], disk["content"]) for disk in disks} == {
        ("local-lvm:vm-20001-disk-0", "rootdir"),
        ("local-lvm:vm-20001-disk-1", "rootdir"),
    }
