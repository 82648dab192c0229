"""What `proximity backup` and `proximity restore` do, with the NATS server of a data folder, whether it runs or not."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proximity.backup.archive import Reader
from proximity.backup.restoring import FAILURES, NotEmptyError, WrongKeyError, restore
from proximity.backup.taking import back_up
from proximity.messaging.permissions import ADMIN, SERVICES
from proximity.vault.key import encoded, fingerprint, read_key, write_key
from proximity_launcher.cli.running import running_variables
from proximity_launcher.failure import Exit, Failure
from proximity_launcher.nats_server import NatsServer, NatsServerError
from proximity_launcher.up.data import DataFolder


@dataclass(frozen=True)
class _Place:
    url: str
    password: str = field(repr=False)
    key_file: Path


def save(folder: DataFolder, file: Path, with_vault_key: bool) -> int:
    """The position it was saved up to. Raises Failure."""

    async def saved() -> int:
        async with _nats_of(folder) as place:
            taken = await back_up(file, place.url, ADMIN, place.password, place.key_file, with_key=with_vault_key)
            return taken.position

    return _done(saved())


def put_back(folder: DataFolder, file: Path, vault_key_file: Path | None) -> int:
    """The position it was restored up to. Raises Failure."""
    folder.prepare()

    async def restored() -> int:
        with folder.held():
            async with _own_nats(folder) as place:
                if vault_key_file is not None:
                    _bring_key(vault_key_file, file, place.key_file)
                done = await restore(file, place.url, ADMIN, place.password, place.key_file)
                return done.position

    return _done(restored())


def _bring_key(given: Path, backup: Path, key_file: Path) -> None:
    """Only the right one, for one that is there stays. Raises WrongKeyError, ArchiveError, KeyFileError."""
    key, needed = read_key(given), Reader(backup).manifest.key_fingerprint
    if fingerprint(key) != (needed or fingerprint(key)):
        raise WrongKeyError(f"the key at {given} is not the one that the backup's secrets were sealed with")
    if not key_file.exists():
        write_key(key_file, encoded(key))


@asynccontextmanager
async def _nats_of(folder: DataFolder) -> AsyncIterator[_Place]:
    if folder.is_held():
        url = running_variables(folder)["PROXIMITY_NATS_URL"]
        yield _Place(url, folder.secret(f"nats-{ADMIN}").read_text(), folder.secrets / "vault.key")
        return
    if not (folder.nats / "jetstream").exists():
        raise Failure(f"There is no Proximity in {folder.root}.", code="not_found", status=Exit.NOT_FOUND)
    with folder.held():
        async with _own_nats(folder) as place:
            yield place


@asynccontextmanager
async def _own_nats(folder: DataFolder) -> AsyncIterator[_Place]:
    """Only as long as it is needed, on a port of its own."""
    passwords = {user: folder.secret(f"nats-{user}").read_text() for user in (ADMIN, *SERVICES)}
    server = NatsServer(folder.nats, passwords)
    await server.start()
    try:
        yield _Place(server.url, passwords[ADMIN], folder.secrets / "vault.key")
    finally:
        await server.stop()


def _done(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(work)
    except NotEmptyError as error:
        raise Failure(f"{_sentence(error)}.", code="not_empty", status=Exit.CONFLICT) from error
    except (*FAILURES, NatsServerError) as error:
        raise Failure(f"{_sentence(error)}.", code="backup_failed") from error


def _sentence(error: Exception) -> str:
    words = str(error) or type(error).__name__
    return words[0].upper() + words[1:]
