"""What becomes of a call whose answer is not there: not sent, or unknown. Nothing is ever sent twice by itself."""

import asyncio
import logging

import pytest

from proximity.proxmox.connection import Connection
from proximity.proxmox.errors import (
    ConnectionLostError,
    GuestMissingError,
    InvalidRequestError,
    NotExecutedError,
    NotNowError,
    UnansweredError,
    UnreachableError,
    UntrustedCertificateError,
)
from proximity.proxmox.hypervisor import ContainerSpec
from unit.proxmox.conftest import SECRET, MakeClient
from unit.proxmox.scripted_server import DROP, SILENT, Answer, Certificate, ScriptedServer, data, refusal, serving

UPID = "UPID:pve:000001BA:0003668F:6B02FB30:vzstart:101:root@pam!proximity:"
VERSION = data({"version": "9.2.11", "release": "9.2", "repoid": "x"})
HICCUP = refusal(500, "failed to read from command socket: Connection reset by peer")


async def test_a_wrong_fingerprint_is_refused_before_anything_is_sent(
    connect: MakeClient, server: ScriptedServer, other_certificate: Certificate
) -> None:
    client = connect(server.endpoint, fingerprint=other_certificate.fingerprint)
    for call in (client.version, lambda: client.start_container("pve", 101)):
        with pytest.raises(UntrustedCertificateError) as refused:
            await call()
        assert refused.value.seen == server.certificate.fingerprint
        assert isinstance(refused.value, NotExecutedError)
    assert server.connections == 2
    assert server.received == b""


