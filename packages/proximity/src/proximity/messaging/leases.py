"""Who lives, and who has what: keys that vanish 10 s after their holder wrote them last.

A holder that could not renew for 7 s by its own clock takes itself for dead: it stops before anybody takes over.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from proximity.messaging.buckets import Bucket

log = structlog.get_logger(__name__)

RENEW_EVERY = 3.0
DEAD_AFTER = 7.0
RETRY_AFTER = 0.5
_RUNNERS = "runner"
_SLOTS = "slot"

Monotonic = Callable[[], float]


class _Hold:
    """One key, written by nobody else as long as it is there."""

    def __init__(self, bucket: Bucket, key: str, value: bytes, revision: int, since: float) -> None:
        self._bucket = bucket
        self.key = key
        self._value = value
        self._revision = revision
        self.renewed = since

    async def renew(self, now: float) -> bool:
        """False: it is gone for good. Raises TimeoutError, after which it may or may not be renewed."""
        revision = await self._bucket.update(self.key, self._value, self._revision)
        if revision is None:
            # an earlier renewal without answer may have been stored: then the key still says what we wrote
            entry = await self._bucket.get(self.key)
            if entry is None or entry.value != self._value:
                return False
            revision = await self._bucket.update(self.key, self._value, entry.revision)
            if revision is None:
                return False
        self._revision = revision
        self.renewed = now
        return True


class Lease:
    """That this replica lives, under its incarnation id. A lost lease never comes back: a new incarnation is needed."""

    def __init__(self, bucket: Bucket, incarnation_id: str, monotonic: Monotonic = time.monotonic) -> None:
        self.incarnation_id = incarnation_id
        self.lost = asyncio.Event()
        self._bucket = bucket
        self._monotonic = monotonic
        self._hold: _Hold | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether effects may be begun: not lost, and renewed within the last 7 s."""
        return (
            self._hold is not None and not self.lost.is_set() and self._monotonic() - self._hold.renewed <= DEAD_AFTER
        )

    async def start(self) -> None:
        """Raises TimeoutError; RuntimeError if the incarnation id is in use."""
        key, value, now = f"{_RUNNERS}.{self.incarnation_id}", self.incarnation_id.encode(), self._monotonic()
        revision = await self._bucket.create(key, value)
        if revision is None:
            raise RuntimeError(f"the incarnation {self.incarnation_id} is in use")
        self._hold = _Hold(self._bucket, key, value, revision, now)
        self._task = asyncio.create_task(self._renew(self._hold))

    async def stop(self) -> None:
        """Gives it up, so that others need not wait for it to vanish."""
        if self._task is None or self._hold is None:
            return
        held = not self.lost.is_set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if held:
            with contextlib.suppress(TimeoutError):
                await self._bucket.delete(self._hold.key)

    async def _renew(self, hold: _Hold) -> None:
        pause = RENEW_EVERY
        try:
            while not self.lost.is_set():
                await asyncio.sleep(pause)
                try:
                    if not await hold.renew(self._monotonic()):
                        log.error("the lease is lost", incarnation=self.incarnation_id)
                        self.lost.set()
                    pause = RENEW_EVERY
                except TimeoutError:
                    pause = RETRY_AFTER
        finally:
            # whatever ended the renewals: nobody keeps it any more
            self.lost.set()


async def living(bucket: Bucket) -> set[str]:
    """The incarnation ids of all replicas that live. Raises TimeoutError."""
    return {key.removeprefix(f"{_RUNNERS}.") for key in await bucket.entries(_RUNNERS)}


class Slots:
    """Soft limits shared by all replicas: at most `limit` holders of a scope. With limit 1 it is a lock with a lease.

    Soft, because a holder that was frozen for 10 s may go on beside its successor: nothing but load may depend on it.
    What is held is renewed between `start` and `stop`.
    """

    def __init__(self, bucket: Bucket, monotonic: Monotonic = time.monotonic) -> None:
        self._bucket = bucket
        self._monotonic = monotonic
        self._held: dict[tuple[str, str], _Hold] = {}
        self._task: asyncio.Task[None] | None = None

    async def acquire(self, scope: str, holder: str, limit: int) -> bool:
        """True also when it holds one already. Raises TimeoutError."""
        if self.holds(scope, holder):
            return True
        taken = await self._bucket.entries(f"{_SLOTS}.{scope}")
        for number in range(limit):
            key = f"{_SLOTS}.{scope}.{number}"
            if key in taken:
                continue
            now = self._monotonic()
            if revision := await self._bucket.create(key, holder.encode()):
                self._held[scope, holder] = _Hold(self._bucket, key, holder.encode(), revision, now)
                return True
        return False

    def holds(self, scope: str, holder: str) -> bool:
        """Whether it holds one, as far as it can know: renewed within the last 7 s."""
        hold = self._held.get((scope, holder))
        return hold is not None and self._monotonic() - hold.renewed <= DEAD_AFTER

    async def release(self, scope: str, holder: str) -> None:
        """Raises TimeoutError, after which it vanishes by itself."""
        if (hold := self._held.pop((scope, holder), None)) and self._monotonic() - hold.renewed <= DEAD_AFTER:
            await self._bucket.delete(hold.key)

    async def renew(self) -> None:
        """Renews what is held and forgets what is lost. Raises TimeoutError."""
        for key, hold in list(self._held.items()):
            if not await hold.renew(self._monotonic()):
                self._held.pop(key, None)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._renew_all())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            for scope, holder in list(self._held):
                await self.release(scope, holder)

    async def _renew_all(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            with contextlib.suppress(TimeoutError):
                await self.renew()
