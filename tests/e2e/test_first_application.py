"""The main job on the whole product: from the ready line to an application that ran and is gone."""

import json
import re
import signal
import socket
import subprocess
import sys
import time

import httpx2
import psutil
import pytest

from support.simulator import SimulatorProcess
from support.whole import Row, Watcher, Whole

pytestmark = pytest.mark.slow


def wait_until_gone(processes: list[psutil.Process], patience: float = 60.0) -> list[str]:
    """Who still lives after that."""
    _, alive = psutil.wait_procs(processes, timeout=patience)
    return [" ".join(process.cmdline()) for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def running_steps(versions: list[Row]) -> set[str]:
    """Those that were seen live."""
    return {step["name"] for row in versions for step in row["steps"] if step["status"] == "running"}


def test_from_the_ready_line_to_an_application_and_back(own_whole: Whole) -> None:
    ready = own_whole.start()
    assert re.fullmatch(rf"ready: {own_whole.url}/setup#[A-Za-z0-9_-]{{43}}", ready)
    with httpx2.Client(base_url=own_whole.url) as anybody:
        assert anybody.get("/").status_code == 200
        assert anybody.get("/readyz").json()["status"] == "ok"
        assert anybody.get("/api/v1/applications").status_code == 401
    own_whole.set_up()
    own_whole.connect_simulator()

    held = own_whole.simulator.fault("task_held", type="vzcreate")
    with Watcher(own_whole).watching() as browser:
        accepted = own_whole.order("POST", "/applications", {"recipe": "turnkey-wordpress", "name": "My Blog"})
        operation, application = accepted["operation_id"], accepted["application_id"]
        browser.wait_for(lambda: "create" in running_steps(browser.rows("operations", operation)))
        own_whole.simulator.remove_fault(held)
        browser.wait_for_operation(operation, "succeeded")
        versions = browser.rows("operations", operation)
    done = [step["name"] for step in versions[-1]["steps"] if step["status"] == "done"]
    assert done == [
        "preflight", "download_template", "claim_vmid", "create", "configure", "start", "find_address", "probe",
    ]  # fmt: skip

    row = own_whole.get(f"/applications/{application}")
    assert (row["status"], row["vmid"]) == ("running", 20000)
    assert row["url"] == f"https://{row['address']}/"

    stopped = own_whole.order("POST", f"/applications/{application}/stop")
    assert own_whole.ended_operation(stopped["operation_id"])["status"] == "succeeded"
    assert own_whole.get(f"/applications/{application}")["status"] == "stopped"

    children = [psutil.Process(own_whole.process.pid)] if own_whole.process else []
    children += [p for child in own_whole.children().values() for p in (child, *child.children(recursive=True))]
    assert own_whole.end() == 0
    assert wait_until_gone(children) == []

    assert own_whole.start() == f"ready: {own_whole.url}/"
    own_whole.sign_in()
    kept = own_whole.get(f"/applications/{application}")
    assert (kept["status"], kept["vmid"]) == ("stopped", 20000)

    deleted = own_whole.order("DELETE", f"/applications/{application}")
    assert own_whole.ended_operation(deleted["operation_id"])["status"] == "succeeded"
    assert own_whole.get("/applications")["items"] == []
    assert own_whole.journal("my-blog") == ["create", "destroy"]


def test_named_proxmox_is_connected_instead_of_the_simulator(own_whole: Whole, own_simulator: SimulatorProcess) -> None:
    real = own_simulator.connection()
    own_whole.start(
        PROXIMITY_TEST_PVE_URL=real.url,
        PROXIMITY_TEST_PVE_TOKEN_ID=real.token_id,
        PROXIMITY_TEST_PVE_TOKEN_SECRET=real.token_secret,
        PROXIMITY_TEST_PVE_CA=real.ca_pem,
    )
    assert "simulator" not in own_whole.children()
    own_whole.set_up()
    until = time.monotonic() + 60
    while [cluster["status"] for cluster in own_whole.get("/clusters")["items"]] != ["connected"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    with own_whole.client() as client:
        assert client.post("/clusters", json={"name": "sim", "simulator": True}).json()["code"] == "no_simulator"


def test_killed_launcher_leaves_nothing_running_and_the_next_one_starts(own_whole: Whole) -> None:
    own_whole.start()
    own_whole.set_up()
    children = [p for child in own_whole.children().values() for p in (child, *child.children(recursive=True))]
    assert own_whole.process is not None
    own_whole.process.kill()
    own_whole.ended()
    assert wait_until_gone(children) == []
    assert own_whole.start() == f"ready: {own_whole.url}/"
    own_whole.sign_in()


def test_taken_port_is_said_before_anything_starts(own_whole: Whole) -> None:
    with socket.create_server(("127.0.0.1", own_whole.port)):
        process = own_whole.launch()
        assert own_whole.ended() == 4
    said = own_whole.said()
    assert f"Port {own_whole.port} is taken by another program." in said
    assert f"PROXIMITY_PORT={own_whole.port + 1} make up" in said
    assert "Starting" not in said
    assert process.returncode == 4


def test_second_launcher_on_the_same_data_is_refused(whole: Whole) -> None:
    other = Whole(whole.folder)
    (whole.folder / "said").write_text("")
    other.launch()
    assert other.ended() == 4
    assert whole.process is not None
    assert f"already runs on {whole.data} (process {whole.process.pid})" in other.said()
    assert whole.get("/me")["username"] == "ada"


def test_stop_while_it_starts_leaves_nothing_running(own_whole: Whole) -> None:
    process = own_whole.launch()
    record = own_whole.data / "processes.json"
    until = time.monotonic() + 60
    while not (record.exists() and len(own_whole.children()) >= 2):
        assert time.monotonic() < until, own_whole.said()
        time.sleep(0.02)
    children = list(own_whole.children().values())
    process.send_signal(signal.SIGTERM)
    own_whole.ended()
    assert wait_until_gone(children) == []


def test_every_service_says_how_it_is(whole: Whole) -> None:
    ports = json.loads((whole.data / "running.json").read_text())["health_ports"]
    assert set(ports) == {"api", "projector", "provisioner", "provisioner-2", "reconciler"}
    for name, port in ports.items():
        for path in ("/livez", "/readyz", "/metrics"):
            assert httpx2.get(f"http://127.0.0.1:{port}{path}").status_code == 200, (name, path)


def test_no_secret_is_in_a_command_line_or_a_variable(whole: Whole) -> None:
    secrets = [file.read_text().strip() for file in (whole.data / "secrets").iterdir()]
    assert len(secrets) >= 9
    for name, child in whole.children().items():
        told = " ".join(child.cmdline()) + " ".join(child.environ().values())
        assert not [secret for secret in secrets if secret in told], name


def test_read_model_is_built_anew_beside_the_one_in_use(whole: Whole) -> None:
    for _ in range(5):
        seen, before = whole.get("/snapshot"), tables(whole)
        command = [sys.executable, "-m", "proximity_launcher", "rebuild", "--data", str(whole.data)]
        done = subprocess.run(command, env=whole.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        until = time.monotonic() + 60
        while whole.get("/snapshot")["epoch"] == seen["epoch"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        after = tables(whole)
        if whole.get("/snapshot")["position"] == seen["position"]:
            assert after == before
            return
    raise AssertionError("something happens all the time")


def tables(whole: Whole) -> dict[str, list[Row]]:
    """What was made from the log; figures are none of it."""
    names = ("applications", "clusters", "nodes", "storages", "operations", "activity")
    figures = {
        "cpu",
        "memory_used",
        "disk",
        "disk_used",
        "netin",
        "netout",
        "uptime",
        "used",
        "available",
        "at",
        "figures",
    }
    return {
        name: [
            {key: value for key, value in row.items() if key not in figures} for row in whole.get(f"/{name}")["items"]
        ]
        for name in names
    }
