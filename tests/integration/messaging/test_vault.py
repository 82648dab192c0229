"""Secrets: written once, unreadable without the key, and never by who has no business with them."""

import asyncio
import secrets
import stat
from pathlib import Path

import pytest

from proximity.messaging.buckets import vault
from proximity.messaging.connection import RefusedError
from proximity.messaging.publishing import PublishError
from proximity.vault.key import KeyFileError, create_key, read_key
from proximity.vault.vault import Vault, VaultError
from support.servers import Nats

KEY = secrets.token_bytes(32)
CANARY = "hunter2-größer"


async def test_what_the_api_seals_the_provisioner_and_the_reconciler_open(nats: Nats) -> None:
    value_id = await Vault(vault(await nats.connect("api")), KEY).seal(CANARY)
    for service in ("api", "provisioner", "reconciler"):
        assert await Vault(vault(await nats.connect(service)), KEY).open(value_id) == CANARY


async def test_the_plaintext_is_nowhere_in_the_server_s_files(nats: Nats) -> None:
    await Vault(vault(await nats.connect("api")), KEY).seal(CANARY)
    files = await asyncio.to_thread(lambda: [p.read_bytes() for p in nats.server.folder.rglob("*") if p.is_file()])
    assert any(b"KV_vault" in content for content in files)
    assert not any(b"hunter2" in content for content in files)


async def test_the_same_secret_is_sealed_differently_each_time(nats: Nats) -> None:
    bucket = vault(await nats.connect("api"))
    first, second = [await Vault(bucket, KEY).seal(CANARY) for _ in range(2)]
    assert first != second
    assert await bucket.value(first) != await bucket.value(second)


async def test_with_another_key_under_another_id_or_changed_it_does_not_open(nats: Nats) -> None:
    bucket = vault(await nats.connect("api"))
    sealed_id = await Vault(bucket, KEY).seal(CANARY)
    with pytest.raises(VaultError, match=sealed_id):
        await Vault(bucket, secrets.token_bytes(32)).open(sealed_id)
    sealed = await bucket.value(sealed_id)
    assert sealed is not None
    await bucket.create("copied", sealed)
    await bucket.create("changed", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    await bucket.create("foreign", b"plain text")
    for value_id in ("copied", "changed", "foreign", "missing"):
        with pytest.raises(VaultError, match=value_id) as refusal:
            await Vault(bucket, KEY).open(value_id)
        assert CANARY not in str(refusal.value)


async def test_nobody_overwrites_or_deletes_a_sealed_value(nats: Nats) -> None:
    bucket = vault(await nats.connect("api"))
    sealed_id = await Vault(bucket, KEY).seal(CANARY)
    assert await bucket.create(sealed_id, b"other") is None
    entry = await bucket.get(sealed_id)
    assert entry is not None
    for attempt in (bucket.put(sealed_id, b"other"), bucket.delete(sealed_id)):
        with pytest.raises((PublishError, TimeoutError)):
            await attempt
    with pytest.raises((PublishError, TimeoutError)):
        await bucket.update(sealed_id, b"other", entry.revision)
    assert await Vault(bucket, KEY).open(sealed_id) == CANARY


async def test_the_projector_cannot_read_it(nats: Nats) -> None:
    sealed_id = await Vault(vault(await nats.connect("api")), KEY).seal(CANARY)
    with pytest.raises((RefusedError, TimeoutError)):
        await vault(await nats.connect("projector")).value(sealed_id)


def test_a_key_is_made_for_its_owner_only_and_never_again(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_key(path)
    assert len(key) == 32
    with pytest.raises(FileExistsError):
        create_key(path)
    assert read_key(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="may be read by others"):
        read_key(path)


@pytest.mark.parametrize("content", [b"", b"short", b"c2hvcnQ=", b"\xff\xfe"])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as refusal:
        read_key(path)
    assert not content or content not in str(refusal.value).encode()


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_key(tmp_path / "missing")
