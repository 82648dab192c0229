"""A service's connection to the log in memory: what of nats-py's client the services use."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
from nats.aio.msg import Msg

from proximity.messaging import subjects
from sweep.log import Delivery, Headers, Log
from sweep.points import Fault, Gate, Kind

TRAVEL = 0.0005  # seconds, to the server
_DIRECT = subjects.direct_get("")
_INFO = subjects.stream_info("")
_EVENTS = subjects.ALL_EVENTS.removesuffix(">")
Heard = Callable[[Msg], Awaitable[None]]


class Line:
    """`gate` None: nothing ever goes wrong on it, and it takes no time."""

    is_connected = True
    is_closed = False
    is_draining = False

    def __init__(self, log: Log, gate: Gate | None = None) -> None:
        self._log = log
        self._gate = gate
        self._inboxes: dict[str, Heard] = {}
        self._numbers = itertools.count()

    def new_inbox(self) -> str:
        return f"_INBOX.{next(self._numbers)}"

    async def subscribe(self, inbox: str, cb: Heard) -> "_Subscription":
        self._inboxes[inbox] = cb
        return _Subscription(self._inboxes, inbox)

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        if subject.startswith(_DIRECT):
            answers = await self._call("read", subject, lambda: self._direct(subject, payload))
            for answer in answers or ():
                await self._inboxes[reply](answer)
        else:
            await self._call("write", subject, lambda: self._log.publish(subject, headers or {}, payload))

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - as nats-py has it
        headers: Headers | None = None,
    ) -> Msg:
        found: Msg | None
        try:
            async with asyncio.timeout(timeout):
                if subject.startswith(_DIRECT):
                    answers = await self._call("read", subject, lambda: self._direct(subject, payload))
                    found = answers[0] if answers else None
                elif subject.startswith(_INFO):
                    name = subject.removeprefix(_INFO)
                    found = await self._call("read", subject, lambda: self._message(self._log.info(name, payload)))
                else:
                    found = await self._call("write", subject, lambda: self._stored(subject, headers or {}, payload))
                if found is None:
                    await asyncio.get_running_loop().create_future()
                assert found is not None
                return found
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    async def acknowledge(self, delivery: Delivery, delay: float | None = None) -> None:
        """`delay`: handed back, to be delivered again after that many seconds."""

        def settle() -> bool:
            if delay is None:
                delivery.consumer.ack(delivery)
            else:
                delivery.until = asyncio.get_running_loop().time() + delay
            for tell in self._log.heard:
                tell()
            return True

        await self._call("write", f"ack {delivery.consumer.name}", settle)

    def _direct(self, subject: str, payload: bytes) -> list[Msg]:
        stream, request = subject.removeprefix(_DIRECT), json.loads(payload)
        return [self._message(data, headers) for headers, data in self._log.direct(stream, request)]

    def _stored(self, subject: str, headers: Headers, payload: bytes) -> Msg:
        acknowledged = self._log.publish(subject, headers, payload)
        return self._message(b"" if acknowledged is None else acknowledged)

    def _message(self, body: Any, headers: Headers | None = None) -> Msg:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Msg(self, "", "", data, headers)  # type: ignore[arg-type]  # what answers is never asked of it

    async def _call(self, kind: Kind, subject: str, act: Callable[[], Any]) -> Any:
        """None: there is no answer."""
        if self._gate is None:
            return act()
        gate, loop = self._gate, asyncio.get_running_loop()
        if kind == "write" and not subject.startswith(_EVENTS):
            kind = "hint"
        fault = await gate.arrive(kind, _short(subject), TRAVEL)
        match fault:
            case Fault("away" | "stored, away", seconds):
                gate.away_until = loop.time() + seconds
            case Fault("dies after"):
                act()
                gate.die()
        if fault is not None and fault.mode in ("stored", "stored, away"):
            act()
        elif fault is None and loop.time() >= gate.away_until:
            answer = act()
            await gate.leave()
            return answer
        return None


class _Subscription:
    def __init__(self, inboxes: dict[str, Heard], inbox: str) -> None:
        self._inboxes = inboxes
        self._inbox = inbox

    async def unsubscribe(self) -> None:
        self._inboxes.pop(self._inbox, None)


def _short(subject: str) -> str:
    return subject.removeprefix("proximity.").removeprefix("$JS.API.")
