"""What create, start, shutdown and destroy do, in the order a real node does it."""

import socket
import urllib.request
from typing import Any

import pytest
import requests

from integration.simulator.conftest import TEMPLATE, Pve, eventually
from support.simulator import SimulatorProcess

CONFIG = "/nodes/pve1/lxc/20001/config"


def test_a_container_comes_to_life_and_goes_again(pve: Pve, simulator: SimulatorProcess) -> None:
    upid = pve.created(20001)
    assert upid.endswith(f":vzcreate:20001:{simulator.connection().token_id}:")
    assert pve.get(CONFIG)["description"] == "proximity:i:a:o:1\n"
    pve.started(20001)
    assert pve.get("/nodes/pve1/lxc/20001/status/current")["status"] == "running"
    stop = pve.post("/nodes/pve1/lxc/20001/status/shutdown", timeout=30).json()["data"]
    assert pve.ended(stop) == "OK"
    destroy = pve.call("DELETE", "/nodes/pve1/lxc/20001", params={"purge": 1}).json()["data"]
    assert pve.ended(destroy) == "OK"
    assert pve.log(destroy) == ["purging CT 20001 from related configurations..", "TASK OK"]
    entries = [(entry["action"], entry["vmid"], entry["upid"]) for entry in simulator.journal()]
    assert entries == [("create", 20001, upid), ("destroy", 20001, destroy)]


def test_a_create_shows_its_config_late_and_the_swap_last(pve: Pve, simulator: SimulatorProcess) -> None:
    held = simulator.fault("task_held", type="vzcreate", stage="early")
    upid = pve.create(20001).json()["data"]
    assert set(pve.get(CONFIG)) == {"lock", "digest"}
    assert pve.get("/nodes/pve1/lxc/20001/status/current")["name"] == "CT20001"
    simulator.remove_fault(held)
    assert pve.ended(upid) == "OK"
    simulator.fault("task_held", type="vzcreate", stage="late")
    upid = pve.create(20002).json()["data"]
    written = eventually(lambda: "rootfs" in (config := pve.get("/nodes/pve1/lxc/20002/config")) and config)
    assert written["description"] == "proximity:i:a:o:1\n"
    assert "lock" not in written
    assert "swap" not in written
    assert pve.task(upid)["status"] == "running"
    simulator.clear_faults()
    assert pve.ended(upid) == "OK"
    assert pve.get("/nodes/pve1/lxc/20002/config")["swap"] == 512


def test_a_guest_that_is_being_created_is_locked(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_held", vmid=20001)
    pve.create(20001)
    assert pve.call("DELETE", "/nodes/pve1/lxc/20001").reason == "CT is locked (create)"
    assert pve.create(20001).reason == "CT 20001 already exists on node 'pve1'"
    assert pve.create(20001, node="pve2").reason == "CT 20001 already exists on node 'pve1'"


def test_a_configuration_change_waits_for_the_create(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_held", vmid=20001, seconds=0.1)
    upid = pve.create(20001).json()["data"]
    assert pve.call("PUT", CONFIG, data={"memory": 600}).status_code == 200
    assert pve.task(upid)["status"] == "stopped"
    assert pve.get(CONFIG)["memory"] == 600


def test_start_at_create_is_a_second_task(pve: Pve) -> None:
    pve.created(20001, start=1)
    tasks = eventually(lambda: pve.get("/nodes/pve1/tasks", vmid=20001, typefilter="vzstart"))
    assert tasks[0]["status"] == "OK"


def test_a_systemd_without_nesting_is_a_warning(pve: Pve) -> None:
    upid = pve.created(20001, features=None)
    assert pve.task(upid)["exitstatus"] == "WARNINGS: 1"
    assert pve.log(upid)[-2:] == [
        "WARN: Systemd 252 detected. You may need to enable nesting.",
        "TASK WARNINGS: 1",
    ]
    assert pve.task(pve.started(20001))["exitstatus"] == "WARNINGS: 1"


def test_a_template_that_is_missing_fails_in_the_task_and_leaves_nothing(pve: Pve, simulator: SimulatorProcess) -> None:
    gone = "local:vztmpl/nosuch.tar.zst"
    upid = pve.created(20001, ostemplate=gone)
    assert pve.task(upid)["exitstatus"] == f"unable to create CT 20001 - volume '{gone}' does not exist"
    assert pve.call("GET", CONFIG).status_code == 500
    assert simulator.journal() == []


def test_a_template_on_one_node_is_not_on_the_other(pve: Pve) -> None:
    upid = pve.create(20001, node="pve2").json()["data"]
    assert pve.ended(upid) == f"unable to create CT 20001 - volume '{TEMPLATE}' does not exist"


def test_a_bridge_that_is_missing_fails_the_start(pve: Pve) -> None:
    pve.created(20001, net0="name=eth0,bridge=vmbr9,ip=dhcp")
    assert pve.task(pve.started(20001))["exitstatus"] == "startup for container '20001' failed"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"rootfs": "2"}, 500, "Only root can pass arbitrary filesystem paths. at"),
        ({"ostemplate": "debian.tar.zst"}, 500, "Only root can pass arbitrary filesystem paths. at"),
        ({"rootfs": "local-lvm:abc"}, 500, "unable to parse directory volume name 'abc'"),
        ({"rootfs": "nosuch:4"}, 500, "storage 'nosuch' does not exist"),
        ({"rootfs": "nfs-share:4"}, 400, "Parameter verification failed."),
        ({"ssh-public-keys": "garbage"}, 500, "SSH public key validation error"),
        ({"nameserver": "not an address"}, 400, "Parameter verification failed."),
        ({"hostname": ""}, 400, "Parameter verification failed."),
        ({"unprivileged": "yes"}, 400, "Parameter verification failed."),
        ({"unprivileged": 0}, 403, "Permission check failed (/, Sys.Modify)"),
        ({"env": "A-B=1"}, 400, "Parameter verification failed."),
    ],
)
def test_creates_that_are_refused(pve: Pve, change: dict[str, Any], status: int, reason: str) -> None:
    answer = pve.create(20001, **change)
    assert (answer.status_code, answer.reason[: len(reason)]) == (status, reason)
    assert pve.get("/cluster/nextid", vmid=20001) == "20001"


