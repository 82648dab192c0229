"""The list of everything is stale on purpose; nodes, storages and templates."""

import time

from integration.simulator.conftest import TEMPLATE, Pve, eventually
from support.simulator import SimulatorProcess

WORDPRESS = "debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz"


def resource(pve: Pve, identity: str) -> dict[str, object]:
    return next((entry for entry in pve.get("/cluster/resources") if entry["id"] == identity), {})


def test_the_demo_set(pve: Pve) -> None:
    entries = pve.get("/cluster/resources")
    kinds = [entry["type"] for entry in entries]
    assert (kinds.count("lxc"), kinds.count("qemu"), kinds.count("node"), kinds.count("storage")) == (7, 5, 2, 6)
    assert {entry["storage"] for entry in entries if entry["type"] == "storage"} == {"local", "local-lvm", "nfs-share"}
    assert pve.get("/cluster/status")[0] == {
        "id": "cluster", "type": "cluster", "name": "homelab", "version": 2, "nodes": 2, "quorate": 1,
    }  # fmt: skip


def test_a_new_guest_is_unknown_until_the_next_sweep(pve: Pve) -> None:
    first: dict[str, object] = {}
    for vmid in range(20001, 20021):
        pve.create(vmid)
        first = resource(pve, f"lxc/{vmid}")
        if first["status"] == "unknown":
            break  # else a sweep came just in between
    assert first["status"] == "unknown"
    assert set(first) == {"id", "type", "node", "vmid", "status", "lock"}
    eventually(lambda: resource(pve, "lxc/20001").get("name") == "app20001")


def test_a_start_shows_only_after_the_next_sweep(pve: Pve) -> None:
    pve.created(20001)
    eventually(lambda: resource(pve, "lxc/20001").get("status") == "stopped")
    pve.started(20001)
    assert pve.get("/nodes/pve1/lxc/20001/status/current")["status"] == "running"
    eventually(lambda: resource(pve, "lxc/20001")["status"] == "running")


def test_an_offline_node_keeps_the_last_figures_of_its_guests(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("node_offline", node="pve2")
    answer = pve.call("GET", "/nodes/pve2/lxc")
    assert (answer.status_code, answer.content) == (595, b"")
    states = {node["node"]: node["status"] for node in pve.get("/nodes")}
    assert states == {"pve1": "online", "pve2": "offline"}
    assert resource(pve, "lxc/102")["status"] == "running"
    simulator.clear_faults()
    assert pve.call("GET", "/nodes/pve2/lxc").status_code == 200


def test_figures_move(pve: Pve) -> None:
    def cpu() -> object:
        return pve.get("/nodes/pve1/status")["cpu"]

    before = cpu()
    eventually(lambda: cpu() != before)


def test_the_time_of_a_node(pve: Pve) -> None:
    before = int(time.time())
    assert before <= pve.get("/nodes/pve1/time")["time"] <= time.time()


def test_a_download_makes_the_template_appear_on_that_node(pve: Pve) -> None:
    assert WORDPRESS in {entry["template"] for entry in pve.get("/nodes/pve2/aplinfo")}
    upid = pve.post("/nodes/pve2/aplinfo", storage="local", template=WORDPRESS).json()["data"]
    assert f":download:{WORDPRESS}:" in upid
    assert pve.ended(upid) == "OK"
    listed = {node: {v["volid"] for v in pve.get(f"/nodes/{node}/storage/local/content")} for node in ("pve1", "pve2")}
    assert listed == {"pve1": {TEMPLATE}, "pve2": {f"local:vztmpl/{WORDPRESS}"}}
    again = pve.post("/nodes/pve2/aplinfo", storage="local", template=WORDPRESS).json()["data"]
    assert pve.ended(again) == "OK"
    assert "got correct file already" in pve.log(again)[1]


def test_a_download_into_a_shared_storage_is_there_for_all(pve: Pve) -> None:
    pve.ended(pve.post("/nodes/pve2/aplinfo", storage="nfs-share", template=WORDPRESS).json()["data"])
    assert len(pve.get("/nodes/pve1/storage/nfs-share/content")) == 1


def test_downloads_that_are_refused(pve: Pve) -> None:
    answer = pve.post("/nodes/pve1/aplinfo", storage="local", template="nosuch")
    assert answer.json()["errors"] == {"template": "no such template"}
    answer = pve.post("/nodes/pve1/aplinfo", storage="local-lvm", template=WORDPRESS)
    assert (answer.status_code, answer.reason) == (500, "storage 'local-lvm' does not support templates")
