"""Changing one's password: in the log, with all other sessions ended."""

import httpx2
import pytest

from integration.api.conftest import PASSWORD, Api
from proximity.domain.identity.identity import PasswordChanged

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
    async with httpx2.AsyncClient(base_url=founded.url) as elsewhere:
        await elsewhere.post("/api/v1/session", json={"username": "ada", "password": PASSWORD})
        assert (await elsewhere.get("/api/v1/me")).status_code == 200
        await change(founded)
        assert (await elsewhere.get("/api/v1/me")).status_code == 401
    assert (await founded.get("/me")).status_code == 200


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
