"""The HTTP layer answers as the recordings of a real Proxmox VE do."""

import hashlib
import socket
import ssl
import time

import pytest
import requests

from integration.simulator.conftest import AsToken, Pve
from support.simulator import TIME_SCALE, SimulatorProcess

PLAIN = {"Content-Type": "text/plain"}


@pytest.mark.parametrize("path", ["/version", "/nosuch"])
def test_no_credentials_is_401_empty_and_late_whatever_the_path(anonymous: Pve, path: str) -> None:
    begin = time.monotonic()
    answer = anonymous.call("GET", path)
    assert (answer.status_code, answer.reason, answer.content) == (401, "No ticket", b"")
    assert answer.headers["Connection"] == "close"
    assert time.monotonic() - begin > 3 * TIME_SCALE


def test_a_wrong_secret_and_an_unknown_token_look_alike(simulator: SimulatorProcess, as_token: AsToken) -> None:
    for token in (simulator.connection().token_id, "nobody@pve!x"):
        answer = as_token(token, "wrong").call("GET", "/version")
        assert (answer.status_code, answer.reason) == (401, "Authentication failed!")


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status", "reason"),
    [
        ("GET", "/nosuch", {}, 501, "Method 'GET /nosuch' not implemented"),
        ("POST", "/version", {}, 501, "Method 'POST /version' not implemented"),
        ("PATCH", "/version", {}, 501, "method 'PATCH' not available"),
        ("DELETE", "/nodes/pve1/lxc/100", {"data": {"purge": 1}}, 501, "Unexpected content for method 'DELETE'"),
        ("GET", "/version", {"params": {"foo": 1}}, 400, "Parameter verification failed."),
        ("GET", "/cluster/resources", {"params": {"type": "lxc"}}, 400, "Parameter verification failed."),
        ("GET", "/nodes/pve1/lxc/777/config", {}, 500, "Configuration file 'nodes/pve1/lxc/777.conf' does not exist"),
        ("POST", "/nodes/pve1/lxc", {"json": [1]}, 500, "Not a HASH reference at"),
        ("DELETE", "/nodes/pve1/lxc/100", {"params": {"purge": "yes"}}, 400, "Parameter verification failed."),
        ("PUT", "/nodes/pve1/lxc/100/config", {"data": {"memory": ""}}, 400, "Parameter verification failed."),
        (
            "PUT",
            "/nodes/pve1/lxc/100/config",
            {"data": "a=b", "headers": {"Content-Type": "text/plain"}},
            506,
            "upload",
        ),
    ],
)
def test_refusals(pve: Pve, method: str, path: str, arguments: dict[str, object], status: int, reason: str) -> None:
    answer = pve.call(method, path, **arguments)
    assert answer.status_code == status
    assert answer.reason.startswith(reason)
    assert answer.headers["Connection"] == "close"


def test_a_raw_equals_sign_in_a_form_cuts_the_value(pve: Pve) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = pve.call("POST", "/nodes/pve1/lxc", data="vmid=500&features=nesting=1", headers=form)
    assert "value without key" in answer.json()["errors"]["features"]


def test_an_empty_description_and_empty_tags_clear_the_value(pve: Pve) -> None:
    pve.call("PUT", "/nodes/pve1/lxc/100/config", data={"description": "mine", "tags": "b,A"})
    config = pve.get("/nodes/pve1/lxc/100/config")
    assert (config["description"], config["tags"]) == ("mine\n", "a;b")
    assert pve.call("PUT", "/nodes/pve1/lxc/100/config", data={"description": "", "tags": ""}).status_code == 200
    config = pve.get("/nodes/pve1/lxc/100/config")
    assert ("description" in config, config["tags"]) == (False, " ")


def test_a_stale_digest_is_refused(pve: Pve) -> None:
    digest = pve.get("/nodes/pve1/lxc/100/config")["digest"]
    change = {"description": "one", "digest": digest}
    assert pve.call("PUT", "/nodes/pve1/lxc/100/config", data=change).status_code == 200
    assert "detected modified configuration" in pve.call("PUT", "/nodes/pve1/lxc/100/config", data=change).reason


def test_the_certificate_has_the_fingerprint_that_was_announced(simulator: SimulatorProcess, pve: Pve) -> None:
    host, port = simulator.connection().url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cadata=simulator.connection().ca_pem)
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
        certificate = tls.getpeercert(binary_form=True)
    assert certificate
    assert hashlib.sha256(certificate).digest().hex(":").upper() == simulator.connection().fingerprint
    assert {node["ssl_fingerprint"] for node in pve.get("/nodes")} == {simulator.connection().fingerprint}


def test_an_untrusted_certificate_is_refused(simulator: SimulatorProcess) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{simulator.connection().url}/api2/json/version", timeout=30)
