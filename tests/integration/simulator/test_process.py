"""The process: it can be stopped, killed and started again, and knows what was."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from integration.simulator.conftest import Pve, eventually
from support.simulator import SimulatorProcess


def client(simulator: SimulatorProcess, tmp_path: Path) -> Pve:
    connection, authority = simulator.connection(), tmp_path / "ca.pem"
    authority.write_text(connection.ca_pem)
    return Pve(connection.url, f"PVEAPIToken={connection.token_id}={connection.token_secret}", authority)


def test_what_was_is_still_there_after_a_restart(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    before, pve = own_simulator.connection(), client(own_simulator, tmp_path)
    created = pve.created(20001)
    pve.started(20001)
    journal = own_simulator.journal()
    assert own_simulator.stop() == 0
    assert not (tmp_path / "simulator" / "ready.json").exists()
    after = own_simulator.start()
    same = ("url", "fingerprint", "token_id", "token_secret", "ca_pem")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert own_simulator.journal() == journal
    assert pve.task(created)["exitstatus"] == "OK"
    assert pve.get("/nodes/pve1/lxc/20001/status/current")["status"] == "running"
    eventually(lambda: (own_simulator.guest(20001) or {})["address"])


def test_a_stop_lets_tasks_end(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    pve = client(own_simulator, tmp_path)
    own_simulator.fault("task_held", vmid=20001)
    upid = pve.create(20001).json()["data"]
    own_simulator.restart()
    assert pve.task(upid)["exitstatus"] == "OK"
    assert len(own_simulator.journal()) == 1


def test_a_kill_leaves_what_a_power_failure_leaves(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    pve = client(own_simulator, tmp_path)
    done = pve.created(20001)
    own_simulator.fault("task_held", vmid=20002)
    cut = pve.create(20002).json()["data"]
    own_simulator.kill()
    own_simulator.start()
    assert pve.task(done)["exitstatus"] == "OK"
    assert pve.task(cut)["exitstatus"] == "unexpected status"
    assert set(pve.get("/nodes/pve1/lxc/20002/config")) == {"lock", "digest"}


def test_secrets_are_for_the_owner_only(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    folder = tmp_path / "simulator"
    for file in ("ready.json", "simulator.json", "simulator.key"):
        assert (folder / file).stat().st_mode & 0o077 == 0
    assert own_simulator.connection().token_secret not in (folder / "output").read_text()
    assert own_simulator.connection().token_secret not in repr(own_simulator.connection())


def test_a_port_that_is_taken_is_said_in_one_line(own_simulator: SimulatorProcess) -> None:
    port = own_simulator.connection().url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "proximity_simulator", "--port", port]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("simulator: ")
    assert "in use" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("content", ['{"format": 0}', "[]", "something else", ""])
def test_a_state_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)
    command = [sys.executable, "-m", "proximity_simulator", "--state-file", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 1
    assert "not a state file" in result.stderr


def test_the_help_names_every_option() -> None:
    command = [sys.executable, "-m", "proximity_simulator", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    for option in ("--port", "--control-port", "--ready-file", "--state-file", "--time-scale", "--seed"):
        assert option in text


def test_several_clusters_know_nothing_of_each_other(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "proximity_simulator", "--clusters", "2", "--time-scale", "0.05"]
    command += ["--state-file", str(tmp_path / "state.json"), "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            eventually(ready.exists)
            announced = json.loads(ready.read_text())
            first, second = announced["clusters"]
            assert {key: announced[key] for key in first} == first
            assert not {first[key] for key in first if key != "token_id"} & set(second.values())
            clients = []
            for number, cluster in enumerate((first, second)):
                authority = tmp_path / f"ca{number}.pem"
                authority.write_text(cluster["ca_pem"])
                token = f"PVEAPIToken={cluster['token_id']}={cluster['token_secret']}"
                clients.append(Pve(cluster["url"], token, authority))
            clients[0].created(20001)
            assert clients[1].call("GET", "/nodes/pve1/lxc/20001/config").status_code == 500
            stranger = Pve(
                second["url"], f"PVEAPIToken={first['token_id']}={first['token_secret']}", tmp_path / "ca1.pem"
            )
            assert stranger.call("GET", "/version").status_code == 401
            assert (tmp_path / "state-2.json").exists()
        finally:
            process.terminate()
    assert process.returncode == 0


def test_a_state_of_the_first_format_is_understood(own_simulator: SimulatorProcess, tmp_path: Path) -> None:
    before = own_simulator.connection()
    own_simulator.stop()
    file = tmp_path / "simulator" / "simulator.json"
    state = json.loads(file.read_text())
    given = state.pop("access")["given"]
    privileges = ["VM.Audit", "VM.Allocate", "Sys.Audit"]
    state["grants"] = [
        {"who": who, "path": path, "privileges": privileges, "propagate": True} for who in given for path in given[who]
    ]
    state.pop("passwords")
    file.write_text(json.dumps(state | {"format": 1}))
    assert own_simulator.start().token_secret == before.token_secret
    assert "VM.Audit" in client(own_simulator, tmp_path).get("/access/permissions")["/"]


def test_containers_share_the_host_that_others_can_reach(tmp_path: Path) -> None:
    simulator = SimulatorProcess(tmp_path / "elsewhere", host="127.0.0.2")
    try:
        connection = simulator.start()
        assert connection.url.startswith("https://127.0.0.2:")
        pve = client(simulator, tmp_path)
        for vmid in (20001, 20002):
            pve.created(vmid)
            pve.started(vmid)
        eventually(lambda: all((simulator.guest(vmid) or {})["address"] == "127.0.0.2" for vmid in (20001, 20002)))
        with urllib.request.urlopen("http://127.0.0.2:12321/", timeout=5) as page:
            assert b"A simulated container." in page.read()
    finally:
        simulator.kill()
