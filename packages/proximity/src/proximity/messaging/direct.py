"""Direct Get: reading a stream without a consumer (NATS ADR-31). An atomic batch is seen whole or not at all."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from proximity.messaging import subjects

PAGE = 1000


class Line(Protocol):
    """What of a Bus is needed here."""

    @property
    def nc(self) -> Client: ...

    def answer_in_time(self) -> AbstractAsyncContextManager[None]:
        """Raises TimeoutError in what it surrounds when there is no answer, or can be none any more."""


class ReadError(Exception):
    """The server refused the request: a mistake of ours."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    subject: str
    sequence: int
    stored_at: datetime
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """`pending`: how many more match after the last one."""

    messages: list[StoredMessage]
    pending: int


async def page(line: Line, stream: str, subject: str, first: int, limit: int = PAGE) -> Page:
    """Up to `limit` messages of the subject (wildcards allowed) from sequence `first` on. Raises TimeoutError."""
    return await _request(line, stream, {"seq": max(first, 1), "next_by_subj": subject, "batch": limit})


async def all_of(line: Line, stream: str, subject: str, after: int = 0) -> list[StoredMessage]:
    """Every message of the subject with a sequence above `after`. Raises TimeoutError."""
    messages: list[StoredMessage] = []
    while True:
        found = await page(line, stream, subject, after + 1)
        messages += found.messages
        if not found.pending:
            return messages
        after = found.messages[-1].sequence


async def last(line: Line, stream: str, subject: str) -> StoredMessage | None:
    """The last message of that very subject. Raises TimeoutError."""
    body = json.dumps({"last_by_subj": subject}).encode()
    try:
        async with line.answer_in_time():
            reply = await line.nc.request(subjects.direct_get(stream), body, timeout=60)
    except nats.errors.Error as error:
        raise TimeoutError(f"nobody answers for stream {stream}: {error!r}") from error
    headers = reply.headers or {}
    match headers.get("Status"):
        case None:
            return _stored(headers, reply.data)
        case "404":
            return None
        case status:
            raise ReadError(f"Direct Get of {stream}: {status} {headers.get('Description', '')}")


async def _request(line: Line, stream: str, request: dict[str, Any]) -> Page:
    answer = _Answer(stream)
    inbox = line.nc.new_inbox()
    try:
        replies = await line.nc.subscribe(inbox, cb=answer.heard)
        try:
            await line.nc.publish(subjects.direct_get(stream), json.dumps(request).encode(), reply=inbox)
            async with line.answer_in_time():
                return await answer.page
        finally:
            if not line.nc.is_closed and not line.nc.is_draining:
                await replies.unsubscribe()
    except nats.errors.Error as error:
        raise TimeoutError(f"nobody answers for stream {stream}: {error!r}") from error


class _Answer:
    """Collects the messages of one request. A callback costs a quarter of what awaiting each message does."""

    def __init__(self, stream: str) -> None:
        self.page: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self._stream = stream
        self._messages: list[StoredMessage] = []

    async def heard(self, reply: Msg) -> None:
        headers = reply.headers or {}
        status = headers.get("Status")
        if status is None:
            self._messages.append(_stored(headers, reply.data))
        elif self.page.done():
            return
        elif status in ("204", "404"):
            self.page.set_result(Page(self._messages, int(headers.get("Nats-Num-Pending", 0))))
        elif status == "503":
            self.page.set_exception(TimeoutError(f"nobody answers for stream {self._stream}"))
        else:
            reason = f"{status} {headers.get('Description', '')}"
            self.page.set_exception(ReadError(f"Direct Get of {self._stream}: {reason}"))


def _stored(headers: dict[str, str], data: bytes) -> StoredMessage:
    at = datetime.fromisoformat(headers["Nats-Time-Stamp"])
    return StoredMessage(headers["Nats-Subject"], int(headers["Nats-Sequence"]), at, headers, data)
