"""Backups: what a job leaves and tells, who may, retention, and what a restore brings back."""

import re
from typing import Any

import pytest

from integration.simulator.conftest import AsToken, Pve, eventually
from support.simulator import SimulatorProcess

CONTENT = "/nodes/pve1/storage/nfs-share/content"
PRUNE = "/nodes/pve1/storage/nfs-share/prunebackups"


def dump(pve: Pve, vmid: object, node: str = "pve1", **options: Any) -> str:
    """UPID."""
    form = {"vmid": vmid, "storage": "nfs-share", "mode": "snapshot", "compress": "zstd"} | options
    upid: str = pve.post(f"/nodes/{node}/vzdump", **{k: v for k, v in form.items() if v is not None}).json()["data"]
    return upid


def dumped(pve: Pve, vmid: int, **options: Any) -> str:
    """The volume of a backup that was made."""
    before = set(volumes(pve))
    assert pve.ended(dump(pve, vmid, **options)) == "OK"
    (new,) = set(volumes(pve)) - before
    return new


def volumes(pve: Pve) -> list[str]:
    return [volume["volid"] for volume in pve.get(CONTENT, content="backup")]


def restore(pve: Pve, vmid: int, volume: str, **options: Any) -> Any:
    return pve.post("/nodes/pve1/lxc", vmid=vmid, ostemplate=volume, restore=1, **options)


def test_a_backup_is_a_volume_with_notes(pve: Pve) -> None:
    pve.created(20001)
    options: dict[str, Any] = {"notes-template": "{{guestname}} on {{node}}", "protected": 1}
    upid = dump(pve, 20001, **options)
    assert pve.ended(upid) == "OK"
    (volume,) = pve.get(CONTENT, content="backup", vmid=20001)
    assert re.fullmatch(r"nfs-share:backup/vzdump-lxc-20001-[\d_-]+\.tar\.zst", volume["volid"])
    assert (volume["notes"], volume["protected"], volume["subtype"]) == ("app20001 on pve1", 1, "lxc")
    assert (volume["format"], volume["vmid"]) == ("tar.zst", 20001)
    assert volume["size"] > 1 << 20
    assert "INFO: including mount point rootfs ('/') in backup" in pve.log(upid)


def test_the_guest_is_locked_meanwhile(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    simulator.fault("task_held", type="vzdump", stage="late")
    upid = dump(pve, 20001)
    eventually(lambda: pve.get("/nodes/pve1/lxc/20001/status/current").get("lock") == "backup")
    for method, path in (("PUT", "config"), ("PUT", "resize"), ("POST", "clone"), ("DELETE", "")):
        form = {"config": {"memory": 256}, "resize": {"disk": "rootfs", "size": "+1G"}, "clone": {"newid": 20009}}
        answer = pve.call(method, f"/nodes/pve1/lxc/20001/{path}".rstrip("/"), data=form.get(path))
        assert (answer.status_code, answer.reason) == (500, "CT is locked (backup)")
    start = pve.post("/nodes/pve1/lxc/20001/status/start").json()["data"]
    assert pve.ended(start) == "CT is locked (backup)"
    simulator.clear_faults()
    assert pve.ended(upid) == "OK"
    assert "lock" not in pve.get("/nodes/pve1/lxc/20001/config")


def test_a_killed_worker_leaves_the_lock(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    simulator.fault("task_killed", type="vzdump", stage="late")
    assert pve.ended(dump(pve, 20001)) == "unexpected status"
    assert pve.get("/nodes/pve1/lxc/20001/config")["lock"] == "backup"
    assert volumes(pve) == []


def aborted(pve: Pve, vmid: int) -> str:
    """UPID of a job that was told to end as soon as it had begun. It may have been over by then."""
    upid = dump(pve, vmid)
    eventually(lambda: pve.get(f"/nodes/pve1/lxc/{vmid}/config").get("lock") or pve.task(upid)["status"] == "stopped")
    assert pve.call("DELETE", f"/nodes/pve1/tasks/{upid}").status_code == 200
    return upid


def test_an_aborted_job_ends_with_errors_and_unlocks(pve: Pve) -> None:
    pve.created(20001)
    for _ in range(20):
        before = volumes(pve)
        upid = aborted(pve, 20001)
        if pve.ended(upid) != "OK":
            break
    assert pve.task(upid)["exitstatus"] == "job errors"
    assert any(line.endswith("failed: interrupted by signal") for line in pve.log(upid))
    assert "lock" not in pve.get("/nodes/pve1/lxc/20001/config")
    assert volumes(pve) == before


def test_a_missing_guest_does_not_spoil_the_others(pve: Pve) -> None:
    pve.created(20001)
    upid = dump(pve, "20001,20099")
    assert upid.split(":")[6] == ""
    assert pve.ended(upid) == "job errors"
    assert "ERROR: Backup of VM 20099 failed - unable to find VM '20099'" in pve.log(upid)
    assert len(volumes(pve)) == 1


def test_storages_that_cannot_take_it_fail_in_the_task(pve: Pve) -> None:
    wrong = "can't use storage 'local-lvm' for backups - wrong content type"
    ended = pve.ended(dump(pve, 100, storage="local-lvm"))
    assert ended == f"could not get storage information for 'local-lvm': {wrong}"
    assert pve.ended(dump(pve, 100, storage="x1")).startswith("could not activate storage 'x1': storage 'x1' does not")
    answer = pve.post("/nodes/pve1/vzdump")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"vmid": "property is missing"})


