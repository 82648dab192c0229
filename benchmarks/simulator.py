"""How fast the simulator lists a cluster of 2,000 guests, beside a bare server that has the answer ready.

Both are asked over HTTPS with a connection that is kept, in turns; medians count. The clock of pvestatd goes on.
"""

import asyncio
import ssl
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

import aiohttp
from aiohttp import web

from figures import Figure, show
from proximity_simulator import certificate, demo
from proximity_simulator.simulator import Simulator
from proximity_simulator.sweeping import sweeping

GUESTS = 2000
RUNS = 40
MOST_MS = 20.0


@asynccontextmanager
async def _bare(text: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(text=text)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def _milliseconds(session: aiohttp.ClientSession, url: str) -> tuple[float, str]:
    began = perf_counter()
    async with session.get(url) as answer:
        text = await answer.text()
    return (perf_counter() - began) * 1000, text


async def _measure() -> list[Figure]:
    simulator = Simulator()
    demo.furnish(simulator)
    demo.populate(simulator, extra=GUESTS)
    secret = simulator.apitokens[demo.TOKEN]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, pem, key = certificate.make(folder, "benchmark", list(demo.NODES))
        await simulator.start(str(pem), str(key))
        stack.push_async_callback(simulator.stop)
        await stack.enter_async_context(sweeping(simulator))
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        server.load_cert_chain(pem, key)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        headers = {"Authorization": f"PVEAPIToken={demo.TOKEN}={secret}"}
        connector = aiohttp.TCPConnector(ssl=client)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=headers))
        url = f"{simulator.url}/api2/json/cluster/resources"
        _, text = await _milliseconds(session, url)
        bare = await stack.enter_async_context(_bare(text, server))
        pairs = [((await _milliseconds(session, url))[0], (await _milliseconds(session, bare))[0]) for _ in range(RUNS)]
        simulated, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
        guests = text.count('"vmid"')
        name = f"simulator: cluster/resources with {guests:,} guests"
        return [Figure(name, simulated, "ms", floor=floor, target=MOST_MS)]


def figures() -> list[Figure]:
    return asyncio.run(_measure())


if __name__ == "__main__":
    show(figures())
