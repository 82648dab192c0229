"""A person's client: every command has a key of its own and is sent again, with that key, until there is an answer."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

Row = dict[str, Any]
USERNAME, PASSWORD = "ada", "correct horse battery staple"
PATIENCE = 90.0
"""Seconds in which the api has to take a command, whatever happens to it meanwhile."""
AGAIN_AFTER = 0.25
ENDED = frozenset({"succeeded", "failed", "rejected", "cancelled", "undecided"})


class NotTakenError(Exception):
    """The api did not take or refuse a command in time, or said something else when it was asked again."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Row

    @property
    def accepted(self) -> bool:
        return self.status in (200, 202)


@dataclass
class Client:
    """`accepted`, `refused`: operation id -> what was asked for, and how it was answered."""

    url: str
    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    sent_again: int = 0
    _orders: dict[str, tuple[str, str, Row | None]] = field(default_factory=dict, repr=False)
    _token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._http = httpx2.AsyncClient(base_url=f"{self.url}/api/v1", timeout=8)

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def set_up(self, setup_token: str) -> None:
        body = {"setup_token": setup_token, "username": USERNAME, "password": PASSWORD}
        answer = await self._persist("POST", "/setup", json=body)
        if answer.status_code != 201:
            raise NotTakenError(answer.text)
        self._keep_session(answer)

    async def sign_in(self, username: str, password: str) -> None:
        answer = await self._persist("POST", "/session", json={"username": username, "password": password})
        if answer.status_code != 201:
            raise NotTakenError(answer.text)
        self._keep_session(answer)

    def _keep_session(self, answer: httpx2.Response) -> None:
        self._token = answer.cookies["proximity_session"]
        self._http.cookies.clear()

    async def get(self, path: str) -> Row | None:
        """None: there is no such thing."""
        answer = await self._persist("GET", path)
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            raise NotTakenError(f"GET {path}: {answer.text}")
        return dict(answer.json())

    async def order(self, method: str, path: str, body: Row | None = None, *, hasty: bool = False) -> Answer:
        """A command. `hasty`: sent twice at once, as by somebody who clicks twice in a bad net."""
        key = str(uuid4())
        self.sent += 1
        self._orders[key] = method, path, body
        wanted = [self._persist(method, path, json=body, headers={"Idempotency-Key": key}) for _ in range(1 + hasty)]
        answers = [Answer(answer.status_code, answer.json()) for answer in await asyncio.gather(*wanted)]
        self._note(key, f"{method} {path}", answers)
        return answers[0]

    async def ended(self, operation_id: str) -> Row:
        """The operation, once it is over. Raises NotTakenError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        row: Row | None = None
        while loop.time() < until:
            # the log knows of it before the read model does
            row = await self.get(f"/operations/{operation_id}")
            if row is not None and row["status"] in ENDED:
                return row
            await asyncio.sleep(0.1)
        raise NotTakenError(f"operation {operation_id} has not ended within {PATIENCE:.0f} s: {row}")

    async def repeat(self, operation_id: str) -> None:
        """The same request with the same key, long after: it must not be done again."""
        method, path, body = self._orders[operation_id]
        answer = await self._persist(method, path, json=body, headers={"Idempotency-Key": operation_id})
        self._note(operation_id, f"{method} {path} again", [Answer(answer.status_code, answer.json())])

    def _note(self, key: str, asked: str, answers: list[Answer]) -> None:
        first = answers[0]
        if any(answer.accepted != first.accepted for answer in answers):
            raise NotTakenError(f"{asked} was accepted and refused: {answers}")
        if first.accepted:
            if any(answer.body["operation_id"] != key for answer in answers):
                raise NotTakenError(f"{asked} with the key {key} became another operation: {answers}")
            self.accepted[key] = asked
        else:
            self.refused[key] = f"{asked}: {first.status} {first.body.get('code')}"

    async def _persist(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        """The first answer that is one: neither a broken connection nor a 5xx. Raises NotTakenError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        headers = self.headers | rest.pop("headers", {})
        trouble = ""
        while loop.time() < until:
            try:
                answer = await self._http.request(method, path, headers=headers, **rest)
            except httpx2.TransportError as error:
                trouble = repr(error)
            else:
                if answer.status_code < 500:
                    return answer
                trouble = answer.text
            self.sent_again += 1
            await asyncio.sleep(AGAIN_AFTER * random.uniform(0.5, 1.5))
        raise NotTakenError(f"{method} {path}: not within {PATIENCE:.0f} s, at last {trouble}")