def test_which_guests_a_job_saves(pve: Pve, simulator: SimulatorProcess, as_token: AsToken) -> None:
    acl = [{"path": "/pool", "privileges": ["Pool.Allocate"]}]
    as_token("a@pve!t", simulator.add_token("a@pve!t", acl)).post("/pools", poolid="web")
    pve.created(20001, pool="web")
    upid = dump(pve, None, pool="web")
    assert pve.ended(upid) == "OK"
    assert [volume["vmid"] for volume in pve.get(CONTENT, content="backup")] == [20001]
    everything = dump(pve, None, all=1, exclude="100,101,103,200")
    assert pve.ended(everything) == "OK"
    saved = [line.split()[5] for line in pve.log(everything) if line.startswith("INFO: Starting Backup of VM")]
    assert saved == ["203", "900", "20001"]
    elsewhere = dump(pve, 102)
    assert pve.ended(elsewhere) == "OK"
    assert "INFO: skip external VMs: 102" in pve.log(elsewhere)


def test_snapshots_and_locks_outlive_the_process(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    pve.ended(pve.post("/nodes/pve1/lxc/20001/snapshot", snapname="s1").json()["data"])
    simulator.fault("task_held", type="vzdump", stage="late")
    upid = dump(pve, 20001)
    eventually(lambda: pve.get("/nodes/pve1/lxc/20001/config").get("lock"))
    simulator.kill()
    simulator.start()
    assert pve.ended(upid) == "unexpected status"
    assert pve.get("/nodes/pve1/lxc/20001/config")["lock"] == "backup"
    assert [entry["name"] for entry in pve.get("/nodes/pve1/lxc/20001/snapshot")] == ["s1", "current"]


def test_one_job_at_a_time_on_a_node(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    simulator.fault("task_held", type="vzdump", vmid=20001, stage="late")
    first = dump(pve, 20001)
    eventually(lambda: pve.get("/nodes/pve1/lxc/20001/config").get("lock"))
    second = dump(pve, 100)
    eventually(lambda: "INFO: trying to get global lock - waiting..." in pve.log(second))
    simulator.clear_faults()
    assert [pve.ended(first), pve.ended(second)] == ["OK", "OK"]


def test_rights(pve: Pve, simulator: SimulatorProcess, as_token: AsToken) -> None:
    volume = dumped(pve, 100)
    space = {"path": "/storage/nfs-share", "privileges": ["Datastore.AllocateSpace"]}
    poor = as_token("a@pve!t", simulator.add_token("a@pve!t", [space]))
    assert poor.post("/nodes/pve1/vzdump", vmid=100, storage="local").reason == (
        "Permission check failed (/storage/local, Datastore.AllocateSpace)"
    )
    assert poor.ended(dump(poor, 100)) == "403 Permission check failed (/vms/100, VM.Backup)"
    assert volumes(poor) == []
    answer = poor.call("GET", "/nodes/pve1/vzdump/extractconfig", params={"volume": volume})
    assert answer.reason == "Permission check failed (/vms/100, VM.Backup)"


def test_retention(pve: Pve) -> None:
    made = [dumped(pve, 100) for _ in range(3)]
    pve.call("PUT", f"{CONTENT}/{made[0]}", data={"protected": 1, "notes": "keep"})
    preview = pve.get(PRUNE, **{"prune-backups": "keep-last=1", "vmid": 100})
    assert [backup["mark"] for backup in preview] == ["protected", "remove", "keep"]
    assert len(volumes(pve)) == 3
    upid = pve.call("DELETE", PRUNE, params={"prune-backups": "keep-last=1", "vmid": 100}).json()["data"]
    assert upid.split(":")[5:7] == ["prunebackups", "100@nfs-share"]
    assert pve.ended(upid) == "OK"
    assert volumes(pve) == [made[0], made[2]]


def test_deleting(pve: Pve) -> None:
    volume = dumped(pve, 100, protected=1)
    refused = pve.call("DELETE", f"{CONTENT}/{volume}").json()["data"]
    assert pve.ended(refused).startswith("cannot remove protected volume 'backup/vzdump-lxc-100")
    pve.call("PUT", f"{CONTENT}/{volume}", data={"protected": 0})
    assert pve.ended(pve.call("DELETE", f"{CONTENT}/{volume}").json()["data"]) == "OK"
    assert volumes(pve) == []


def test_a_restore_brings_the_configuration_back(pve: Pve) -> None:
    pve.created(20001, tags="web", memory=768)
    before = pve.get("/nodes/pve1/lxc/20001/config")
    volume = dumped(pve, 20001)
    upid = restore(pve, 20002, volume, storage="local-lvm", hostname="again", unique=1).json()["data"]
    assert pve.ended(upid) == "OK"
    after = pve.get("/nodes/pve1/lxc/20002/config")
    assert (after["rootfs"], after["hostname"]) == ("local-lvm:vm-20002-disk-0,size=4G", "again")
    assert after["net0"] != before["net0"]
    changed = ("rootfs", "hostname", "net0", "digest")
    assert {k: v for k, v in after.items() if k not in changed} == {k: v for k, v in before.items() if k not in changed}
    text = pve.get("/nodes/pve1/vzdump/extractconfig", volume=volume)
    assert text.startswith("#proximity:i:a:o:1\narch: amd64\n")
    assert "memory: 768\n" in text


def test_a_restore_over_a_guest(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    volume = dumped(pve, 20001)
    assert restore(pve, 20001, volume).reason == "CT 20001 already exists on node 'pve1'"
    pve.started(20001)
    assert restore(pve, 20001, volume, force=1).reason == "can't overwrite running container"
    pve.ended(pve.post("/nodes/pve1/lxc/20001/status/stop").json()["data"])
    pve.call("PUT", "/nodes/pve1/lxc/20001/config", data={"memory": 1024})
    assert pve.ended(restore(pve, 20001, volume, force=1).json()["data"]) == "OK"
    config = pve.get("/nodes/pve1/lxc/20001/config")
    assert (config["memory"], config["rootfs"]) == (512, "local-lvm:vm-20001-disk-1,size=4G")
    assert [entry["action"] for entry in simulator.journal()] == ["create", "destroy", "create"]


def test_a_restore_that_fails(pve: Pve) -> None:
    missing = "nfs-share:backup/vzdump-lxc-100-2026_01_01-00_00_00.tar.zst"
    upid = restore(pve, 20001, missing).json()["data"]
    assert pve.ended(upid) == f"unable to restore CT 20001 - volume '{missing}' does not exist"
    assert pve.call("GET", "/nodes/pve1/lxc/20001/config").status_code == 500
    wrong = restore(pve, 20001, "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst")
    assert wrong.reason.endswith("content type needs to be 'backup'")


def test_a_restore_needs_the_right_to_the_old_guest(pve: Pve, simulator: SimulatorProcess, as_token: AsToken) -> None:
    volume = dumped(pve, 100)
    acl = [
        {"path": "/storage", "privileges": ["Datastore.AllocateSpace", "Datastore.Audit"]},
        {"path": "/vms/20001", "privileges": ["VM.Allocate", "VM.Audit"]},
        {"path": "/vms/100", "privileges": ["VM.Backup"]},
    ]
    poor = as_token("a@pve!t", simulator.add_token("a@pve!t", acl[:2]))
    assert restore(poor, 20001, volume).reason == "Permission check failed (/vms/100, VM.Backup)"
    better = as_token("b@pve!t", simulator.add_token("b@pve!t", acl))
    ended = better.ended(restore(better, 20001, volume).json()["data"])
    assert ended == (
        "unable to restore CT 20001 - 403 Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"
    )


def test_backups_outlive_the_process(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    volume = dumped(pve, 20001, **{"notes-template": "kept"})
    simulator.kill()
    simulator.start()
    (listed,) = pve.get(CONTENT, content="backup", vmid=20001)
    assert (listed["volid"], listed["notes"]) == (volume, "kept")
    assert pve.ended(restore(pve, 20002, volume).json()["data"]) == "OK"


def test_a_restore_that_fails_starts_nothing(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    missing = "nfs-share:backup/vzdump-lxc-20001-2026_01_01-00_00_00.tar.zst"
    simulator.fault("task_killed", type="vzcreate", stage="early")
    pve.ended(pve.create(20002, start=1).json()["data"])
    upid = restore(pve, 20001, missing, force=1, start=1).json()["data"]
    assert pve.ended(upid) == f"unable to restore CT 20001 - volume '{missing}' does not exist"
    assert pve.get("/nodes/pve1/lxc/20001/config")["rootfs"] == "local-lvm:vm-20001-disk-0,size=4G"
    assert simulator.stop() == 0
    simulator.start()
    assert "vzstart" not in {task["type"] for task in pve.get("/nodes/pve1/tasks", source="all")}


def test_a_backup_outlives_its_guest(pve: Pve) -> None:
    pve.created(20001)
    pve.ended(dump(pve, 20001, storage="local"))
    pve.ended(pve.call("DELETE", "/nodes/pve1/lxc/20001").json()["data"])
    (volume,) = pve.get("/nodes/pve1/storage/local/content", content="backup")
    assert pve.get("/nodes/pve2/storage/local/content", content="backup") == []
    assert pve.ended(restore(pve, 20001, volume["volid"]).json()["data"]) == "OK"


def test_a_killed_restore_leaves_its_lock(pve: Pve, simulator: SimulatorProcess) -> None:
    volume = dumped(pve, 100)
    simulator.fault("task_killed", type="vzrestore", stage="late")
    assert pve.ended(restore(pve, 20001, volume).json()["data"]) == "unexpected status"
    assert pve.get("/nodes/pve1/lxc/20001/config")["lock"] == "create"


@pytest.mark.parametrize("mode", ["stop", "suspend", "snapshot"])
def test_a_running_guest_runs_afterwards(pve: Pve, mode: str) -> None:
    upid = dump(pve, 100, mode=mode)
    assert pve.ended(upid) == "OK"
    assert f"INFO: backup mode: {mode}" in pve.log(upid)
    assert pve.get("/nodes/pve1/lxc/100/status/current")["status"] == "running"


def test_a_virtual_machine(pve: Pve) -> None:
    assert pve.ended(dump(pve, 200)) == "OK"
    (volume,) = pve.get(CONTENT, content="backup", vmid=200)
    assert (volume["subtype"], volume["format"]) == ("qemu", "vma.zst")
