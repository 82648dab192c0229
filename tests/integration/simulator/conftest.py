"""A plain HTTP client: these tests look at the wire, not at how the product reads it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from support.simulator import SimulatorProcess

TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"


class Pve:
    """One token's view. Errors of HTTP are returned, not raised."""

    def __init__(self, url: str, authorization: str | None, authority: Path) -> None:
        self._url = f"{url}/api2/json"
        self._session = requests.Session()
        self._session.trust_env = False  # a CA bundle in the environment would win over `verify`
        self._session.verify = str(authority)
        if authorization:
            self._session.headers["Authorization"] = authorization

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self._session.request(method, self._url + path, timeout=60, **arguments)

    def get(self, path: str, **query: Any) -> Any:
        """The data of a successful answer."""
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.reason
        return answer.json()["data"]

    def post(self, path: str, **form: Any) -> requests.Response:
        return self.call("POST", path, data=form)

    def create(self, vmid: int, node: str = "pve1", **changes: Any) -> requests.Response:
        form = {
            "vmid": vmid, "hostname": f"app{vmid}", "ostemplate": TEMPLATE, "rootfs": "local-lvm:4", "memory": 512,
            "cores": 1, "unprivileged": 1, "features": "nesting=1", "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
            "description": "proximity:i:a:o:1",
        }  # fmt: skip
        return self.post(f"/nodes/{node}/lxc", **{k: v for k, v in (form | changes).items() if v is not None})

    def created(self, vmid: int, **changes: Any) -> str:
        """UPID of a create that came to its end."""
        upid: str = self.create(vmid, **changes).json()["data"]
        self.ended(upid)
        return upid

    def started(self, vmid: int, node: str = "pve1") -> str:
        upid: str = self.post(f"/nodes/{node}/lxc/{vmid}/status/start").json()["data"]
        self.ended(upid)
        return upid

    def task(self, upid: str) -> Any:
        return self.get(f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status")

    def log(self, upid: str) -> list[str]:
        return [line["t"] for line in self.get(f"/nodes/{upid.split(':')[1]}/tasks/{upid}/log", limit=500)]

    def ended(self, upid: str) -> str:
        """Exit status."""
        eventually(lambda: self.task(upid)["status"] == "stopped")
        return str(self.task(upid)["exitstatus"])


AsToken = Callable[[str, str], Pve]


def eventually(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return result


@pytest.fixture
def as_token(simulator: SimulatorProcess, tmp_path: Path) -> AsToken:
    connection = simulator.connection()
    authority = tmp_path / "ca.pem"
    authority.write_text(connection.ca_pem)
    return lambda token, secret: Pve(connection.url, f"PVEAPIToken={token}={secret}", authority)


@pytest.fixture
def pve(simulator: SimulatorProcess, as_token: AsToken) -> Pve:
    connection = simulator.connection()
    return as_token(connection.token_id, connection.token_secret)


@pytest.fixture
def anonymous(simulator: SimulatorProcess, tmp_path: Path, pve: Pve) -> Pve:
    return Pve(simulator.connection().url, None, tmp_path / "ca.pem")
