"""Faults of what is around the guests."""

import time
from pathlib import Path

import pytest
import requests

from integration.simulator.conftest import TEMPLATE, Pve, eventually
from support.simulator import SimulatorProcess


def test_a_storage_that_is_away_takes_and_shows_nothing(simulator: SimulatorProcess, pve: Pve) -> None:
    fault = simulator.fault("storage_away", storage="local-lvm")
    shown = {entry["storage"]: entry for entry in pve.get("/nodes/pve1/storage")}
    assert (shown["local-lvm"]["active"], shown["local-lvm"]["total"], shown["local"]["active"]) == (0, 0, 1)
    answer = pve.call("GET", "/nodes/pve1/storage/local-lvm/content")
    assert (answer.status_code, answer.reason) == (500, "storage 'local-lvm' is not online")
    upid = pve.create(20001).json()["data"]
    assert pve.ended(upid) == "unable to create CT 20001 - storage 'local-lvm' is not online"
    entry = {"storage": "local-lvm", "node": "pve1"}.items()
    seen = eventually(lambda: [one for one in pve.get("/cluster/resources", type="storage")
                               if entry <= one.items() and one["status"] == "unknown"])  # fmt: skip
    assert "maxdisk" not in seen[0]
    simulator.remove_fault(fault)
    pve.created(20001)


def test_without_its_daemon_a_node_reads_and_does_nothing(simulator: SimulatorProcess, pve: Pve) -> None:
    simulator.fault("pvedaemon_down")
    assert pve.get("/version")["version"]
    answer = pve.create(20001)
    assert (answer.status_code, answer.reason, answer.content) == (595, "Connection refused", b"")
    simulator.clear_faults()
    assert simulator.journal() == []
    pve.created(20001)


@pytest.mark.parametrize("skew", [3600, -3600])
def test_a_node_may_be_ahead_or_behind(simulator: SimulatorProcess, pve: Pve, skew: float) -> None:
    simulator.fault("time_skew", node="pve1", skew=skew)
    wanted = time.time() + skew
    assert abs(pve.get("/nodes/pve1/time")["time"] - wanted) < 60
    assert abs(pve.get("/nodes/pve2/time")["time"] - time.time()) < 60
    upid = pve.created(20001)
    task = next(task for task in pve.get("/nodes/pve1/tasks") if task["upid"] == upid)
    assert abs(task["starttime"] - wanted) < 60
    assert task["endtime"] >= task["starttime"]


def test_a_certificate_may_change_and_come_back(simulator: SimulatorProcess, pve: Pve, tmp_path: Path) -> None:
    before = pve.get("/nodes")[0]["ssl_fingerprint"]
    fault = simulator.fault("certificate")
    fresh = Pve(simulator.connection().url, None, tmp_path / "ca.pem")
    with pytest.raises(requests.exceptions.SSLError):
        fresh.call("GET", "/version")
    simulator.remove_fault(fault)
    assert fresh.call("GET", "/access/domains").status_code == 200
    assert pve.get("/nodes")[0]["ssl_fingerprint"] == before


def test_the_place_of_a_template_may_be_away(simulator: SimulatorProcess, pve: Pve) -> None:
    simulator.fault("storage_away", storage=TEMPLATE.partition(":")[0], node="pve1")
    assert "storage 'local' is not online" in pve.ended(pve.create(20001).json()["data"])
