from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from unit.proxmox.scripted_server import Certificate, ScriptedServer, make_certificate, serving

SECRET = "canary-0f1e2d3c-token-secret"
MakeClient = Callable[..., ProxmoxHypervisor]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "pve")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "other")


@pytest.fixture
def server(certificate: Certificate) -> Iterator[ScriptedServer]:
    with serving(certificate) as server:
        yield server


@pytest.fixture
def second_server(certificate: Certificate) -> Iterator[ScriptedServer]:
    with serving(certificate) as server:
        yield server


@pytest.fixture
def closed_endpoint(certificate: Certificate) -> str:
    """An address nobody listens on any more."""
    with serving(certificate) as server:
        return server.endpoint


@pytest.fixture
def connect(certificate: Certificate) -> Iterator[MakeClient]:
    """A client of these endpoints that trusts the server's fingerprint, unless told otherwise."""
    with ExitStack() as clients:

        def make(
            *endpoints: str,
            fingerprint: str | None = certificate.fingerprint,
            ca: str | None = None,
            read_timeout: float = 10.0,
        ) -> ProxmoxHypervisor:
            connection = Connection(
                endpoints=endpoints,
                token_id="root@pam!proximity",
                token_secret=SECRET,
                fingerprint=fingerprint,
                ca=ca,
                connect_timeout=3.0,
                read_timeout=read_timeout,
            )
            client = ProxmoxHypervisor(connection)
            clients.callback(client.close)
            return client

        yield make


@pytest.fixture(scope="session")
def recorded() -> Path:
    return Path(__file__).parent / "recorded"
