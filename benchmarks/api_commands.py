"""How many commands the api takes, beside a bare FastAPI route that publishes to JetStream and awaits the ack.

Both run on uvicorn with uvloop and httptools, one process each, against one NATS server that syncs every write, and are
asked in turns by the same client, three times each; medians count. The api does all of its work: session, origin,
envelope, measures, one log line; without an Idempotency-Key (nothing to remember) and with one (claimed in the log
first, which is a second synced write). The bare route knows nobody and checks nothing. PostgreSQL is not needed.
"""

import argparse
import asyncio
import base64
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import uvicorn
import uvloop
from fastapi import FastAPI

from figures import Figure, show
from proximity.messaging import subjects
from proximity.messaging.bootstrap import prepare
from proximity.messaging.buckets import Bucket
from proximity.messaging.connection import connect
from proximity.messaging.permissions import ADMIN, SERVICES
from proximity_api.sessions import Sessions
from proximity_launcher.nats_server import NatsServer
from proximity_launcher.up.ports import fetch, free_ports

RUNS = 3
CONNECTIONS = 32
SHARE = 0.60
CATALOG = Path(__file__).parents[1] / "catalog"


def serve_bare() -> None:
    """The floor: what any route does that publishes a command of the usual size and waits until it is stored."""
    app = FastAPI()
    payload = b"x" * 300

    @app.post("/applications/{application_id}/start", status_code=202)
    async def start(application_id: str) -> dict[str, str]:
        operation_id = str(uuid4())
        await app.state.js.publish(
            subjects.command("bench", application_id), payload, headers={"Nats-Msg-Id": operation_id}
        )
        return {"operation_id": operation_id}

    @app.get("/livez")
    async def livez() -> None:
        return None

    password = Path(os.environ["PROXIMITY_NATS_PASSWORD_FILE"]).read_text()

    async def run() -> None:
        bus = await connect(os.environ["PROXIMITY_NATS_URL"], "api", "api", password)
        app.state.js = bus.js
        port = int(os.environ["PROXIMITY_PORT"])
        config = uvicorn.Config(app, port=port, http="httptools", lifespan="off", access_log=False, log_config=None)
        await uvicorn.Server(config).serve()

    uvloop.run(run())


@asynccontextmanager
async def process(arguments: list[str], environment: dict[str, str]) -> AsyncIterator[int]:
    """A server on a port of its own."""
    port = free_ports(1)[0]
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=environment | {"PROXIMITY_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while (await fetch(port, "/livez"))[0] != 200:
                if started.returncode is not None:
                    raise RuntimeError(f"{arguments} ended with {started.returncode}")
                await asyncio.sleep(0.05)
        yield port
    finally:
        started.terminate()
        await started.wait()


async def load(port: int, request: Callable[[], bytes], seconds: float) -> float:
    """Answers 202 a second, over CONNECTIONS connections that are kept."""
    answered = 0
    end = perf_counter() + seconds

    async def one() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while perf_counter() < end:
            writer.write(request())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            answered += 1
        writer.close()

    began = perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return answered / (perf_counter() - began)


def post(prefix: str, headers: Callable[[], str] = str) -> Callable[[], bytes]:
    def request() -> bytes:
        line = f"POST {prefix}/applications/{uuid4()}/start HTTP/1.1"
        return f"{line}\r\nHost: 127.0.0.1\r\n{headers()}Content-Length: 0\r\n\r\n".encode()

    return request


def private(folder: Path, name: str, content: str) -> str:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


async def measure(seconds: float) -> list[Figure]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        passwords = {user: secrets.token_urlsafe(16) for user in (ADMIN, *SERVICES)}
        nats = NatsServer(folder / "nats", passwords)
        await nats.start()
        url = f"nats://127.0.0.1:{nats.port}"
        try:
            await prepare(url, ADMIN, passwords[ADMIN])
            environment = {
                "PATH": os.environ["PATH"],
                "PROXIMITY_NATS_URL": url,
                "PROXIMITY_NATS_PASSWORD_FILE": private(folder, "nats.password", passwords["api"]),
                "PROXIMITY_DATABASE_URL": "postgresql://api@127.0.0.1:1/none",
                "PROXIMITY_DATABASE_PASSWORD_FILE": private(folder, "database.password", "none"),
                "PROXIMITY_VAULT_KEY_FILE": private(
                    folder, "vault.key", base64.b64encode(secrets.token_bytes(32)).decode()
                ),
                "PROXIMITY_SETUP_TOKEN_FILE": private(folder, "setup.token", "none"),
                "PROXIMITY_CATALOG": str(CATALOG),
            }
            bus = await connect(url, "api", "api", passwords["api"])
            sessions = Sessions(Bucket(bus, subjects.SESSIONS), 3600, 3600, 5, lambda: bus.clock.now().timestamp())
            token = await sessions.open(str(uuid4()), "bench", "admin")
            await bus.close()
            async with (
                process([__file__, "--serve-bare"], environment) as bare,
                process(["-m", "proximity_api"], environment) as api,
            ):
                return await compare(bare, api, f"Authorization: Bearer {token}\r\n", seconds)
        finally:
            await nats.stop()


async def compare(bare: int, api: int, session: str, seconds: float) -> list[Figure]:
    kinds: dict[str, tuple[int, Callable[[], bytes]]] = {
        "bare route": (bare, post("")),
        "api": (api, post("/api/v1", lambda: session)),
        "api, with Idempotency-Key": (api, post("/api/v1", lambda: f"{session}Idempotency-Key: {uuid4()}\r\n")),
    }
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for port, request in kinds.values():
        await load(port, request, min(seconds, 1.0))
    for _ in range(RUNS):
        for kind, (port, request) in kinds.items():
            rates[kind].append(await load(port, request, seconds))
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    floor = medians["bare route"]
    return [
        Figure("api accepting", medians["api"], "commands/s", floor=floor, share=SHARE, at="least"),
        Figure("api accepting, keys of the client", medians["api, with Idempotency-Key"], "commands/s", floor=floor),
    ]


def figures(seconds: float = 4.0) -> list[Figure]:
    return asyncio.run(measure(seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="each run")
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_bare:
        serve_bare()
    else:
        show(figures(options.seconds))
