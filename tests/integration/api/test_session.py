"""Signing in and out, and proving that a write comes from our own page."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from integration.api.conftest import PASSWORD, Api, caught_up, until
from proximity_api.sessions import Sessions, hash_of

Replica = Callable[[], AbstractAsyncContextManager[Api]]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def founded(api: Api) -> Api:
    assert (await api.set_up()).status_code == 201
    return api


async def sign_in(api: Api, username: str = "ada", password: str = PASSWORD) -> httpx2.Response:
    return await api.post("/session", {"username": username, "password": password})


async def test_signing_in_without_regard_to_case_gives_a_new_token(founded: Api) -> None:
    before = founded.token
    answer = await sign_in(founded, "ADA")
    assert answer.status_code == 201
    assert answer.json()["username"] == "ada"
    assert founded.token != before


async def test_the_token_is_stored_as_a_hash_only(signed_in: Api) -> None:
    token = signed_in.token
    entries = await signed_in.parts.sessions._bucket.entries()
    assert hash_of(token) in entries
    assert token not in str(entries)


@pytest.mark.parametrize(("username", "password"), [("ada", "wrong password 1"), ("nobody", PASSWORD)])
async def test_a_wrong_name_and_a_wrong_password_look_the_same(founded: Api, username: str, password: str) -> None:
    answer = await sign_in(founded, username, password)
    assert answer.status_code == 401
    assert answer.json()["code"] == "credentials_refused"
    assert password not in answer.text


async def test_guessing_is_slowed_down_for_that_name_only(founded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # hashing may take longer than the first wait
    monkeypatch.setattr(founded.parts.throttle, "_clock", lambda: 0.0)
    answers = [await sign_in(founded, "eve", "wrong password 1") for _ in range(6)]
    assert [a.status_code for a in answers] == [401] * 5 + [429]
    assert (await sign_in(founded)).status_code == 201


async def test_guesses_made_at_once_are_not_all_free(founded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(founded.parts.throttle, "_clock", lambda: 0.0)
    answers = await asyncio.gather(*(sign_in(founded, "eve", "wrong password 1") for _ in range(12)))
    assert sorted(a.status_code for a in answers) == [401] * 5 + [429] * 7


async def test_signing_out_ends_the_session_on_every_replica(signed_in: Api, replica: Replica) -> None:
    token = signed_in.token
    async with replica() as other:
        other.use(token)
        assert (await other.get("/me")).status_code == 200
        assert (await signed_in.delete("/session")).status_code == 204
        assert "proximity_session" not in signed_in.http.cookies
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await signed_in.http.get("/api/v1/me", headers=bearer)).status_code == 401

        async def ended() -> bool:
            return (await other.get("/me")).status_code == 401

        await until(ended)


async def test_sessions_end_when_idle_and_after_the_longest_time(signed_in: Api) -> None:
    clock = Clock()
    sessions = Sessions(signed_in.parts.sessions._bucket, idle=100, absolute=250, cache=0, clock=clock)
    token = await sessions.open("u", "ada", "admin")
    for passed in (90, 90, 69):
        clock.now += passed
        assert await sessions.find(token) is not None
    clock.now += 2
    assert await sessions.find(token) is None, "used all the time, but for too long"
    token = await sessions.open("u", "ada", "admin")
    clock.now += 101
    assert await sessions.find(token) is None, "not used"


async def test_a_session_that_was_ended_is_not_revived_by_its_own_use(signed_in: Api) -> None:
    clock = Clock()
    bucket = signed_in.parts.sessions._bucket
    here = Sessions(bucket, idle=100, absolute=1000, cache=60, clock=clock)
    token = await here.open("u", "ada", "admin")
    principal = await here.find(token)
    assert principal is not None
    await Sessions(bucket, idle=100, absolute=1000, cache=60, clock=clock).end(principal)
    clock.now += 50  # known here still, and due to be noted as used
    await here.find(token)
    assert await here.find(token) is None


async def test_how_old_a_session_is_goes_by_the_servers_clock(signed_in: Api) -> None:
    """Replicas whose own clocks disagree must agree on it."""
    assert (await signed_in.http.get("/api/v1/me")).status_code == 200
    clock = signed_in.parts.bus.clock
    assert clock._seen is not None
    clock._seen += timedelta(days=1)
    assert (await signed_in.http.get("/api/v1/me")).status_code == 401


async def test_bearer_needs_neither_header_nor_origin(signed_in: Api) -> None:
    token = signed_in.token
    async with httpx2.AsyncClient(
        base_url=signed_in.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as http:
        assert (await http.post(f"/api/v1/applications/{uuid4()}/start")).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Proximity-CSRF": "1"},
        {"X-Proximity-CSRF": "1", "Origin": "http://evil.example"},
        {"X-Proximity-CSRF": "1", "Origin": "null"},
        {"X-Proximity-CSRF": "0", "Origin": "SELF"},
        {"Origin": "SELF"},
    ],
)
async def test_a_write_that_does_not_prove_its_origin_is_refused(signed_in: Api, headers: dict[str, str]) -> None:
    sent = {name: value.replace("SELF", signed_in.url) for name, value in headers.items()}
    path = f"/api/v1/applications/{uuid4()}/start"
    for call in (signed_in.http.post(path, headers=sent), signed_in.http.delete("/api/v1/session", headers=sent)):
        answer = await call
        assert answer.status_code == 403
        assert answer.json()["code"] == "csrf_refused"
    assert await signed_in.parts.commands.undecided() == []


async def test_a_form_cannot_write(signed_in: Api) -> None:
    answer = await signed_in.http.post(
        "/api/v1/applications",
        content=b'{"recipe":"debian","name":"x"}',
        headers=signed_in.writing | {"Content-Type": "text/plain"},
    )
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


async def test_signing_in_from_a_foreign_page_is_refused(founded: Api) -> None:
    body: dict[str, Any] = {"username": "ada", "password": PASSWORD}
    answer = await founded.http.post("/api/v1/session", json=body, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_nothing_is_told_to_who_is_not_signed_in(api: Api) -> None:
    for path in ("/me", "/snapshot", "/stream", "/events", "/applications", "/catalog", "/activity"):
        answer = await api.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "not_signed_in"


async def test_names_of_users_and_nothing_else_of_them(founded: Api, projector: None) -> None:
    await caught_up(founded, await founded.parts.store.head())
    me = (await founded.get("/me")).json()
    (row,) = (await founded.get("/users")).json()["items"]
    assert (row.pop("position") > 0, row) == (True, {"id": me["id"], "username": "ada"})
    await founded.http.delete("/api/v1/session", headers=founded.writing)
    assert (await founded.get("/users")).status_code == 401
