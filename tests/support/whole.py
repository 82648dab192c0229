"""A whole `proximity up` as a process of its own, and a person who uses it over HTTP."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psutil

from proximity.domain.application.process import SETTLE
from proximity_launcher.cli.server import frames
from proximity_launcher.up.ports import free_ports
from support.simulator import SimulatedCluster, announced

Row = dict[str, Any]
USERNAME, PASSWORD = "ada", "correct horse battery staple"
ENDED = {"succeeded", "failed", "rejected", "cancelled", "undecided"}
SPEED = 20.0
"""How much faster than real the simulated Proxmox VE is: a create takes 0.2 s."""
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing is encrypted here; without it each new client would read this machine's authorities, for 30 ms of CPU."""


class Whole:
    """`start` to `stop`; the data stay in `folder`."""

    def __init__(self, folder: Path, *options: str, speed: float = SPEED) -> None:
        self.folder = folder
        self.data = folder / "data"
        (self.port,) = free_ports(1)
        self.options = ["--data", str(self.data), "--port", str(self.port), "--simulator-speed", str(speed), *options]
        self.process: subprocess.Popen[str] | None = None
        self.ready_line = ""
        self._token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Without what this machine may be set up with."""
        passed = {name: value for name, value in os.environ.items() if not name.startswith("PROXIMITY_")}
        return passed | {"XDG_STATE_HOME": str(self.folder / "state"), "PROXIMITY_URL": self.url}

    def launch(self, **variables: str) -> subprocess.Popen[str]:
        """The process, without waiting for it to be ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "said").open("a") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proximity_launcher", "up", *self.options],
                env=self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        return self.process

    def start(self, **variables: str) -> str:
        """Returns the ready line. Fails with all that was said."""
        process = self.launch(**variables)
        assert process.stdout is not None
        self.ready_line = process.stdout.readline().rstrip("\n")
        assert self.ready_line, f"not ready: {self.said()}"
        return self.ready_line

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does. Returns the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        assert self.process is not None
        status = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def close(self) -> None:
        """Whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def children(self) -> dict[str, psutil.Process]:
        """By name, those that live."""
        recorded = json.loads((self.data / "processes.json").read_text())
        found = {}
        for child in recorded:
            if psutil.pid_exists(child["identity"]["pid"]):
                found[child["name"]] = psutil.Process(child["identity"]["pid"])
        return found

    def kill(self, name: str) -> None:
        """SIGKILL, and of a server with processes of its own to all of them, as a crash would."""
        victim = self.children()[name]
        for process in (victim, *victim.children(recursive=True)):
            process.kill()

    # ---------------------------------------------------------------- as a person

    def client(self) -> httpx2.Client:
        """With the session of the person who set it up, as a bearer token."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return httpx2.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, verify=PLAIN)

    def set_up(self) -> None:
        token = self.ready_line.partition("#")[2]
        with self.client() as client:
            body = {"setup_token": token, "username": USERNAME, "password": PASSWORD}
            self._keep(client.post("/setup", json=body), 201)

    def sign_in(self) -> None:
        with httpx2.Client(base_url=f"{self.url}/api/v1", timeout=60, verify=PLAIN) as client:
            self._keep(client.post("/session", json={"username": USERNAME, "password": PASSWORD}), 201)

    def _keep(self, answer: httpx2.Response, status: int) -> None:
        assert answer.status_code == status, answer.text
        self._token = answer.cookies["proximity_session"]

    def get(self, path: str) -> Any:
        """Asked again while something it needs is away."""
        return self._persist(lambda client: client.get(path))

    def order(self, method: str, path: str, body: Row | None = None) -> Row:
        """An accepted command. Sent again, with its key, while something it needs is away."""
        key = str(uuid4())

        def send(client: httpx2.Client) -> httpx2.Response:
            return client.request(method, path, json=body, headers={"Idempotency-Key": key})

        accepted: Row = self._persist(send)
        return accepted

    def _persist(self, send: Callable[[httpx2.Client], httpx2.Response], patience: float = 60.0) -> Any:
        until = time.monotonic() + patience
        while True:
            try:
                with self.client() as client:
                    answer = send(client)
                if answer.status_code < 500:
                    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
                    return answer.json()
                trouble = answer.text
            except httpx2.TransportError as error:
                trouble = repr(error)
            assert time.monotonic() < until, trouble
            time.sleep(0.1)

    def operation(self, operation_id: str, until: Callable[[Row], bool], patience: float = 90.0) -> Row:
        """The operation once the condition holds."""
        deadline = time.monotonic() + patience
        while True:
            row: Row = self.get(f"/operations/{operation_id}")
            if until(row):
                return row
            assert time.monotonic() < deadline, row
            time.sleep(0.05)

    def ended_operation(self, operation_id: str, patience: float = 90.0 + SETTLE.total_seconds()) -> Row:
        """What was killed on its way to Proxmox VE may come late: what is opposite waits until it cannot any more."""
        return self.operation(operation_id, lambda row: row["status"] in ENDED, patience)

    def connect_simulator(self, name: str = "home") -> str:
        accepted = self.order("POST", "/clusters", {"name": name, "simulator": True})
        ended = self.ended_operation(accepted["operation_id"])
        assert ended["status"] == "succeeded", ended
        return str(accepted["cluster_id"])

    # ---------------------------------------------------------------- the simulator behind it

    @property
    def simulator(self) -> SimulatedCluster:
        return announced(self.data / "simulator" / "ready.json")[0]

    def journal(self, hostname: str) -> list[str]:
        """What was done on Proxmox to containers of that name: create, destroy, in order."""
        return [entry["action"] for entry in self.simulator.journal() if entry["hostname"] == hostname]


