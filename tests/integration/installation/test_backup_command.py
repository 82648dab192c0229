"""`python -m proximity.backup` as the container runs it: through pipes, killed half-way, told to end."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from proximity.messaging.buckets import vault
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import ADMIN
from proximity.vault.key import read_key
from proximity.vault.vault import Vault
from support.projecting import eventually
from support.projection import append, deployed, of
from support.servers import Nats


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a backup lies while it is on its way."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def lying(place: Path) -> dict[str, int]:
    """Size by name."""
    return {str(path.relative_to(place)): path.stat().st_size for path in place.rglob("*") if path.is_file()}


async def started(nats: Nats, key_file: Path, place: Path, *arguments: str) -> Process:
    environment = {
        "PROXIMITY_NATS_URL": nats.url,
        "PROXIMITY_NATS_PASSWORD_FILE": str(nats.password_file(ADMIN)),
        "PROXIMITY_VAULT_KEY_FILE": str(key_file),
        "TMPDIR": str(place),
    }
    command = (sys.executable, "-m", "proximity.backup", *arguments)
    return await asyncio.create_subprocess_exec(*command, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE)


async def ran(nats: Nats, key_file: Path, place: Path, *arguments: str, given: bytes = b"") -> tuple[bytes, str]:
    """What it wrote to standard output, and what it said."""
    process = await started(nats, key_file, place, *arguments)
    written, said = await process.communicate(given)
    assert process.returncode == 0, said.decode()
    return written, said.decode()


async def halfway(nats: Nats, key_file: Path, place: Path) -> Process:
    """A restore whose backup has come in part."""
    process = await started(nats, key_file, place, "restore", "-")
    assert process.stdin
    process.stdin.write(bytes(1 << 20))

    async def lies_there() -> bool:
        return any(lying(place).values())

    await eventually(lies_there)
    return process


async def test_what_is_piped_out_is_piped_in_again(
    nats: Nats, empty: Nats, key_file: Path, place: Path, tmp_path: Path
) -> None:
    await append(await nats.connect(ADMIN), of("application", "a1", deployed()))
    value_id = await Vault(vault(await nats.connect("api")), read_key(key_file)).seal("canary")
    saved, said = await ran(nats, key_file, place, "save", "-", "--with-vault-key")
    assert said.startswith("saved up to position ")
    assert "whoever has it has every secret" in said
    another_key = tmp_path / "restored.key"
    written, said = await ran(empty, another_key, place, "restore", "-", given=saved)
    assert written == b""
    assert said.startswith("restored up to position ")
    assert lying(place) == {}
    log = await EventStore(await empty.connect("api")).read(0)
    assert log[:-1] == await EventStore(await nats.connect("api")).read(0)
    assert await Vault(vault(await empty.connect("provisioner")), read_key(another_key)).open(value_id) == "canary"


async def test_nothing_stays_of_one_that_was_told_to_end(nats: Nats, key_file: Path, place: Path) -> None:
    process = await halfway(nats, key_file, place)
    process.terminate()
    _, said = await process.communicate()
    assert (process.returncode, said) == (128 + signal.SIGTERM, b"")
    assert lying(place) == {}


async def test_what_a_killed_one_left_is_removed_by_the_next(nats: Nats, key_file: Path, place: Path) -> None:
    process = await halfway(nats, key_file, place)
    process.kill()
    await process.communicate()
    assert lying(place)
    (place / "of-somebody-else").touch()
    await ran(nats, key_file, place, "save", "-")
    assert list(lying(place)) == ["of-somebody-else"]


async def test_one_at_a_time_so_that_none_removes_what_another_one_needs(
    nats: Nats, key_file: Path, place: Path
) -> None:
    first = await halfway(nats, key_file, place)
    second = await started(nats, key_file, place, "save", "-")
    written, said = await second.communicate()
    assert (second.returncode, written) == (1, b"")
    assert "another backup is on its way" in said.decode()
    assert lying(place)
    first.terminate()
    await first.communicate()