def test_a_guest_that_runs_is_not_destroyed(pve: Pve) -> None:
    answer = pve.call("DELETE", "/nodes/pve1/lxc/100")
    assert answer.reason == "unable to destroy CT 100 - container is running"
    assert pve.post("/nodes/pve1/lxc/100/status/start").reason == "CT 100 already running"
    assert pve.post("/nodes/pve2/lxc/105/status/stop").reason == "CT 105 not running"


def test_a_vmid_in_use_is_told_to_everybody(pve: Pve) -> None:
    answer = pve.call("GET", "/cluster/nextid", params={"vmid": 200})
    assert answer.json()["errors"] == {"vmid": "VM 200 already exists"}


def test_an_address_comes_a_moment_after_the_start_and_answers(pve: Pve, simulator: SimulatorProcess) -> None:
    pve.created(20001)
    assert pve.get("/nodes/pve1/lxc/20001/interfaces") is None
    pve.started(20001)
    address = eventually(lambda: (simulator.guest(20001) or {})["address"])
    card = pve.get("/nodes/pve1/lxc/20001/interfaces")[1]
    assert card["inet"] == f"{address}/8"
    assert card["hwaddr"] == card["hwaddr"].lower()
    with urllib.request.urlopen(f"http://{address}:12321/", timeout=5) as page:
        assert b"app20001" in page.read()
    pve.ended(pve.post("/nodes/pve1/lxc/20001/status/stop").json()["data"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 12321), timeout=5)


def test_an_address_that_is_taken_is_not_given_out_twice(pve: Pve, simulator: SimulatorProcess) -> None:
    card = "name=eth0,bridge=vmbr0,ip=dhcp,hwaddr=BC:24:11:00:00:01"
    for vmid in (20001, 20002):
        pve.created(vmid, net0=card)
        pve.started(vmid)

    def addresses() -> list[str]:
        return [guest["address"] for guest in simulator.guests("proximity:") if guest["address"]]

    eventually(lambda: len(addresses()) == 2)
    assert len(set(addresses())) == 2


def test_foreign_guests_keep_their_fixed_addresses(pve: Pve) -> None:
    assert pve.get("/nodes/pve1/lxc/100/interfaces")[1]["inet"] == "192.168.1.100/24"
    assert pve.get("/nodes/pve1/lxc/777/interfaces") is None


def test_so_do_many_more(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.reset(extra=2)
    assert pve.get("/nodes/pve2/lxc/1001/interfaces")[1]["inet"] == "192.168.4.242/24"


def test_the_volume_goes_with_the_guest(pve: Pve) -> None:
    def volumes() -> list[str]:
        return [volume["volid"] for volume in pve.get("/nodes/pve1/storage/local-lvm/content", vmid=20001)]

    pve.created(20001)
    assert volumes() == ["local-lvm:vm-20001-disk-0"]
    pve.ended(pve.call("DELETE", "/nodes/pve1/lxc/20001").json()["data"])
    assert volumes() == []


def test_many_at_once(pve: Pve, simulator: SimulatorProcess) -> None:
    upids = [pve.create(vmid).json()["data"] for vmid in range(20001, 20009)]
    assert {pve.ended(upid) for upid in upids} == {"OK"}
    assert sorted(entry["vmid"] for entry in simulator.journal()) == list(range(20001, 20009))


def test_an_aborted_create_leaves_nothing(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_held", vmid=20001)
    upid = pve.create(20001).json()["data"]
    answer: requests.Response = pve.call("DELETE", f"/nodes/pve1/tasks/{upid}")
    assert answer.json()["data"] is None
    assert "received interrupt" in pve.ended(upid)
    assert pve.get("/cluster/nextid", vmid=20001) == "20001"
    assert simulator.journal() == []
