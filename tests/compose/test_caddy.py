"""What the real caddy makes of deploy/caddy/Caddyfile, in front of an api that tells what it was asked."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from compose.client import Client
from compose.processes import ProcessStack

pytestmark = pytest.mark.slow
PATIENCE = 10.0


@pytest.fixture
def caddy(tmp_path: Path) -> Iterator[ProcessStack]:
    stack = ProcessStack(tmp_path)
    stack.up(("prepare",))
    stack.start("caddy")
    stack.until_healthy("caddy")
    client, until = Client(f"https://localhost:{stack.ports['caddy']}", stack.authority()), time.monotonic() + PATIENCE
    while client.protocol() != "h2":
        assert time.monotonic() < until, stack.said_by("caddy")
        time.sleep(0.05)
    yield stack
    stack.close()


class Upstream:
    """Stands for the api: writes when told, and knows when its reader is gone."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.writes: asyncio.Queue[bytes] = asyncio.Queue()
        self.left = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.put_nowait((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        gone = asyncio.create_task(reader.read())
        while not gone.done():
            writing = asyncio.create_task(self.writes.get())
            await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writer.write(f"{len(writing.result()):x}\r\n".encode() + writing.result() + b"\r\n")
            writing.cancel()
        self.left.set()
        writer.close()


@asynccontextmanager
async def upstream(caddy: ProcessStack) -> AsyncIterator[Upstream]:
    api = Upstream()
    server = await asyncio.start_server(api.answer, "127.0.0.1", caddy.ports["api"])
    yield api
    server.close()


async def ask(
    caddy: ProcessStack, *headers: str, path: str = "/api/v1/stream"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trusted = ssl.create_default_context(cafile=str(caddy.authority()))
    port = caddy.ports["caddy"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname="localhost")
    lines = [f"GET {path} HTTP/1.1", f"Host: localhost:{port}", *headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    return reader, writer


async def test_stream_comes_as_it_is_written_and_ends_with_its_reader(caddy: ProcessStack) -> None:
    async with asyncio.timeout(PATIENCE), upstream(caddy) as api:
        reader, writer = await ask(caddy)
        for number in range(3):
            api.writes.put_nowait(b"data: %d\n\n" % number)
            # the next one is only written when this one has come
            await reader.readuntil(b"data: %d\n\n" % number)
        writer.close()
        await api.left.wait()


async def test_says_who_asks_whatever_that_one_claims(caddy: ProcessStack) -> None:
    async with asyncio.timeout(PATIENCE), upstream(caddy) as api:
        _, writer = await ask(caddy, "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http")
        told = dict(line.split(": ", 1) for line in (await api.asked.get()).splitlines()[1:] if line)
        writer.close()
    assert told["X-Forwarded-For"] == "127.0.0.1"
    assert told["X-Forwarded-Proto"] == "https"
    # an Origin is compared with it
    assert told["Host"] == f"localhost:{caddy.ports['caddy']}"


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name=x", "/%6Detrics", "//metrics"])
async def test_figures_are_not_for_those_outside(caddy: ProcessStack, path: str) -> None:
    async with asyncio.timeout(PATIENCE), upstream(caddy) as api:
        reader, writer = await ask(caddy, path=path)
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        writer.close()
        assert api.asked.empty()


async def test_waits_for_an_api_that_is_being_started(caddy: ProcessStack) -> None:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await ask(caddy)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.5)
        async with upstream(caddy) as api:
            await api.asked.get()
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
