"""The floor of command -> browser: the same hops with nothing in them.

A publisher awaits the acknowledgement of a command; a consumer takes it, publishes an event, awaits that, acknowledges;
a second consumer takes the event and writes it to a socket; a reader takes the time. The server syncs every write, as
ours does.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import nats
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

from proximity_launcher.nats_server import binary
from proximity_launcher.up.ports import LOOPBACK, accepts, free_ports


async def command_to_reader(folder: Path, times: int) -> list[float]:
    """Seconds, from before the publish to the line at the reader."""
    async with _server(folder) as nc, asyncio.TaskGroup() as group:
        js = nc.jetstream()
        await js.add_stream(StreamConfig(name="C", subjects=["c.>"], retention=RetentionPolicy.WORK_QUEUE))
        await js.add_stream(StreamConfig(name="E", subjects=["e.>"]))
        here, there = socket.socketpair()
        to_browser = await asyncio.open_connection(sock=here)
        browser = await asyncio.open_connection(sock=there)
        hops = [group.create_task(_decide(nc)), group.create_task(_tell(nc, to_browser[1]))]
        took = []
        for number in range(times):
            begun = perf_counter()
            await js.publish(f"c.{number}", b"{}")
            line = await browser[0].readline()
            assert json.loads(line) == f"e.{number}"
            took.append(perf_counter() - begun)
        for hop in hops:
            hop.cancel()
        to_browser[1].close()
        browser[1].close()
    return took


async def _decide(nc: Client) -> None:
    js = nc.jetstream()
    commands = await js.pull_subscribe("c.>", durable="decide", stream="C", config=ConsumerConfig(max_ack_pending=100))
    while True:
        for message in await commands.fetch(1, timeout=60):
            await js.publish(message.subject.replace("c.", "e.", 1), message.data)
            await message.ack()


async def _tell(nc: Client, to_browser: asyncio.StreamWriter) -> None:
    events = await nc.jetstream().pull_subscribe("e.>", durable="tell", stream="E")
    while True:
        for message in await events.fetch(1, timeout=60):
            to_browser.write(json.dumps(message.subject).encode() + b"\n")
            await message.ack()


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[Client]:
    (port,) = free_ports(1)
    config = folder / "bare.conf"
    store = {"store_dir": str(folder / "bare"), "sync_interval": "always"}
    config.write_text(json.dumps({"host": LOOPBACK, "port": port, "jetstream": store}))
    process = await asyncio.create_subprocess_exec(binary(), "-c", str(config), stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(15):
            while not await accepts(port):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        nc = await nats.connect(f"nats://{LOOPBACK}:{port}")
        yield nc
        await nc.close()
    finally:
        process.terminate()
        await process.wait()
