"""Changing one's password: in the log, with all other sessions ended."""

from typing import Any

import httpx2
import pytest

from integration.api.conftest import PASSWORD, Api
from proximity.domain.identity.identity import PasswordChanged
from proximity_api import session

NEW = "another one, just as long"


@pytest.fixture
async def founded(api: Api) -> Api:
    assert (await api.set_up()).status_code == 201
    return api


async def change(api: Api, password: str = PASSWORD, new: str = NEW) -> httpx2.Response:
    body = {"password": password, "new_password": new}
    return await api.http.put("/api/v1/me/password", json=body, headers=api.writing)


async def test_the_new_one_signs_in_and_the_old_one_does_not(founded: Api) -> None:
    assert (await change(founded)).status_code == 204
    assert (await founded.get("/me")).status_code == 200
    for password, status in ((PASSWORD, 401), (NEW, 201)):
        answer = await founded.post("/session", {"username": "ada", "password": password})
        assert answer.status_code == status


async def test_who_changed_it_is_in_the_log_and_the_password_is_not(founded: Api) -> None:
    me = (await founded.get("/me")).json()["id"]
    await change(founded)
    last = (await founded.parts.store.read(0))[-1]
    assert isinstance(last.event, PasswordChanged)
    assert (last.metadata.actor.type, last.metadata.actor.id) == ("user", me)
    assert NEW not in last.event.model_dump_json()


async def test_sessions_elsewhere_end(founded: Api) -> None:
    async with httpx2.AsyncClient(base_url=founded.url, timeout=60) as elsewhere:
        await elsewhere.post("/api/v1/session", json={"username": "ada", "password": PASSWORD})
        assert (await elsewhere.get("/api/v1/me")).status_code == 200
        await change(founded)
        assert (await elsewhere.get("/api/v1/me")).status_code == 401
    assert (await founded.get("/me")).status_code == 200


async def test_who_signs_in_with_the_old_one_while_it_is_changed_is_not_signed_in(
    founded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one was right when it was looked at; all other sessions are ended just before this one begins."""
    begin = founded.parts.sessions.open

    async def too_late(*person: Any) -> str:
        assert (await change(founded)).status_code == 204
        return await begin(*person)

    monkeypatch.setattr(founded.parts.sessions, "open", too_late)
    async with httpx2.AsyncClient(base_url=founded.url, timeout=60) as elsewhere:
        answer = await elsewhere.post("/api/v1/session", json={"username": "ada", "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (401, "credentials_refused")
    assert len(await founded.parts.sessions._bucket.entries()) == 1


async def test_an_outdated_hash_is_made_anew_but_not_over_another_password(
    founded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "outdated", lambda hashed: True)
    me = (await founded.get("/me")).json()["id"]
    before = await founded.parts.credentials.get(me)
    credentials = {"username": "ada", "password": PASSWORD}
    async with httpx2.AsyncClient(base_url=founded.url, timeout=60) as elsewhere:
        assert (await elsewhere.post("/api/v1/session", json=credentials)).status_code == 201
        assert await founded.parts.credentials.get(me) not in (None, before)
        make = founded.parts.passwords.hash

        async def late(password: str) -> str:
            if password == PASSWORD:
                assert (await change(founded)).status_code == 204
            return await make(password)

        monkeypatch.setattr(founded.parts.passwords, "hash", late)
        assert (await elsewhere.post("/api/v1/session", json=credentials)).status_code == 401
        changed = {"username": "ada", "password": NEW}
        assert (await elsewhere.post("/api/v1/session", json=changed)).status_code == 201


async def test_a_wrong_present_one_changes_nothing_and_guessing_is_slowed_down(
    founded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(founded.parts.throttle, "_clock", lambda: 0.0)
    answers = [await change(founded, "wrong password 1") for _ in range(6)]
    assert answers[0].status_code == 403
    assert answers[0].json()["code"] == "password_refused"
    assert answers[-1].status_code == 429
    assert "wrong password 1" not in answers[0].text


async def test_a_short_one_is_refused(founded: Api) -> None:
    answer = await change(founded, new="short")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "new_password"
