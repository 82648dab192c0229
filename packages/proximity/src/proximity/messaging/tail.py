"""Following the log from a position on: a pull consumer of one's own, nothing to acknowledge.

Messages are asked for ahead, so the next ones arrive while the last ones are worked on. With a backlog, whole batches
are handed out; without one, each event as soon as it is stored.
"""

import asyncio
import json
from collections import deque
from types import TracebackType
from typing import Any
from uuid import uuid4

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import ValidationError

from proximity.messaging import subjects
from proximity.messaging.codec import UnknownTypeError
from proximity.messaging.connection import Bus
from proximity.messaging.delivery import recorded
from proximity.messaging.envelope import EnvelopeError, Recorded

# seconds
_HEARTBEAT = 2.0
_EXPIRES = 30.0
_UNUSED_FOR = 60.0


class TailLostError(Exception):
    """The server knows the consumer no longer, or nothing is heard of it: open another one from the last position."""


class Tail:
    """`async with Tail(bus, after=position) as tail: events = await tail.next(1000, within=1.0)`."""

    def __init__(self, bus: Bus, after: int, ahead: int = 2000) -> None:
        self._bus = bus
        self._after = after
        self._ahead = ahead
        self._name = f"tail-{uuid4().hex}"
        self._arrived: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._asked = 0
        self._delivered = 0
        self._heard = 0.0
        self._reconnects = 0
        self._inbox = ""
        self._replies: Subscription | None = None
        self._lost = ""
        # how many events were stored above the last one handed out, as far as it is known
        self.behind = 0

    async def __aenter__(self) -> "Tail":
        """Raises nats.js.errors.APIError, TimeoutError."""
        self._reconnects = self._bus.nc.stats["reconnects"]
        config = ConsumerConfig(
            name=self._name,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_UNUSED_FOR,
            mem_storage=True,
            num_replicas=1,
        )
        await self._bus.js.add_consumer(subjects.EVENTS, config)
        self._inbox = self._bus.nc.new_inbox()
        self._replies = await self._bus.nc.subscribe(self._inbox, cb=self._take)
        self._heard = asyncio.get_running_loop().time()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The server removes the consumer itself once it is not used any more."""
        if self._replies is not None and not self._bus.nc.is_closed:
            await self._replies.unsubscribe()

    async def next(self, limit: int, within: float) -> list[Recorded[Any]]:
        """The next events in order, at most `limit` (an atomic batch at the end is not cut); empty: none in time.

        Raises TailLostError; and UnknownTypeError, EnvelopeError, ValidationError once all before it is handed out.
        """
        events: list[Recorded[Any]] = []
        waited_enough = asyncio.get_running_loop().time() + within
        whole = True
        while True:
            behind = False
            while self._arrived and (len(events) < limit or not whole):
                try:
                    event, behind, whole = self._open(self._arrived[0])
                except (UnknownTypeError, EnvelopeError, ValidationError):
                    if events:
                        return events  # it comes again as the first one next time
                    raise
                self._arrived.popleft()
                events.append(event)
            if events and whole and (not behind or len(events) >= limit):
                return events
            await self._ask()
            if not await self._wait(waited_enough):
                if whole:
                    return events
                waited_enough += within

    def _open(self, message: Msg) -> tuple[Recorded[Any], bool, bool]:
        """The event; whether more is stored already; whether it is not in the middle of an atomic batch."""
        tokens = message.reply.rsplit(".", 4)
        if int(tokens[2]) != self._delivered + 1:
            raise TailLostError("a message is missing")
        event = recorded(message)
        self._delivered += 1
        self.behind = int(tokens[4])
        headers = message.headers or {}
        whole = "Nats-Batch-Id" not in headers or "Nats-Batch-Commit" in headers
        return event, self.behind > 0, whole

    async def _ask(self) -> None:
        """Keeps enough messages asked for, so that the server always may send."""
        if self._asked > self._ahead // 2 or len(self._arrived) > self._ahead:
            return
        request = {
            "batch": self._ahead,
            "expires": int(_EXPIRES * 1e9),
            "idle_heartbeat": int(_HEARTBEAT * 1e9),
        }
        self._asked += self._ahead
        pull = subjects.next_messages(subjects.EVENTS, self._name)
        await self._bus.nc.publish(pull, json.dumps(request).encode(), reply=self._inbox)

    async def _wait(self, until: float) -> bool:
        """False: nothing came until then. Raises TailLostError when nothing is to be expected any more."""
        if not self._arrived:
            self._news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                self._check()
                return False
        self._check()
        return True

    def _check(self) -> None:
        if self._bus.nc.stats["reconnects"] != self._reconnects:
            raise TailLostError("the connection was lost")
        if self._lost:
            raise TailLostError(self._lost)
        if asyncio.get_running_loop().time() - self._heard > 3 * _HEARTBEAT:
            raise TailLostError("nothing heard")

    async def _take(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        status = (message.headers or {}).get("Status")
        if status is None:
            self._asked -= 1
            self._arrived.append(message)
            self._news.set()
        elif status == "408":
            # a request ran out: what it had left will not come
            self._asked -= int((message.headers or {}).get("Nats-Pending-Messages", 0))
            self._news.set()
        elif status != "100":
            self._lost = f"{status} {(message.headers or {}).get('Description', '')}"
            self._news.set()
