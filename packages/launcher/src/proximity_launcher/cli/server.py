"""The HTTP interface as the command line sees it: rows in, sentences out of what went wrong, and the live stream."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import httpx2

from proximity_launcher.cli import session
from proximity_launcher.failure import Exit, Failure

Row = dict[str, Any]

_STATUS = {401: Exit.NOT_AUTHORISED, 403: Exit.NOT_AUTHORISED, 404: Exit.NOT_FOUND, 409: Exit.CONFLICT}
_ATTEMPTS = 4
# the server says something at least this often, if only that it is there
_SILENCE = 45.0


class Server:
    """One server, with this person's session there. Every write may be sent twice: its key makes it one operation."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx2.Client(
            base_url=f"{self.url}/api/v1",
            cookies=session.load(self.url),
            headers={"X-Proximity-CSRF": "1", "Origin": self.url, "Accept": "application/json"},
            timeout=httpx2.Timeout(30.0, connect=5.0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, params=query)

    def post(self, path: str, body: Row | None = None) -> Any:
        return self._send("POST", path, json=body or {}, headers={"Idempotency-Key": str(uuid4())})

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, headers={"Idempotency-Key": str(uuid4())})

    def all(self, path: str, **query: Any) -> list[Row]:
        """Every page of a list."""
        items: list[Row] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page.get("next")
            if not cursor:
                return items

    def drop_session(self) -> None:
        """For this connection: who signs in again does so as a stranger."""
        self._client.cookies.clear()

    def keep_session(self) -> None:
        session.save(self.url, dict(self._client.cookies.items()))

    def forget_session(self) -> None:
        session.save(self.url, {})

    def is_alive(self) -> bool:
        try:
            return self._client.get(f"{self.url}/readyz", timeout=5.0).is_success
        except httpx2.TransportError:
            return False

    @contextmanager
    def stream(self, path: str, last_id: str | None = None, **query: Any) -> Iterator[Iterator["Frame"]]:
        """The frames of a stream, from after `last_id`. A lost connection is an httpx2.TransportError."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx2.Timeout(10.0, read=_SILENCE)
        with self._client.stream("GET", path, headers=headers, params=query, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise _failure(answer)
            yield frames(answer.iter_lines())

    def _send(self, method: str, path: str, **rest: Any) -> Any:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._client.request(method, path, **rest)
            except httpx2.TransportError as error:
                if attempt == _ATTEMPTS or isinstance(error, httpx2.ConnectError):
                    raise unreachable(self.url) from error
            else:
                if answer.status_code == 503 and attempt < _ATTEMPTS:
                    time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5))
                    continue
                if not answer.is_success:
                    raise _failure(answer)
                return answer.json() if answer.content else None
            time.sleep(0.2 * attempt)
        raise unreachable(self.url)


@dataclass(frozen=True)
class Frame:
    """One server-sent event; `event` is HEARTBEAT for the comments by which the server shows that it is there."""

    event: str = "message"
    id: str = ""
    data: str = ""


HEARTBEAT = Frame("heartbeat")


def frames(lines: Iterable[str]) -> Iterator[Frame]:
    """Own parser, because a heartbeat must be seen: that is when a follower looks at the clock."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if fields:
                yield Frame(fields.get("event", "message"), fields.get("id", ""), fields.get("data", ""))
            fields = {}
        elif line.startswith(":"):
            yield HEARTBEAT
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value


def unreachable(url: str) -> Failure:
    return Failure(
        f"Proximity does not answer at {url}. Start it with `make up`, or say where it is: --url or PROXIMITY_URL.",
        code="unreachable",
        status=Exit.UNREACHABLE,
    )


def _failure(answer: httpx2.Response) -> Failure:
    status = _STATUS.get(answer.status_code, Exit.FAILED)
    try:
        problem = answer.json()
        code, detail = problem["code"], problem["detail"]
    except (ValueError, KeyError, TypeError):
        return Failure(f"The server answered {answer.status_code}.", code="unexpected_answer", status=status)
    fields = [f"{wrong['field']}: {wrong['message']}" for wrong in problem.get("errors") or ()]
    message = " ".join(fields) or detail
    if code == "not_signed_in":
        message = "You are not signed in. Run `proximity login`, or `proximity setup` on a new installation."
    return Failure(message, code=code, status=status)
