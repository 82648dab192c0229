"""Who is signed in: opaque random tokens, of which only the hash is stored (bucket `sessions`).

A session ends by signing out, after `idle` seconds without a request and `absolute` seconds after it began. Replicas
share the bucket; each trusts what it has read for a few seconds, so that a busy session costs no request of its own.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from proximity.domain.identity.identity import Role
from proximity.messaging.buckets import Bucket

CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person. `session`: the hash of the token."""

    user_id: str
    username: str
    role: Role
    session: str


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    began: float
    seen: float
    revision: int
    read_at: float


class Sessions:
    """`clock`: Unix seconds, the same for all replicas whatever time their machines believe it is."""

    def __init__(self, bucket: Bucket, idle: float, absolute: float, cache: float, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._idle = idle
        self._absolute = absolute
        self._cache = cache
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def open(self, user_id: str, username: str, role: Role) -> str:
        """The new session's token; it exists nowhere else."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        principal = Principal(user_id, username, role, hash_of(token))
        revision = await self._bucket.put(principal.session, _record(principal, now, now))
        # in a cluster of NATS servers the one that is asked next may not have it yet
        self._remember(_Known(principal, now, now, revision, now))
        return token

    async def find(self, token: str) -> Principal | None:
        key = hash_of(token)
        known = await self._look_up(key)
        if known is None:
            return None
        await self._touch(key, known)
        return known.principal

    async def lives(self, principal: Principal) -> bool:
        """Does not count as a request of the person: a stream keeps nobody signed in."""
        return await self._look_up(principal.session) is not None

    async def end(self, principal: Principal) -> None:
        await self._end(principal.session)

    async def drop(self, token: str) -> None:
        """One that nobody was told of."""
        await self._end(hash_of(token))

    async def end_others(self, principal: Principal) -> list[str]:
        """All of the person's but this one. Returns their hashes; other replicas notice within seconds."""
        entries = await self._bucket.entries()
        theirs = [key for key, entry in entries.items() if orjson.loads(entry.value)["user_id"] == principal.user_id]
        others = [key for key in theirs if key != principal.session]
        for key in others:
            await self._end(key)
        return others

    async def _end(self, key: str) -> None:
        self._known.pop(key, None)
        await self._bucket.delete(key)

    async def _look_up(self, key: str) -> _Known | None:
        known = self._known.get(key)
        if known is None or self._clock() - known.read_at > self._cache:
            return await self._read(key)
        return known

    async def _read(self, key: str) -> _Known | None:
        self._known.pop(key, None)
        entry = await self._bucket.get(key)
        if entry is None:
            return None
        value = orjson.loads(entry.value)
        now = self._clock()
        if now > value["began"] + self._absolute or now > value["seen"] + self._idle:
            return None
        principal = Principal(value["user_id"], value["username"], value["role"], key)
        return self._remember(_Known(principal, value["began"], value["seen"], entry.revision, now))

    def _remember(self, known: _Known) -> _Known:
        self._known[known.principal.session] = known
        while len(self._known) > CACHED:
            self._known.popitem(last=False)
        return known

    async def _touch(self, key: str, known: _Known) -> None:
        """Notes now and then that the session is used. By revision: a session that was ended meanwhile stays ended."""
        now = self._clock()
        if now - known.seen < self._idle / 20:
            return
        await self._bucket.update(key, _record(known.principal, known.began, now), known.revision)
        self._known.pop(key, None)


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _record(principal: Principal, began: float, seen: float) -> bytes:
    record: dict[str, Any] = {
        "user_id": principal.user_id,
        "username": principal.username,
        "role": principal.role,
        "began": began,
        "seen": seen,
    }
    return orjson.dumps(record)
