"""Taking a backup of an installation that may be working.

The order makes it whole: commands first, because one that is decided meanwhile is recognised as handled; then the log;
then what it names (a secret is sealed, and a password's hash stored, before the event that tells of it).
"""

import json
from pathlib import Path
from uuid import uuid4

from proximity.backup.archive import Manifest, Writer
from proximity.messaging import snapshots, subjects
from proximity.messaging.connection import Bus, connect
from proximity.messaging.permissions import ADMIN
from proximity.vault.key import encoded, fingerprint, read_key

LOG, COMMANDS, VAULT, CREDENTIALS, KEY = "log/", "commands.json", "vault.json", "credentials.json", "vault.key"


async def back_up(
    file: Path, url: str, user: str, password: str, key_file: Path | None = None, *, with_key: bool = False
) -> Manifest:
    """`key_file`: the vault's key; it is noted which one it is. `with_key`: the key itself goes into the file, too.

    Raises one of restoring.FAILURES.
    """
    key = read_key(key_file) if key_file else None
    bus = await connect(url, ADMIN, user, password)
    try:
        with Writer(file) as archive:
            taken_at = bus.clock.now()
            await _add_messages(bus, archive, COMMANDS, subjects.COMMANDS)
            log = await _add_log(bus, archive)
            for name, bucket in ((VAULT, subjects.VAULT), (CREDENTIALS, subjects.CREDENTIALS)):
                await _add_messages(bus, archive, name, subjects.bucket_stream(bucket))
            if key and with_key:
                archive.add(KEY, encoded(key))
            manifest = Manifest(
                backup_id=str(uuid4()),
                installation_id=bus.installation_id,
                taken_at=taken_at,
                position=log.state["last_seq"],
                config=log.config,
                state=log.state,
                key_fingerprint=fingerprint(key) if key else "",
                holds_key=with_key and key is not None,
                digest=archive.digest,
            )
            archive.close(manifest)
            return manifest
    finally:
        await bus.close()


async def _add_log(bus: Bus, archive: Writer) -> snapshots.Described:
    snapshot = await snapshots.take(bus, subjects.EVENTS)
    number = 0
    async for chunk in snapshot.chunks:
        archive.add(f"{LOG}{number:08}", chunk)
        number += 1
    return snapshot.described


async def _add_messages(bus: Bus, archive: Writer, name: str, stream: str) -> None:
    archive.add(name, json.dumps(await snapshots.messages(bus, stream)).encode())
