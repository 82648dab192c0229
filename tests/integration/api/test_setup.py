"""Setting up: once, by whoever holds the token, whatever PostgreSQL knows."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from integration.api.conftest import PASSWORD, TOKEN, Api
from proximity.messaging.aggregates import IDENTITY

Replica = Callable[[], AbstractAsyncContextManager[Api]]


async def test_the_founder_is_an_admin_and_signed_in(api: Api) -> None:
    assert (await api.get("/setup")).json() == {"done": False, "simulator": False}
    answer = await api.set_up("ada")
    assert answer.status_code == 201
    assert (answer.json()["username"], answer.json()["role"]) == ("ada", "admin")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert (await api.get("/me")).json() == answer.json()
    assert (await api.get("/setup")).json() == {"done": True, "simulator": False}
    user = await api.parts.store.load(IDENTITY, answer.json()["id"])
    assert user.state.username == "ada"


async def test_a_second_setup_is_refused_although_postgresql_is_empty(api: Api) -> None:
    await api.set_up("ada")
    again = await api.set_up("eve")
    assert again.status_code == 409
    assert again.json()["code"] == "already_set_up"


async def test_of_two_setups_at_once_on_two_replicas_one_wins(api: Api, replica: Replica) -> None:
    async with replica() as other:
        answers = await asyncio.gather(
            *(one.set_up(name) for one, name in [(api, "ada"), (other, "eve"), (api, "bob"), (other, "mallory")])
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    users = await api.parts.store.aggregate_ids("identity")
    assert len(users) == 1


async def test_a_loser_leaves_no_credentials_behind(api: Api, replica: Replica) -> None:
    async with replica() as other:
        await asyncio.gather(api.set_up("ada"), other.set_up("eve"))
    (user_id,) = await api.parts.store.aggregate_ids("identity")
    assert set(await api.parts.credentials._bucket.entries()) == {user_id}


async def test_a_wrong_token_is_refused_and_guessing_is_slowed_down(api: Api) -> None:
    body = {"setup_token": "guess", "username": "eve", "password": PASSWORD}
    answers = [await api.post("/setup", body) for _ in range(6)]
    assert [a.status_code for a in answers] == [403] * 5 + [429]
    assert answers[0].json()["code"] == "setup_token_refused"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await api.get("/setup")).json() == {"done": False, "simulator": False}


async def test_a_short_password_is_refused_and_never_repeated(api: Api) -> None:
    answer = await api.post("/setup", {"setup_token": TOKEN, "username": "ada", "password": "hunter2pass"})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["password"]
    assert "hunter2pass" not in answer.text
    assert TOKEN not in answer.text
