"""Tasks: which list shows them, under which filter, and what is told of one."""

import pytest

from integration.simulator.conftest import Pve
from support.simulator import SimulatorProcess

LIST = "/nodes/pve1/tasks"
UNKNOWN = "UPID:pve1:00000001:00000001:60000000:vzstart:100:root@pam:"


def test_a_running_task_is_not_in_the_archive(pve: Pve, simulator: SimulatorProcess) -> None:
    simulator.fault("task_held", vmid=20001)
    upid = pve.create(20001).json()["data"]
    assert pve.get(LIST, vmid=20001) == []
    for source in ("active", "all"):
        (running,) = pve.get(LIST, vmid=20001, source=source)
        assert (running["status"], running["saved"]) == ("RUNNING", "0")
        assert running["user"] == simulator.connection().token_id
        assert "endtime" not in running
    status = pve.task(upid)
    assert (status["user"], status["tokenid"], status["status"]) == ("proximity@pve", "simulator", "running")
    assert "exitstatus" not in status
    simulator.clear_faults()
    pve.ended(upid)
    (done,) = pve.get(LIST, vmid=20001)
    assert (done["status"], done["user"], done["tokenid"]) == ("OK", "proximity@pve", "simulator")
    assert pve.get(LIST, vmid=20001, source="active") == []


def test_filters(pve: Pve) -> None:
    good = pve.created(20001)
    bad = pve.created(20002, ostemplate="local:vztmpl/nosuch.tar.zst")
    warned = pve.created(20003, features=None)

    def found(**query: object) -> set[str]:
        return {task["upid"] for task in pve.get(LIST, **query)}

    assert found() == {good, bad, warned}
    assert found(statusfilter="ok") == {good}
    assert found(statusfilter="error") == {bad}
    assert found(statusfilter="warning") == {warned}
    assert found(errors=1) == {bad, warned}
    assert found(typefilter="vzcreate", vmid=20002) == {bad}
    assert found(typefilter="vzstart") == set()
    begin = pve.task(good)["starttime"]
    assert found(since=begin) == {good, bad, warned}
    assert found(since=begin + 60) == set()
    assert found(until=begin - 1) == set()
    assert len(found(limit=2)) == 2
    assert len(found(start=2)) == 1
    assert found(limit=0) == set()


def test_the_total_stands_beside_the_data(pve: Pve) -> None:
    assert "total" not in pve.call("GET", LIST).json()
    pve.created(20001)
    assert pve.call("GET", LIST).json()["total"] == 1


@pytest.mark.parametrize(("upid", "reason"), [(UNKNOWN, "no such task"), ("garbage", "unable to parse worker upid")])
def test_a_task_nobody_knows(pve: Pve, upid: str, reason: str) -> None:
    for method, path in (("GET", f"{LIST}/{upid}/status"), ("DELETE", f"{LIST}/{upid}")):
        if upid == "garbage" and method == "DELETE":
            continue
        answer = pve.call(method, path)
        assert (answer.status_code, answer.json()["errors"]) == (400, {"upid": reason})


def test_the_log_of_a_task_nobody_knows_is_one_line(pve: Pve) -> None:
    assert pve.log(UNKNOWN) == ["unable to open file - No such file or directory"]


def test_the_log_reads_like_a_real_one(pve: Pve) -> None:
    lines = pve.log(pve.created(20001))
    assert any(line.startswith("extracting archive '/var/lib/vz/template/cache/debian-12") for line in lines)
    assert lines[-1] == "TASK OK"
    assert len(lines) >= 10


def test_the_task_list_of_the_cluster(pve: Pve) -> None:
    upid = pve.created(20001)
    assert [task["upid"] for task in pve.get("/cluster/tasks")] == [upid]
