"""Follows the log, once for the whole service: what is in flight, and what the log says of applications and guests."""

import asyncio

from proximity.messaging.event_store import EventStore
from proximity_reconciler.knowledge import Knowledge
from proximity_reconciler.operations import Operations

CATEGORIES = ("application", "cluster", "guest")
PAGE = 2000


class Follower:
    """`position`: up to where the log is known; `caught_up`: the whole log was read once."""

    def __init__(self, store: EventStore, installation_id: str) -> None:
        self.operations = Operations()
        self.knowledge = Knowledge(installation_id)
        self.position = 0
        self.caught_up = asyncio.Event()
        self._store = store
        self._reading = asyncio.Lock()

    async def follow(self) -> None:
        """To the log's end. Raises TimeoutError."""
        async with self._reading:
            while events := await self._store.read(self.position, PAGE, CATEGORIES):
                for event in events:
                    self.operations.apply(event)
                    self.knowledge.apply(event)
                self.position = events[-1].position
            self.caught_up.set()