class Watcher:
    """A browser: takes the stream, and resumes where it was when it breaks."""

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.seen: list[Row] = []
        self._first_seen: dict[str, float] = {}
        self.resets = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def watching(self) -> Iterator["Watcher"]:
        snapshot = self._whole.get("/snapshot")
        self._last_id = f"{snapshot['epoch']}:{snapshot['position']}"
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()

    def rows(self, table: str, row_id: str) -> list[Row]:
        """All versions of a row that were seen, in order; an empty one: it went away."""
        with self._changed:
            return [c["row"] or {} for c in self.seen if c["table"] == table and c["id"] == row_id]

    def first_seen(self, row_id: str) -> float:
        """When that row came in for the first time, by `time.perf_counter`."""
        return self._first_seen[row_id]

    def wait_for(self, condition: Callable[[], bool], patience: float = 60.0) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, patience), self.seen[-5:]

    def wait_for_operation(self, operation_id: str, status: str) -> None:
        self.wait_for(lambda: any(row["status"] == status for row in self.rows("operations", operation_id)))

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._once()
            except httpx2.TransportError:
                self._stop.wait(0.2)

    def _once(self) -> None:
        with (
            self._whole.client() as client,
            client.stream("GET", "/stream", headers={"Last-Event-ID": self._last_id}) as answer,
        ):
            if answer.status_code != 200:
                self._stop.wait(0.2)
                return
            for frame in frames(answer.iter_lines()):
                if self._stop.is_set():
                    return
                if frame.event == "reset":
                    self._take_snapshot()
                    return
                if frame.id:
                    self._add(json.loads(frame.data)["changes"])
                    self._last_id = frame.id

    def _take_snapshot(self) -> None:
        snapshot = self._whole.get("/snapshot")
        self.resets += 1
        tables = ("applications", "operations", "clusters")
        self._add([{"table": table, "id": row["id"], "row": row} for table in tables for row in snapshot[table]])
        self._last_id = f"{snapshot['epoch']}:{snapshot['position']}"

    def _add(self, changes: list[Row]) -> None:
        with self._changed:
            self.seen += changes
            for change in changes:
                self._first_seen.setdefault(change["id"], time.perf_counter())
            self._changed.notify_all()
