"""Behind a proxy that is named as trusted, people are who they are and TLS is TLS; nobody else is believed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from integration.api.conftest import Api, running
from proximity_api.settings import Settings

FORWARDED = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
Behind = Callable[[str], AbstractAsyncContextManager[Api]]


@pytest.fixture
def behind(settings: Settings) -> Behind:
    @asynccontextmanager
    async def start(trusted: str) -> AsyncIterator[Api]:
        async with running(settings.model_copy(update={"trusted_proxies": trusted})) as api:
            yield api

    return start


async def refused(api: Api, address: str) -> int:
    """The status for a wrong setup token from there."""
    body = {"setup_token": "guess", "username": "eve", "password": "correct horse battery staple"}
    return (await api.post("/setup", body, **{"X-Forwarded-For": address})).status_code


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8", "*"])
async def test_trusted_proxy_says_who_asks_and_how(behind: Behind, trusted: str) -> None:
    async with behind(trusted) as api:
        api.http.headers |= FORWARDED
        assert "secure" in (await api.set_up("ada")).headers["set-cookie"].lower()
        assert [await refused(api, "192.0.2.7") for _ in range(6)] == [403] * 5 + [429]
        assert await refused(api, "192.0.2.8") == 403


@pytest.mark.parametrize("trusted", ["", "192.0.2.1"])
async def test_anybody_else_may_say_what_he_likes(behind: Behind, trusted: str) -> None:
    async with behind(trusted) as api:
        api.http.headers |= FORWARDED
        assert "secure" not in (await api.set_up("ada")).headers["set-cookie"].lower()
        answers = [await refused(api, f"192.0.2.{number}") for number in range(6)]
        assert answers == [403] * 5 + [429]


async def test_simulator_may_come_and_go(settings: Settings, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    async with running(settings.model_copy(update={"simulator_file": ready})) as api:
        assert not (await api.get("/setup")).json()["simulator"]
        ready.write_text(
            '{"url": "https://127.0.0.1:1", "token_id": "a@b!c", "token_secret": "s", "fingerprint": "00"}'
        )
        assert (await api.get("/setup")).json()["simulator"]
        ready.unlink()
        assert not (await api.get("/setup")).json()["simulator"]
