"""Consoles: the handshake, the task beside it, and what types into them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from integration.simulator.conftest import Pve
from support.simulator import SimulatorProcess

GUEST = "/nodes/pve1/lxc/100"


@pytest.fixture
async def session(simulator: SimulatorProcess, pve: Pve) -> AsyncIterator[aiohttp.ClientSession]:
    connection = simulator.connection()
    trust = ssl.create_default_context(cadata=connection.ca_pem)
    authorization = f"PVEAPIToken={connection.token_id}={connection.token_secret}"
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": authorization}) as session:
        yield session


def opened(pve: Pve, path: str = GUEST) -> dict[str, str]:
    console: dict[str, str] = pve.post(f"{path}/termproxy").json()["data"]
    return console


def socket(session: aiohttp.ClientSession, simulator: SimulatorProcess, console: dict[str, str], **changes: str) -> Any:
    query = {"port": console["port"], "vncticket": console["ticket"]} | changes
    url = f"{simulator.connection().url}/api2/json{GUEST}/vncwebsocket"
    return session.ws_connect(url, params=query, protocols=("binary",))


async def greeted(ws: aiohttp.ClientWebSocketResponse, console: dict[str, str]) -> bytes:
    await ws.send_bytes(f"{console['user']}:{console['ticket']}\n".encode())
    assert await ws.receive_bytes() == b"OK"
    return await ws.receive_bytes()


async def shown(ws: aiohttp.ClientWebSocketResponse, keys: str, until: str) -> str:
    await ws.send_bytes(f"0:{len(keys.encode())}:{keys}".encode())
    text = ""
    while not text.endswith(until):
        text += (await ws.receive_bytes(timeout=60)).decode()
    return text


async def test_a_login(session: aiohttp.ClientSession, simulator: SimulatorProcess, pve: Pve) -> None:
    console = opened(pve)
    assert console["port"].isdecimal()
    assert console["ticket"].startswith("PVEVNC:")
    async with socket(session, simulator, console) as ws:
        assert ws.protocol == "binary"
        assert (await greeted(ws, console)).endswith(b"pihole login: ")
        await ws.send_bytes(b"1:80:24:")
        assert await shown(ws, "root\r", "Password: ") == "root\r\nPassword: "
        assert "secret" not in await shown(ws, "secret\r", "# ")
        assert await shown(ws, "echo hällo\r", "# ") == "echo hällo\r\nhällo\r\nroot@pihole:~# "
        assert pve.task(console["upid"])["status"] == "running"
    assert pve.ended(console["upid"]) == "OK"
    assert console["upid"].split(":")[5:7] == ["vncproxy", "100"]


async def test_input_in_pieces(session: aiohttp.ClientSession, simulator: SimulatorProcess, pve: Pve) -> None:
    console = opened(pve)
    async with socket(session, simulator, console) as ws:
        await greeted(ws, console)
        await ws.send_bytes(b"20:")
        await ws.send_bytes(b"4:ro")
        await ws.send_bytes(b"ot0:1:\r2")
        text = b""
        while not text.endswith(b"Password: "):
            text += await ws.receive_bytes(timeout=60)
        assert text == b"root\r\nPassword: "


async def test_a_wrong_ticket(session: aiohttp.ClientSession, simulator: SimulatorProcess, pve: Pve) -> None:
    console = opened(pve)
    for change in ({"vncticket": "PVEVNC:x"}, {"port": "5999"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await socket(session, simulator, console, **change)
        assert (refused.value.status, refused.value.message) == (401, "Invalid response status")
    async with socket(session, simulator, console) as ws:
        await ws.send_bytes(b"somebody:else\n")
        assert (await ws.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSE


async def test_the_end_of_the_container(session: aiohttp.ClientSession, simulator: SimulatorProcess, pve: Pve) -> None:
    console = opened(pve)
    async with socket(session, simulator, console) as ws:
        await greeted(ws, console)
        pve.ended(pve.post(f"{GUEST}/status/stop").json()["data"])
        assert (await ws.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSE
    console = opened(pve)
    async with socket(session, simulator, console) as ws:
        assert await greeted(ws, console) == b"lxc-console: 100: 100 is not running\r\n"


def test_a_container_that_is_not_there(pve: Pve) -> None:
    answer = pve.post("/nodes/pve1/lxc/20001/termproxy")
    assert (answer.status_code, answer.reason) == (500, "Configuration file 'nodes/pve1/lxc/20001.conf' does not exist")


async def test_a_console_does_not_keep_the_process(
    session: aiohttp.ClientSession, simulator: SimulatorProcess, pve: Pve
) -> None:
    opened(pve)
    console = opened(pve)
    async with socket(session, simulator, console) as ws:
        await greeted(ws, console)
        status = await asyncio.to_thread(simulator.stop)
    simulator.start()
    assert status == 0
