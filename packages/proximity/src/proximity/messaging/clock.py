"""The server's time, so that replicas with wrong clocks agree."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import nats.errors
from nats.aio.client import Client

from proximity.messaging import subjects


class ServerClock:
    """JetStream's time, carried forward by the local monotonic clock; the wall clock is never asked."""

    def __init__(self, nc: Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._nc = nc
        self._monotonic = monotonic
        self._seen: datetime | None = None
        self._at = 0.0

    async def refresh(self) -> None:
        """Raises TimeoutError."""
        sent = self._monotonic()
        try:
            reply = await self._nc.request(subjects.stream_info(subjects.EVENTS), b"", timeout=5)
        except nats.errors.Error as error:
            raise TimeoutError(f"the server's clock does not answer: {error!r}") from error
        received = self._monotonic()
        self._seen = datetime.fromisoformat(json.loads(reply.data)["ts"])
        self._at = (sent + received) / 2

    async def refresh_if_older(self, age: timedelta) -> None:
        if self._seen is None or self._monotonic() - self._at > age.total_seconds():
            await self.refresh()

    def now(self) -> datetime:
        """UTC. Raises RuntimeError when it was never refreshed."""
        if self._seen is None:
            raise RuntimeError("the server's clock has not been read yet")
        return (self._seen + timedelta(seconds=self._monotonic() - self._at)).astimezone(UTC)
