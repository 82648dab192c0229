"""Making an installation again from a backup, in a place where there is none.

The log comes last, and every stream carries the mark of the restore until all of it is there: what was broken off looks
like nothing else, no service works on it, and the same restore run again goes on with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nats.js.api import StreamInfo
from nats.js.errors import APIError

from proximity.backup.archive import ArchiveError, Manifest, Reader
from proximity.backup.taking import COMMANDS, CREDENTIALS, KEY, LOG, VAULT
from proximity.domain.settings.settings import restored
from proximity.messaging import bootstrap, snapshots, subjects
from proximity.messaging.aggregates import INSTALLATION, SETTINGS
from proximity.messaging.connection import Bus, NotPreparedError, RefusedError, open_connection
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import ADMIN
from proximity.messaging.publishing import UnavailableError
from proximity.messaging.streams import BUCKETS, RESTORING, STREAMS
from proximity.vault.key import KeyFileError, fingerprint, read_key, write_key

_FILLED = {
    subjects.bucket_stream(subjects.VAULT): VAULT,
    subjects.bucket_stream(subjects.CREDENTIALS): CREDENTIALS,
    subjects.COMMANDS: COMMANDS,
}
_CONFIGS = {config.name: config for config in (*STREAMS, *BUCKETS)}


class NotEmptyError(Exception):
    """There is an installation already, or a part of one that is not of this backup."""


class WrongKeyError(Exception):
    """The vault's key is not there, or not the one that the backup's secrets were sealed with."""


FAILURES = (
    ArchiveError,
    WrongKeyError,
    KeyFileError,
    NotEmptyError,
    NotPreparedError,
    RefusedError,
    bootstrap.TooFewServersError,
    snapshots.SnapshotError,
    UnavailableError,
    TimeoutError,
    APIError,
)
"""What `back_up` and `restore` raise, in words for a person."""


@dataclass(frozen=True)
class Restored:
    """`position`: of the last event before the one that tells of the restore."""

    manifest: Manifest
    position: int


async def restore(
    file: Path, url: str, user: str, password: str, key_file: Path, replicas: int | None = None
) -> Restored:
    """`key_file`: where the services read the vault's key; the backup's is put there if it holds one.

    Raises one of FAILURES.
    """
    archive = Reader(file)
    bus = await open_connection(url, ADMIN, user, password)
    try:
        held = await bootstrap.streams_held(bus)
        _must_be_empty(held, archive.manifest)
        _settle_key(archive, key_file)
        await _fill(bus, archive, held, replicas or 1)
        await bootstrap.settle(bus, subjects.EVENTS)
        await snapshots.cut_torn_batch(bus, subjects.EVENTS)
        position = await _tell(bus, archive.manifest)
        await bootstrap.make(bus, await bootstrap.streams_held(bus), replicas)
        return Restored(archive.manifest, position)
    finally:
        await bus.close()


def _settle_key(archive: Reader, key_file: Path) -> None:
    """Of a key that is there nothing is known to be sealed with it: it is kept beside the one that is needed."""
    manifest = archive.manifest
    there = fingerprint(read_key(key_file)) if key_file.exists() else None
    if there is not None and there == (manifest.key_fingerprint or there):
        return
    if not manifest.holds_key:
        what = f"the key at {key_file} is not the one that its secrets were sealed with" if there else "it is needed"
        raise WrongKeyError(f"the backup does not hold the vault's key, and {what}: put the right one there")
    if there:
        key_file.rename(key_file.with_name(f"{key_file.name}.{there[:8]}"))
    write_key(key_file, archive.member(KEY))


def _must_be_empty(held: Mapping[str, StreamInfo], manifest: Manifest) -> None:
    """Nothing is there, or what an earlier run of this restore left."""
    marks = {(info.config.metadata or {}).get(RESTORING) for info in held.values()} - {None}
    if held and marks != {manifest.backup_id}:
        what = "a restore of another backup was broken off here" if marks else "there is an installation already"
        raise NotEmptyError(f"{what} ({', '.join(sorted(held))}): a backup is restored into an empty one only")


async def _fill(bus: Bus, archive: Reader, held: Mapping[str, StreamInfo], copies: int) -> None:
    manifest = archive.manifest
    for stream, member in _FILLED.items():
        if stream not in held or RESTORING in (held[stream].config.metadata or {}):
            kept = json.loads(archive.member(member))
            await snapshots.fill(bus, _CONFIGS[stream], kept, copies, manifest.backup_id)
    if subjects.EVENTS not in held:
        log = snapshots.Described(manifest.config, manifest.state)
        await snapshots.put_back(bus, log, archive.members(LOG), copies, manifest.backup_id)


async def _tell(bus: Bus, manifest: Manifest) -> int:
    """That it was restored is an event. Returns the position of the last one before it."""
    bus.installation_id = manifest.installation_id
    await bus.clock.refresh()
    store = EventStore(bus)
    loaded = await store.load(SETTINGS, INSTALLATION)
    position = await store.head()
    events = restored(manifest.backup_id, manifest.taken_at, position, loaded.state)
    origin = Origin(manifest.backup_id, manifest.backup_id, Actor("system", ADMIN), "restored from a backup")
    await store.append(SETTINGS, INSTALLATION, loaded, events, origin)
    return position
