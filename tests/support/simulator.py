"""A simulated Proxmox VE for tests: a process of its own, faults on request, and its journal as the oracle."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.processes import Process, fork

TIME_SCALE = 0.05
"""Real seconds per second of Proxmox's, in tests: a create takes 0.2 s, a sweep of cluster/resources 0.5 s."""
READY_SECONDS = 90.0


@dataclass(frozen=True)
class Connection:
    """How a client gets in. `fingerprint`: SHA-256 of the certificate; `ca_pem`: of the authority that signed it."""

    url: str
    control_url: str
    fingerprint: str
    token_id: str
    token_secret: str = field(repr=False)
    ca_pem: str = field(repr=False)


class SimulatedCluster:
    """One cluster of a simulator, looked at and troubled through its control port."""

    _connection: Connection | None = None

    def connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the simulator was not started")
        return self._connection

    def reset(self, extra: int = 0) -> None:
        """As after the first start: the demo set, no faults, an empty journal. Credentials stay. `extra`: so many
        containers more.
        """
        self._call("POST", "/reset", {"extra": extra})

    def power_off(self, vmid: int) -> None:
        """As a guest does by itself: without a task."""
        self._call("POST", f"/guests/{vmid}/power-off", {})

    def fault(
        self, kind: str, *, method: str | None = None, path: str | None = None, node: str | None = None,
        vmid: int | None = None, type: str | None = None, **what: Any,
    ) -> int:  # fmt: skip
        """Ask for a fault; the kinds and what each takes are in the simulator's README. Returns its id.

        Calls and tasks: `times` (default 1; None: until removed). States: `seconds` (default: until removed).
        """
        match = {"method": method, "path": path, "node": node, "vmid": vmid, "type": type}
        return int(self._call("POST", "/faults", {"kind": kind, "match": match, **what})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Those that still wait or hold."""
        return list(self._call("GET", "/faults"))

    def remove_fault(self, fault_id: int) -> None:
        self._call("DELETE", f"/faults/{fault_id}")

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def journal(self) -> list[dict[str, Any]]:
        """[{at, action: create|destroy, node, vmid, hostname, description, upid}], in the order it happened."""
        return list(self._call("GET", "/journal"))

    def state(self) -> dict[str, Any]:
        """{nodes: {name: {online}}, guests: [...], tasks_running}: what is, not what the API tells of it."""
        return dict(self._call("GET", "/state"))

    def guests(self, prefix: str = "") -> list[dict[str, Any]]:
        """Containers and machines whose description begins with the prefix."""
        return [guest for guest in self.state()["guests"] if guest["description"].startswith(prefix)]

    def guests_with(self, words: str) -> list[dict[str, Any]]:
        """Those that have it somewhere in their description."""
        return [guest for guest in self.guests() if words in guest["description"]]

    def guest(self, vmid: int) -> dict[str, Any] | None:
        """{vmid, node, type, name, status, lock, description, address, config}, or None."""
        return next((guest for guest in self.guests() if guest["vmid"] == vmid), None)

    def requests(self) -> list[dict[str, str]]:
        """[{method, path}] of the last API calls, oldest first."""
        return list(self._call("GET", "/requests"))

    def add_token(self, token_id: str, acl: list[dict[str, Any]], secret: str | None = None) -> str:
        """`acl`: [{path, privileges, propagate}]; for the token and its user. Returns the secret.

        `secret`: that of a token that is there, which only gets other rights.
        """
        return str(self._call("POST", "/tokens", {"id": token_id, "acl": acl, "secret": secret})["token_secret"])

    def unlock(self, vmid: int) -> None:
        """As a person does with `pct unlock` on the node."""
        self._call("POST", f"/guests/{vmid}/unlock", {})

    def revoke_token(self, token_id: str) -> None:
        self._call("DELETE", f"/tokens/{token_id}")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.connection().control_url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise ValueError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None


def announced(ready_file: Path) -> list[SimulatedCluster]:
    """What a simulator that is ready says of its clusters."""
    ready = json.loads(ready_file.read_text())
    clusters = []
    for place in ready.pop("clusters", [ready]):
        cluster = SimulatedCluster()
        cluster._connection = Connection(**place)
        clusters.append(cluster)
    return clusters


class SimulatorProcess(SimulatedCluster):
    """`directory`: of its own; state, certificate and port survive a restart in there. Asked itself, it is the first of
    its `clusters`.
    """

    def __init__(
        self,
        directory: Path,
        time_scale: float = TIME_SCALE,
        seed: int = 1,
        clusters: int = 1,
        host: str = "127.0.0.1",
    ) -> None:
        self._directory = directory
        self._arguments = [
            "--time-scale", str(time_scale), "--seed", str(seed), "--clusters", str(clusters),
            "--state-file", str(directory / "simulator.json"), "--ready-file", str(self._ready_file),
            "--host", host,
        ]  # fmt: skip
        self._process: Process | None = None
        self.clusters: list[SimulatedCluster] = []

    @property
    def _ready_file(self) -> Path:
        return self._directory / "ready.json"

    def start(self) -> Connection:
        """Returns when it listens. RuntimeError with its output: it does not."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)
        output = self._directory / "output"
        self._process = fork("proximity_simulator", output, self._arguments)
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready_file.exists():
            if not self._process.running or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the simulator did not start: {output.read_text()}")
            time.sleep(0.01)
        self.clusters = announced(self._ready_file)
        self._connection = self.clusters[0].connection()
        return self._connection

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def stop(self) -> int:
        """Its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> Connection:
        self.stop()
        return self.start()

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.running:
            os.kill(self._process.pid, number)
        status = self._process.ended()
        self._process = None
        return status


@pytest.fixture(scope="session")
def _session_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path_factory.mktemp("simulator"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def simulator(_session_simulator: SimulatorProcess) -> SimulatorProcess:
    """A simulated cluster with the demo set. The process is shared by the tests of a worker, its state is not."""
    if not _session_simulator.running:
        # a test that stopped it may have failed before it started it again
        _session_simulator.start()
    _session_simulator.reset()
    return _session_simulator


@pytest.fixture
def own_simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """A process of the test's own, started: for tests that stop, kill or restart it."""
    process = SimulatorProcess(tmp_path / "simulator")
    process.start()
    yield process
    process.kill()
