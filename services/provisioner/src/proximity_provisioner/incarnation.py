"""Who acts: this process, as long as its lease lives. A process that lost its lease comes back as somebody else."""

import asyncio
from uuid import uuid4

import structlog

from proximity.messaging.buckets import Bucket
from proximity.messaging.leases import Lease, living

log = structlog.get_logger(__name__)

RETRY = 0.5  # seconds


class LeaseLostError(Exception):
    """Somebody else may be taking over what this incarnation announced: nothing is called in its name any more."""


class Incarnation:
    """Holds the present lease and puts a new one, under a new name, in its place when it is lost."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lease = Lease(bucket, str(uuid4()))

    @property
    def name(self) -> str:
        return self._lease.incarnation_id

    @property
    def alive(self) -> bool:
        return self._lease.alive

    def must_live(self, name: str) -> None:
        """To be asked between announcing a call and sending it."""
        if name != self.name or not self.alive:
            raise LeaseLostError(f"the incarnation {name} is not alive any more")

    async def living(self) -> set[str]:
        """All incarnations that live, this one included. Raises TimeoutError."""
        return await living(self._bucket) | {self.name}

    async def start(self) -> None:
        """Raises TimeoutError."""
        await self._lease.start()
        log.info("the lease is taken", incarnation=self.name)

    async def keep(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await self._lease.lost.wait()
            self._lease = Lease(self._bucket, str(uuid4()))
            await self._start_again()

    async def _start_again(self) -> None:
        while True:
            try:
                return await self.start()
            except TimeoutError:
                await asyncio.sleep(RETRY)

    async def stop(self) -> None:
        await self._lease.stop()
