"""Key-value buckets (NATS ADR-8), read by Direct Get: a service needs rights on its own keys only, none on streams."""

import asyncio
import json
from dataclasses import dataclass

from proximity.domain.model import Json
from proximity.messaging import direct, subjects
from proximity.messaging.connection import Bus
from proximity.messaging.publishing import NotStoredError, Outgoing, publish

_OPERATION = "KV-Operation"
# seconds that a server of a cluster may be behind one that acknowledged
BEHIND = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    value: bytes
    revision: int


class Bucket:
    """Each method raises TimeoutError when NATS does not answer, and RefusedError."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name

    async def get(self, key: str) -> Entry | None:
        entry = await self._last(key)
        return None if entry is None or _OPERATION in entry.headers else Entry(entry.data, entry.sequence)

    async def value(self, key: str) -> bytes | None:
        entry = await self.get(key)
        return entry.value if entry else None

    async def entries(self, prefix: str = "") -> dict[str, Entry]:
        """All whose key begins with the tokens `prefix`. One that is written meanwhile is there, as it was or is."""
        pattern = subjects.bucket_keys(self._name, prefix)
        found = await direct.all_of(self._bus, subjects.bucket_stream(self._name), pattern)
        start = len(subjects.bucket_keys(self._name)) - 1
        return {m.subject[start:]: Entry(m.data, m.sequence) for m in found if _OPERATION not in m.headers}

    async def create(self, key: str, value: bytes) -> int | None:
        """The revision; None if the key is there already."""
        if revision := await self.update(key, value, 0):
            return revision
        entry = await self._last(key)
        if entry is not None and _OPERATION in entry.headers:
            return await self.update(key, value, entry.sequence)
        return None

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """The new revision; None if the key has not that revision any more (0: is there)."""
        try:
            return (await publish(self._bus, [self._outgoing(key, value, revision)])).sequence
        except NotStoredError:
            return None

    async def put(self, key: str, value: bytes) -> int:
        return (await publish(self._bus, [self._outgoing(key, value)])).sequence

    async def delete(self, key: str) -> None:
        subject = subjects.bucket_key(self._name, key)
        await publish(self._bus, [Outgoing(subject, {_OPERATION: "DEL"}, b"")])

    def _outgoing(self, key: str, value: bytes, revision: int | None = None) -> Outgoing:
        return Outgoing(subjects.bucket_key(self._name, key), {}, value, revision)

    async def _last(self, key: str) -> direct.StoredMessage | None:
        subject = subjects.bucket_key(self._name, key)
        return await direct.last(self._bus, subjects.bucket_stream(self._name), subject)


class WriteOnce(Bucket):
    """What names a value comes after it: whoever does not have a value yet is a server that is behind the others."""

    async def value(self, key: str) -> bytes | None:
        deadline = asyncio.get_running_loop().time() + BEHIND
        while True:
            value = await super().value(key)
            if value is not None or asyncio.get_running_loop().time() > deadline:
                return value
            await asyncio.sleep(0.1)


class Documents:
    """A bucket of JSON objects. Raises as Bucket does."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def get(self, key: str) -> Json | None:
        value = await self._bucket.value(key)
        found: Json | None = json.loads(value) if value is not None else None
        return found

    async def put(self, key: str, document: Json) -> None:
        await self._bucket.put(key, json.dumps(document).encode())

    async def replace(self, key: str, known: Json, document: Json) -> bool:
        """False if it is not `known` any more."""
        entry = await self._bucket.get(key)
        if entry is None or json.loads(entry.value) != known:
            return False
        return await self._bucket.update(key, json.dumps(document).encode(), entry.revision) is not None

    async def create(self, key: str, document: Json) -> bool:
        """False if the key is there already."""
        return await self._bucket.create(key, json.dumps(document).encode()) is not None

    async def delete(self, key: str) -> None:
        await self._bucket.delete(key)


def vault(bus: Bus) -> Bucket:
    """Sealed values for `proximity.vault`: write-once, whatever its user may publish."""
    return WriteOnce(bus, subjects.VAULT)


def credentials(bus: Bus) -> Documents:
    """Password hashes and the like, by user id."""
    return Documents(Bucket(bus, subjects.CREDENTIALS))


def sessions(bus: Bus) -> Documents:
    """Sessions by the hash of their token. Each is gone 12 h after it was last put."""
    return Documents(Bucket(bus, subjects.SESSIONS))


def leases(bus: Bus) -> Bucket:
    """Keys are gone 10 s after they were last written."""
    return Bucket(bus, subjects.LEASES)
