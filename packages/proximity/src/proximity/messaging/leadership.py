"""One leader for each scope, and soon another when it dies: a key in the bucket of leases, written again each second.

Nobody waits for the key to vanish: whoever saw it unwritten for three seconds of its own clock takes it by
compare-and-set. A leader that could not write for two and a half seconds takes itself for deposed before that.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from proximity.messaging.buckets import Bucket, Entry

TEND_EVERY = 0.5
RENEW_EVERY = 1.0
DEPOSED_AFTER = 2.5
TAKEN_AFTER = 3.0
_PREFIX = "leader"
# of a scope whose leader resigned
_NOBODY = b""


@dataclass(frozen=True)
class _Seen:
    """The key as it is. `at`: by our clock; of a key of our own, when the write was sent."""

    revision: int
    at: float


class Leadership:
    """Soft as every lease is: one that was frozen may go on for a moment beside its successor. `me`: unique."""

    def __init__(self, bucket: Bucket, me: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._me = me.encode()
        self._monotonic = monotonic
        self._leads: dict[str, _Seen] = {}
        self._others: dict[str, _Seen] = {}
        self._succeeded: set[str] = set()

    def leads(self, scope: str) -> bool:
        mine = self._leads.get(scope)
        return mine is not None and self._monotonic() - mine.at <= DEPOSED_AFTER

    def succeeded(self, scope: str) -> bool:
        """Whether somebody led it until just before: not if nobody did as long as the bucket keeps a key."""
        return scope in self._succeeded

    async def tend(self, scopes: Set[str]) -> None:
        """Renews what it leads, takes what nobody leads. To be called each half second. Raises TimeoutError, after all
        were tried: a scope whose write is not answered keeps no other waiting.
        """
        entries = await self._bucket.entries(_PREFIX)
        tended = (self._tend(scope, entries.get(_key(scope))) for scope in scopes)
        for outcome in await asyncio.gather(*tended, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _tend(self, scope: str, entry: Entry | None) -> None:
        if scope in self._leads:
            await self._renew(scope, entry)
        else:
            await self._campaign(scope, entry)

    async def resign(self, scope: str) -> None:
        """So that nobody has to wait. Raises TimeoutError, after which it is found unwritten."""
        leads, mine = self.leads(scope), self._leads.pop(scope, None)
        if leads and mine:
            await self._bucket.update(_key(scope), _NOBODY, mine.revision)

    async def resign_all(self) -> None:
        with contextlib.suppress(TimeoutError):
            for scope in list(self._leads):
                await self.resign(scope)

    async def _renew(self, scope: str, entry: Entry | None) -> None:
        now, mine = self._monotonic(), self._leads[scope]
        if entry is None or entry.value != self._me:
            del self._leads[scope]
        elif now - mine.at >= RENEW_EVERY or entry.revision != mine.revision:
            # another revision of our own value: a write whose answer was lost
            await self._write(scope, entry.revision, now)

    async def _campaign(self, scope: str, entry: Entry | None) -> None:
        now, seen = self._monotonic(), self._others.get(scope)
        if entry is None:
            if revision := await self._bucket.create(_key(scope), self._me):
                self._leads[scope] = _Seen(revision, now)
                self._succeeded.discard(scope)
        elif entry.value == _NOBODY:
            await self._write(scope, entry.revision, now)
            self._succeeded.add(scope)
        elif seen is None or seen.revision != entry.revision:
            self._others[scope] = _Seen(entry.revision, now)
        elif now - seen.at >= TAKEN_AFTER:
            await self._write(scope, entry.revision, now)
            self._succeeded.add(scope)

    async def _write(self, scope: str, over: int, now: float) -> None:
        revision = await self._bucket.update(_key(scope), self._me, over)
        self._others.pop(scope, None)
        if revision is None:
            self._leads.pop(scope, None)
        else:
            self._leads[scope] = _Seen(revision, now)


def _key(scope: str) -> str:
    return f"{_PREFIX}.{scope}"
