"""What each effect sends, and the cache of clients."""

from urllib.parse import parse_qs

import pytest

from proximity.domain.application.image import Volume
from proximity.proxmox.certificate import normal_fingerprint, probe
from proximity.proxmox.client import Connection, ProxmoxClient
from proximity.proxmox.connections import Clients
from proximity.proxmox.errors import InvalidRequestError, UnreachableError
from proximity.proxmox.hypervisor import ContainerSpec
from unit.proxmox.conftest import SECRET, MakeClient
from unit.proxmox.scripted_server import ScriptedServer, data, refusal

UPID = "UPID:pve:000001BA:0003668F:6B02FB30:vzcreate:101:root@pam!proximity:"


async def test_a_create_sends_what_makes_its_end_recognisable(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [data(UPID)]
    spec = ContainerSpec(
        vmid=20001, hostname="wiki", template_volid="local:vztmpl/debian.tar.zst", rootfs_storage="local-lvm",
        disk_gib=8, cores=2, memory_mib=1024, bridge="vmbr0", description="proximity:i:a:o:20001\n", password="pw=1&x",
    )  # fmt: skip
    assert await connect(server.endpoint).create_container("pve", spec) == UPID
    (request,) = server.requests
    assert request.line == "POST /api2/json/nodes/pve/lxc HTTP/1.1"
    assert request.headers["authorization"] == f"PVEAPIToken=root@pam!proximity={SECRET}"
    assert parse_qs(request.body) == {
        "vmid": ["20001"],
        "hostname": ["wiki"],
        "ostemplate": ["local:vztmpl/debian.tar.zst"],
        "rootfs": ["local-lvm:8"],
        "cores": ["2"],
        "memory": ["1024"],
        "net0": ["name=eth0,bridge=vmbr0,ip=dhcp"],
        "unprivileged": ["1"],
        "features": ["nesting=1"],
        "description": ["proximity:i:a:o:20001\n"],
        "password": ["pw=1&x"],
    }
    assert "=1&features" not in request.body.replace("unprivileged=1&features", "")


async def test_the_other_effects(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [data(UPID), data(UPID), data(UPID), data(UPID), data(None), data(None), data(UPID), data(UPID)]
    client = connect(server.endpoint)
    await client.start_container("pve", 101)
    await client.shutdown_container("pve", 101, timeout_seconds=30)
    await client.stop_container("pve", 101)
    await client.destroy_container("pve", 101)
    await client.configure_container("pve", 101, {"cores": "4", "description": "a\nb"}, digest="d1")
    await client.configure_container("pve", 101, {}, digest="d1", delete=("description", "tags"))
    await client.download_template("pve", "local", "debian.tar.zst")
    await client.pull_image("pve", "local", "docker.io/library/nginx:1.27.3", "nginx-1")
    assert [(request.line.removesuffix(" HTTP/1.1"), parse_qs(request.body)) for request in server.requests] == [
        ("POST /api2/json/nodes/pve/lxc/101/status/start", {}),
        ("POST /api2/json/nodes/pve/lxc/101/status/shutdown", {"timeout": ["30"]}),
        ("POST /api2/json/nodes/pve/lxc/101/status/stop", {}),
        ("DELETE /api2/json/nodes/pve/lxc/101?purge=1", {}),
        ("PUT /api2/json/nodes/pve/lxc/101/config", {"cores": ["4"], "description": ["a\nb"], "digest": ["d1"]}),
        ("PUT /api2/json/nodes/pve/lxc/101/config", {"delete": ["description,tags"], "digest": ["d1"]}),
        ("POST /api2/json/nodes/pve/aplinfo", {"storage": ["local"], "template": ["debian.tar.zst"]}),
        (
            "POST /api2/json/nodes/pve/storage/local/oci-registry-pull",
            {"reference": ["docker.io/library/nginx:1.27.3"], "filename": ["nginx-1"]},
        ),
    ]


async def test_a_create_from_an_image_makes_its_volumes_and_lets_the_host_manage_the_network(
    connect: MakeClient, server: ScriptedServer
) -> None:
    server.script = [data(UPID)]
    spec = ContainerSpec(
        vmid=20001, hostname="wiki", template_volid="local:vztmpl/wiki.tar", rootfs_storage="local-lvm", disk_gib=2,
        cores=1, memory_mib=256, bridge="vmbr0", description="d", nesting=False, host_managed=True, ostype="unmanaged",
        volumes=(Volume(path="/data", size_gib=8), Volume(path="/var/cache", size_gib=1)),
    )  # fmt: skip
    await connect(server.endpoint).create_container("pve", spec)
    sent = parse_qs(server.requests[0].body)
    assert (sent["mp0"], sent["mp1"]) == (["local-lvm:8,mp=/data,backup=1"], ["local-lvm:1,mp=/var/cache,backup=1"])
    assert sent["net0"] == ["name=eth0,bridge=vmbr0,ip=dhcp,host-managed=1"]
    assert (sent["ostype"], sent["unprivileged"]) == (["unmanaged"], ["1"])
    assert not {"env", "start", "swap", "features", "entrypoint"} & sent.keys()


async def test_an_environment_is_sent_whole_and_shown_nowhere(connect: MakeClient, server: ScriptedServer) -> None:
    environment = {"PATH": "/bin", "PASSWORD": "canary=1&x", "EMPTY": ""}
    quoted = "value 'PATH=/bin\0PASSWORD=canary=1&x\0EMPTY=' does not match; canary=1&x is bad"
    server.script = [data(None), refusal(400, "Parameter verification failed.", {"errors": {"env": quoted}})]
    client = connect(server.endpoint)
    await client.configure_container("pve", 101, {"onboot": "1"}, digest="d1", environment=environment)
    sent = parse_qs(server.requests[0].body, keep_blank_values=True)
    assert sent == {"onboot": ["1"], "env": ["PATH=/bin\0PASSWORD=canary=1&x\0EMPTY="], "digest": ["d1"]}
    with pytest.raises(InvalidRequestError) as raised:
        await client.configure_container("pve", 101, {}, digest="d1", environment=environment)
    assert "canary" not in str(raised.value) + repr(raised.value) + repr(raised.value.errors)


async def test_an_environment_that_is_read_is_kept_apart_and_out_of_sight(
    connect: MakeClient, server: ScriptedServer
) -> None:
    server.script = [data({"digest": "d1", "hostname": "wiki", "env": "PATH=/bin\0PASSWORD=canary=1\0EMPTY="})]
    config = await connect(server.endpoint).guest_config("pve", 101)
    assert config.environment == {"PATH": "/bin", "PASSWORD": "canary=1", "EMPTY": ""}
    assert config.values == {"hostname": "wiki"}
    assert "canary" not in repr(config)


async def test_probe_shows_the_certificate_and_sends_nothing(server: ScriptedServer) -> None:
    seen = await probe(server.endpoint)
    assert (seen.fingerprint, seen.pem) == (server.certificate.fingerprint, server.certificate.pem)
    assert (seen.subject, seen.issuer) == ("CN=pve", "CN=pve")
    assert server.received == b""


async def test_probe_of_nothing(closed_endpoint: str) -> None:
    with pytest.raises(UnreachableError):
        await probe(closed_endpoint)
    with pytest.raises(InvalidRequestError):
        await probe("ftp://pve")


def test_fingerprints_are_compared_in_one_spelling() -> None:
    normal = ":".join(["AB"] * 32)
    for spelling in (normal, normal.lower(), "ab" * 32, f" SHA256:{normal} "):
        assert normal_fingerprint(spelling) == normal
    for wrong in ("", "AB:CD", "ab" * 20, "zz" * 32):
        with pytest.raises(ValueError, match="SHA-256"):
            normal_fingerprint(wrong)


def test_clients_are_kept_until_their_connection_changes() -> None:
    made: list[ProxmoxClient] = []
    clients = Clients(lambda connection: made.append(ProxmoxClient(connection)) or made[-1])  # type: ignore[func-returns-value]
    first = Connection(("pve",), "root@pam!x", "one")
    kept = clients.get("c1", first)
    assert clients.get("c1", Connection(("pve",), "root@pam!x", "one")) is kept
    renewed = clients.get("c1", Connection(("pve",), "root@pam!x", "two"))
    assert renewed is not kept
    assert clients.get("c2", first) is not renewed
    clients.close()
    assert len(made) == 3


async def test_a_changed_connection_closes_the_old_client(server: ScriptedServer) -> None:
    clients = Clients(ProxmoxClient)
    pinned = server.certificate.fingerprint
    old = clients.get("c1", Connection((server.endpoint,), "root@pam!x", "one", pinned))
    new = clients.get("c1", Connection((server.endpoint,), "root@pam!x", "two", pinned))
    with pytest.raises(UnreachableError):
        await old.version()
    server.script = [data({"version": "9.2.11", "release": "9.2"})]
    assert await new.version()
    clients.close()
