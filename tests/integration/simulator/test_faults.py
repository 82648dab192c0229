"""Each fault does what a test asks of it, as often as it asks, and no more."""

import time

import pytest
import requests

from integration.simulator.conftest import Pve, eventually
from support.simulator import SimulatorProcess

LXC = r"^/nodes/pve1/lxc$"
WORDPRESS = "debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz"


def test_drop_before_the_effect(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("drop_before", method="POST", path=LXC, vmid=20001)
    with pytest.raises(requests.ConnectionError):
        pve.create(20001)
    assert simulator.guest(20001) is None
    assert simulator.faults() == []
    assert pve.create(20001).status_code == 200


def test_drop_after_the_effect(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("drop_after", method="POST", path=LXC, vmid=20001)
    assert pve.create(20002).status_code == 200
    with pytest.raises(requests.ConnectionError):
        pve.create(20001)
    assert simulator.guest(20001) is not None
    eventually(lambda: {entry["vmid"] for entry in simulator.journal()} == {20001, 20002})


def test_an_effect_later_than_the_client_left(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("late", method="POST", path=LXC, seconds=1)
    with pytest.raises(requests.ConnectionError):
        pve.create(20001)
    assert simulator.guest(20001) is None
    assert pve.get("/nodes/pve1/tasks", source="all", vmid=20001) == []
    eventually(lambda: simulator.guest(20001))
    eventually(lambda: [entry["vmid"] for entry in simulator.journal()] == [20001])


def test_a_revoked_token_stops_a_request_that_waits(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("late", method="POST", path=LXC, seconds=1)
    with pytest.raises(requests.ConnectionError):
        pve.create(20001)
    simulator.fault("token_revoked", token=simulator.connection().token_id)
    answer = pve.call("GET", "/version")
    assert (answer.status_code, answer.reason) == (401, "Authentication failed!")
    eventually(lambda: {"method": "POST", "path": "/api2/json/nodes/pve1/lxc"} in simulator.requests())
    simulator.clear_faults()
    assert simulator.guest(20001) is None
    assert pve.call("GET", "/version").status_code == 200


@pytest.mark.parametrize("effect", [True, False])
def test_596_with_and_without_the_effect(pve: Pve, simulator: SimulatorProcess, effect: bool) -> None:
    simulator.fault("596", method="POST", effect=effect)
    answer = pve.create(20001)
    assert (answer.status_code, answer.content) == (596, b"")
    assert (simulator.guest(20001) is not None) is effect


def test_slow(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("slow", path="^/version$", seconds=0.3, times=None)
    for _ in range(2):
        begin = time.monotonic()
        pve.get("/version")
        assert time.monotonic() - begin > 0.3


def test_a_lock_and_its_release(pve: Pve, simulator: SimulatorProcess) -> None:
    fault = simulator.fault("lock", vmid=105, lock="backup")
    put = {"data": {"memory": 1024}}
    assert pve.call("PUT", "/nodes/pve2/lxc/105/config", **put).reason == "CT is locked (backup)"
    assert pve.call("DELETE", "/nodes/pve2/lxc/105").reason == "CT is locked (backup)"
    assert pve.ended(pve.post("/nodes/pve2/lxc/105/status/start").json()["data"]) == "CT is locked (backup)"
    assert pve.get("/nodes/pve2/lxc/105/status/current")["lock"] == "backup"
    simulator.remove_fault(fault)
    assert pve.call("PUT", "/nodes/pve2/lxc/105/config", **put).status_code == 200


def test_a_lock_for_a_while(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("lock", vmid=105, seconds=0.2)
    assert (simulator.guest(105) or {})["lock"] == "backup"
    eventually(lambda: (simulator.guest(105) or {})["lock"] is None)


@pytest.mark.parametrize("effect", [True, False])
def test_a_task_that_ends_in_an_error(pve: Pve, simulator: SimulatorProcess, effect: bool) -> None:
    simulator.fault("task_error", type="vzcreate", text="lvcreate failed", effect=effect)
    upid = pve.created(20001)
    assert pve.task(upid)["exitstatus"] == "lvcreate failed"
    assert pve.log(upid)[-1] == "TASK ERROR: lvcreate failed"
    assert (simulator.guest(20001) is not None) is effect
    assert len(simulator.journal()) == int(effect)


def test_a_worker_killed_early_leaves_the_lock_for_ever(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_killed", type="vzcreate", stage="early")
    upid = pve.created(20001)
    assert pve.task(upid)["exitstatus"] == "unexpected status"
    assert set(pve.get("/nodes/pve1/lxc/20001/config")) == {"lock", "digest"}
    assert pve.call("DELETE", "/nodes/pve1/lxc/20001").reason == "CT is locked (create)"
    assert simulator.journal() == []


def test_a_person_unlocks_on_the_node(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_killed", type="vzcreate", stage="early")
    pve.created(20001)
    simulator.unlock(20001)
    assert set(pve.get("/nodes/pve1/lxc/20001/config")) == {"digest"}
    pve.ended(pve.call("DELETE", "/nodes/pve1/lxc/20001").json()["data"])
    assert pve.call("GET", "/nodes/pve1/lxc/20001/config").status_code == 500
    with pytest.raises(ValueError, match="404"):
        simulator.unlock(20001)


def test_a_worker_that_never_was_leaves_the_lock_and_no_task(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_lost", type="vzcreate")
    answer = pve.create(20001)
    assert (answer.status_code, answer.reason) == (596, "Broken pipe")
    assert set(pve.get("/nodes/pve1/lxc/20001/config")) == {"lock", "digest"}
    assert pve.get("/nodes/pve1/tasks", source="all", vmid=20001) == []
    assert simulator.journal() == []


def test_a_worker_killed_late_leaves_a_guest_without_swap(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_killed", type="vzcreate", stage="late")
    upid = pve.created(20001)
    assert pve.task(upid)["exitstatus"] == "unexpected status"
    config = pve.get("/nodes/pve1/lxc/20001/config")
    assert ("swap" in config, "lock" in config, config["hostname"]) == (False, False, "app20001")
    assert pve.ended(pve.call("DELETE", "/nodes/pve1/lxc/20001").json()["data"]) == "OK"
    assert [entry["action"] for entry in simulator.journal()] == ["create", "destroy"]


def test_a_start_killed_early_and_late(pve: Pve, simulator: SimulatorProcess) -> None:
    for stage, status in (("early", "stopped"), ("late", "running")):
        simulator.fault("task_killed", type="vzstart", stage=stage)
        upid = pve.post("/nodes/pve2/lxc/105/status/start").json()["data"]
        assert pve.ended(upid) == "unexpected status"
        assert (simulator.guest(105) or {})["status"] == status


def test_a_task_log_that_was_rotated_away(pve: Pve, simulator: SimulatorProcess) -> None:
    upid = pve.created(20001)
    simulator.fault("task_log_gone", vmid=20001)
    answer = pve.call("GET", f"/nodes/pve1/tasks/{upid}/status")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"upid": "no such task"})
    assert pve.log(upid) == ["unable to open file - No such file or directory"]
    assert [task["status"] for task in pve.get("/nodes/pve1/tasks", vmid=20001)] == ["OK"]


def test_no_quorum(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("quorum_lost")
    assert pve.get("/cluster/status")[0]["quorate"] == 0
    assert pve.create(20001).reason == "cluster not ready - no quorum?"
    assert pve.post("/nodes/pve2/lxc/105/status/start").reason == "cluster not ready - no quorum?"
    put = pve.call("PUT", "/nodes/pve2/lxc/105/config", data={"memory": 1024})
    assert put.reason.startswith("unable to open file '/etc/pve/nodes/pve2/lxc/105.conf.tmp.")
    destroy = pve.call("DELETE", "/nodes/pve2/lxc/105").json()["data"]
    assert pve.ended(destroy).endswith("Permission denied")
    assert simulator.guest(105) is not None
    simulator.clear_faults()
    assert pve.create(20001).status_code == 200


def test_a_full_storage(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("storage_full", storage="local-lvm", node="pve1")
    (status,) = (s for s in pve.get("/nodes/pve1/storage") if s["storage"] == "local-lvm")
    assert (status["avail"], status["used"]) == (0, status["total"])
    assert next(s for s in pve.get("/nodes/pve2/storage") if s["storage"] == "local-lvm")["avail"] > 0
    upid = pve.created(20001)
    assert pve.task(upid)["exitstatus"].startswith("unable to create CT 20001 - command 'lxc-usernsexec")
    assert any("No space left on device" in line for line in pve.log(upid))
    assert simulator.guest(20001) is None
    simulator.fault("storage_full", storage="local")
    download = pve.post("/nodes/pve1/aplinfo", storage="local", template=WORDPRESS).json()["data"]
    assert "No space left" in pve.ended(download)


def test_a_fault_nobody_knows_is_refused(simulator: SimulatorProcess) -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        simulator.fault("earthquake")
    with pytest.raises(ValueError, match="no guest 999"):
        simulator.fault("lock", vmid=999)
    with pytest.raises(ValueError, match="not in tuple"):
        simulator.fault("task_killed", stage="never")
    with pytest.raises(ValueError, match="unexpected keyword"):
        simulator.fault("slow", color="red")
    assert simulator.faults() == []


def test_times(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("drop_before", path="^/version$", times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            pve.get("/version")
    assert pve.get("/version")["version"] == "9.2.11"
