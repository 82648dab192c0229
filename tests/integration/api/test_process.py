"""The api as the process that it is: told by its environment, ended by a signal."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import PASSWORD, TOKEN, until
from proximity_api.settings import Settings
from support.servers import Nats


def environment(settings: Settings) -> dict[str, str]:
    named = {
        name: str(getattr(settings, name))
        for name in (
            "nats_url",
            "nats_password_file",
            "database_url",
            "database_password_file",
            "vault_key_file",
            "setup_token_file",
            "catalog",
            "port",
        )
    }
    return {"PATH": os.environ["PATH"]} | {f"PROXIMITY_{name.upper()}": value for name, value in named.items()}


@asynccontextmanager
async def process(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proximity_api", env=variables, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_although_a_stream_is_open(settings: Settings, number: signal.Signals) -> None:
    url = f"http://127.0.0.1:{settings.port}"
    async with process(environment(settings)) as api, httpx2.AsyncClient(base_url=url, timeout=60) as http:

        async def alive() -> bool:
            try:
                return (await http.get("/livez")).status_code == 200
            except httpx2.TransportError:
                return False

        await until(alive)
        body = {"setup_token": TOKEN, "username": "ada", "password": PASSWORD}
        assert (await http.post("/api/v1/setup", json=body)).status_code == 201
        async with http.stream("GET", "/api/v1/events/stream") as answer:
            assert answer.status_code == 200
            api.send_signal(number)
            async for _ in answer.aiter_lines():
                pass
        assert await asyncio.wait_for(api.wait(), 60) == 0
        assert api.stderr is not None
        written = (await api.stderr.read()).decode()
        assert PASSWORD not in written
        assert TOKEN not in written
        assert '"route": "/api/v1/setup"' in written


@pytest.mark.parametrize(
    ("variable", "content", "words"),
    [("VAULT_KEY_FILE", "not a key", "not base64"), ("CATALOG", None, "no recipe")],
)
async def test_what_cannot_work_is_said_in_one_line(
    settings: Settings, tmp_path: Path, variable: str, content: str | None, words: str
) -> None:
    path = tmp_path / "wrong"
    if content is None:
        path.mkdir()
    else:
        path.touch(mode=0o600)
        path.write_text(content)
    async with process(environment(settings) | {f"PROXIMITY_{variable}": str(path)}) as api:
        assert api.stderr is not None
        lines = (await api.stderr.read()).decode().splitlines()
        assert await api.wait() == 78
    assert len(lines) == 1
    assert words in lines[0]


async def test_a_wrong_password_for_nats_is_fatal(settings: Settings, nats: Nats, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password")
    async with process(environment(settings) | {"PROXIMITY_NATS_PASSWORD_FILE": str(wrong)}) as api:
        assert await asyncio.wait_for(api.wait(), 60) == 78