async def test_a_fingerprint_is_trusted_in_any_usual_spelling(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [VERSION]
    plain = server.certificate.fingerprint.replace(":", "").lower()
    assert (await connect(server.endpoint, fingerprint=plain).version()).version == "9.2.11"


async def test_a_ca_is_trusted_and_another_is_not(
    connect: MakeClient, server: ScriptedServer, other_certificate: Certificate
) -> None:
    server.script = [VERSION]
    assert (await connect(server.endpoint, fingerprint=None, ca=server.certificate.pem).version()).release == "9.2"
    received = server.received
    for ca in (other_certificate.pem, None):
        with pytest.raises(UntrustedCertificateError):
            await connect(server.endpoint, fingerprint=None, ca=ca).version()
    assert server.received == received


async def test_trust_does_not_come_from_the_environment(
    connect: MakeClient, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate.path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(UntrustedCertificateError):
        await connect(server.endpoint, fingerprint=None).version()
    server.script = [VERSION]
    assert await connect(server.endpoint).version()


async def test_a_name_that_the_certificate_does_not_have_is_refused(
    connect: MakeClient, server: ScriptedServer
) -> None:
    endpoint = server.endpoint.replace("127.0.0.1", "localhost")
    with pytest.raises(UntrustedCertificateError):
        await connect(endpoint, fingerprint=None, ca=server.certificate.pem).version()
    assert server.received == b""


async def test_nobody_listens(connect: MakeClient, closed_endpoint: str) -> None:
    client = connect(closed_endpoint)
    with pytest.raises(UnreachableError, match="refused"):
        await client.version()
    with pytest.raises(UnreachableError, match="refused"):
        await client.start_container("pve", 101)


async def test_a_name_that_does_not_resolve(connect: MakeClient) -> None:
    with pytest.raises(UnreachableError):
        await connect("https://nowhere.invalid:8006").version()


async def test_not_tls_at_all(connect: MakeClient) -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_10.0\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        with pytest.raises(UnreachableError):
            await connect(f"https://127.0.0.1:{port}").start_container("pve", 101)


@pytest.mark.parametrize("cut", [DROP, Answer(body=b'{"da', headers={"Content-Length": "400", "Connection": "close"})])
async def test_a_call_whose_connection_is_cut_is_unknown_and_is_not_repeated(
    connect: MakeClient, server: ScriptedServer, cut: Answer
) -> None:
    server.script = [cut, data(UPID), data(UPID)]
    with pytest.raises(ConnectionLostError) as lost:
        await connect(server.endpoint).start_container("pve", 101)
    assert isinstance(lost.value, UnansweredError)
    assert [request.line for request in server.requests] == ["POST /api2/json/nodes/pve/lxc/101/status/start HTTP/1.1"]


async def test_a_call_that_is_not_answered_in_time_is_unknown_and_is_not_repeated(
    connect: MakeClient, server: ScriptedServer, second_server: ScriptedServer
) -> None:
    server.script = [SILENT]
    second_server.script = [data(UPID)]
    with pytest.raises(UnansweredError, match="no answer within"):
        await connect(server.endpoint, second_server.endpoint, read_timeout=0.3).destroy_container("pve", 101)
    assert len(server.requests) == 1
    assert second_server.connections == 0


@pytest.mark.parametrize("status", [302, 307, 308, 401, 413, 429, 500, 502, 503, 504, 596, 599])
async def test_no_answer_makes_a_call_go_out_again(
    connect: MakeClient, server: ScriptedServer, second_server: ScriptedServer, status: int
) -> None:
    headers = {"Location": f"{second_server.endpoint}/api2/json/x", "Retry-After": "0"}
    server.script = [refusal(status, "whatever", **headers), data(UPID), data(UPID)]
    client = connect(server.endpoint, second_server.endpoint)
    with pytest.raises(NotExecutedError if status == 401 else UnansweredError):
        await client.start_container("pve", 101)
    assert len(server.requests) == 1
    assert second_server.connections == 0


async def test_an_effect_never_uses_a_connection_that_may_be_closing(
    connect: MakeClient, server: ScriptedServer
) -> None:
    server.script = [VERSION, data(UPID), data(UPID)]
    client = connect(server.endpoint)
    await client.version()
    assert await client.start_container("pve", 101) == UPID
    assert await client.start_container("pve", 102) == UPID
    assert server.connections == 3


async def test_an_effect_goes_to_another_endpoint_when_it_was_certainly_not_sent(
    connect: MakeClient, server: ScriptedServer, closed_endpoint: str
) -> None:
    server.script = [data(UPID)]
    assert await connect(closed_endpoint, server.endpoint).start_container("pve", 101) == UPID


async def test_a_595_was_not_executed_and_another_endpoint_may_do_it(
    connect: MakeClient, server: ScriptedServer, second_server: ScriptedServer
) -> None:
    server.script = [refusal(595, "Connection refused")]
    second_server.script = [data(UPID)]
    assert await connect(server.endpoint, second_server.endpoint).start_container("pve", 101) == UPID
    server.script = [refusal(595, "Connection refused")]
    with pytest.raises(UnreachableError, match="Connection refused"):
        await connect(server.endpoint).start_container("pve", 101)


async def test_reads_keep_their_connection_and_survive_its_cut(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [VERSION, VERSION, DROP, VERSION]
    client = connect(server.endpoint)
    for _ in range(3):
        assert (await client.version()).version == "9.2.11"
    assert len(server.requests) == 4
    assert server.connections == 2


async def test_a_read_that_is_cut_twice_is_unanswered(connect: MakeClient, server: ScriptedServer) -> None:
    with pytest.raises(ConnectionLostError):
        await connect(server.endpoint).version()
    assert len(server.requests) == 2


async def test_reads_go_to_the_next_endpoint_and_stay_there(
    connect: MakeClient, server: ScriptedServer, second_server: ScriptedServer, closed_endpoint: str
) -> None:
    server.script = [SILENT]
    second_server.script = [VERSION, VERSION]
    client = connect(closed_endpoint, server.endpoint, second_server.endpoint, read_timeout=0.3)
    assert await client.version()
    assert await client.version()
    assert len(server.requests) == 1


async def test_no_request_is_repeated_that_may_not_be_sent(
    connect: MakeClient, server: ScriptedServer, closed_endpoint: str
) -> None:
    """Each beyond the first is told as such: after a cut, at another endpoint, after a hiccup."""
    asked = 0

    def allows(repeated: bool) -> bool:
        nonlocal asked
        asked += repeated
        return not repeated or asked > 3

    client = connect(server.endpoint)
    client.allows = allows
    server.script = [DROP, HICCUP, VERSION]
    with pytest.raises(ConnectionLostError):
        await client.version()
    with pytest.raises(NotNowError):
        await client.guest_status("pve", 100)
    elsewhere = connect(closed_endpoint, server.endpoint)
    elsewhere.allows = allows
    with pytest.raises(UnreachableError):
        await elsewhere.version()
    assert (asked, len(server.requests)) == (3, 2)
    assert (await elsewhere.version()).release == "9.2"
    assert (asked, len(server.requests)) == (4, 3)
    elsewhere.allows = lambda repeated: False
    with pytest.raises(NotNowError):
        await elsewhere.version()
    assert len(server.requests) == 3


async def test_an_answer_ends_the_search(
    connect: MakeClient, server: ScriptedServer, second_server: ScriptedServer
) -> None:
    server.script = [refusal(500, "Configuration file 'nodes/pve/lxc/7.conf' does not exist")]
    with pytest.raises(GuestMissingError):
        await connect(server.endpoint, second_server.endpoint).guest_config("pve", 7)
    assert second_server.connections == 0


@pytest.mark.parametrize(
    "strange",
    [
        Answer(body=b"<html>hello</html>", headers={"Content-Type": "text/html"}),
        Answer(body=b"{", headers={}),
        Answer(body=b"[1]"),
        Answer(body=b'{"no": 1}'),
        data("UPID:nonsense"),
        data(None),
    ],
)
async def test_an_answer_that_is_not_proxmoxs_says_nothing(
    connect: MakeClient, server: ScriptedServer, strange: Answer
) -> None:
    server.script = [strange]
    with pytest.raises(UnansweredError):
        await connect(server.endpoint).start_container("pve", 101)


@pytest.mark.parametrize("name", ["..", ".", ""])
async def test_a_name_cannot_lead_to_another_path(connect: MakeClient, server: ScriptedServer, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        await connect(server.endpoint).storages(name)
    assert server.connections == 0


async def test_names_are_encoded(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [data([])]
    await connect(server.endpoint).storages("a/../b?c#d")
    assert server.requests[0].line == "GET /api2/json/nodes/a%2F..%2Fb%3Fc%23d/storage HTTP/1.1"


async def test_a_closed_client_sends_nothing(connect: MakeClient, server: ScriptedServer) -> None:
    client = connect(server.endpoint)
    client.close()
    with pytest.raises(UnreachableError):
        await client.start_container("pve", 101)
    assert server.connections == 0


async def test_no_secret_in_words_reprs_and_logs(
    connect: MakeClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "canary-guest-password"
    spec = ContainerSpec(
        vmid=101, hostname="a", template_volid="local:vztmpl/x.tar.zst", rootfs_storage="local", disk_gib=4, cores=1,
        memory_mib=512, bridge="vmbr0", description="", password=password,
    )  # fmt: skip
    quoted = {"errors": {"password": f"got '{password}' from {SECRET}"}, "message": f"bad {password}\n"}
    server.script = [refusal(400, "Parameter verification failed.", quoted), DROP]
    client = connect(server.endpoint)
    texts = [repr(client), repr(client.connection), repr(spec), repr(vars(client))]
    for _ in range(2):
        with pytest.raises((InvalidRequestError, ConnectionLostError)) as failed:
            await client.create_container("pve", spec)
        texts += [str(failed.value), repr(failed.value), repr(vars(failed.value))]
    assert "***" in texts[4]
    assert server.received.count(password.encode()) == 2
    for text in [*texts, caplog.text]:
        assert password not in text
        assert SECRET not in text


def test_a_connection_says_what_is_wrong_with_it() -> None:
    for wrong in (
        {"endpoints": ()},
        {"endpoints": ("http://pve:8006",)},
        {"endpoints": ("https://root:x@pve:8006",)},
        {"token_id": "root@pam"},
        {"token_id": "root!x"},
    ):
        good = {"endpoints": ("pve",), "token_id": "root@pam!x", "token_secret": "s"}
        with pytest.raises(ValueError, match=r"looks like|needs an"):
            Connection(**(good | wrong))  # type: ignore[arg-type]


async def test_many_calls_at_once_share_few_connections(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [VERSION] * 64
    client = connect(server.endpoint)
    await asyncio.gather(*(client.version() for _ in range(64)))
    assert len(server.requests) == 64
    assert server.connections <= 8


async def test_every_new_connection_is_compared(
    connect: MakeClient, server: ScriptedServer, other_certificate: Certificate
) -> None:
    """A pinned client that has a good connection to one node still compares on every new connection."""
    server.script = [VERSION]
    with serving(other_certificate) as impostor:
        client = connect(server.endpoint, impostor.endpoint)
        await client.version()
        server.stop()
        with pytest.raises((UnreachableError, ConnectionLostError)):
            await client.version()
        assert impostor.connections > 0
        assert impostor.received == b""
