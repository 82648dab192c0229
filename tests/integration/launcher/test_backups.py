"""`proximity backup` and `proximity restore` on data folders."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from proximity.messaging.bootstrap import prepare
from proximity.messaging.permissions import ADMIN, SERVICES
from proximity.vault.key import create_key, read_key
from proximity_launcher.cli import commands
from proximity_launcher.failure import Exit, Failure
from proximity_launcher.nats_server import NatsServer
from proximity_launcher.up.data import DataFolder, key


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def server(data: DataFolder) -> NatsServer:
    return NatsServer(data.nats, {user: data.secret(f"nats-{user}").read_text() for user in (ADMIN, *SERVICES)})


async def founded(data: DataFolder) -> str:
    """An installation in the folder, as a first `proximity up` leaves it: its id."""
    nats = server(data)
    await nats.start()
    try:
        return await prepare(nats.url, ADMIN, data.secret(f"nats-{ADMIN}").read_text())
    finally:
        await nats.stop()


@pytest.fixture
def lived(tmp_path: Path) -> tuple[DataFolder, str]:
    data = DataFolder(tmp_path / "lived")
    data.prepare()
    data.secret("vault.key", key)
    return data, asyncio.run(founded(data))


def test_what_was_saved_is_there_again_with_its_key(lived: tuple[DataFolder, str], tmp_path: Path) -> None:
    data, installation_id = lived
    file, again = tmp_path / "saved", DataFolder(tmp_path / "again")
    saved = ran("backup", str(file), "--data", str(data.root), "--with-vault-key", "--json")
    assert json.loads(saved.stdout) == {"file": str(file), "position": 1, "holds_key": True}
    restored = ran("restore", str(file), "--data", str(again.root), "--json")
    assert json.loads(restored.stdout) == {"position": 1}
    assert read_key(again.secrets / "vault.key") == read_key(data.secrets / "vault.key")
    assert asyncio.run(founded(again)) == installation_id
    refused = ran("restore", str(file), "--data", str(again.root))
    assert isinstance(refused.exception, Failure)
    assert refused.exception.status is Exit.CONFLICT
    assert "restored into an empty one only" in refused.exception.message


def test_the_key_may_come_from_elsewhere(lived: tuple[DataFolder, str], tmp_path: Path) -> None:
    data, _ = lived
    file, again = tmp_path / "saved", DataFolder(tmp_path / "again")
    assert "vault.key" in ran("backup", str(file), "--data", str(data.root)).stdout
    lacking = ran("restore", str(file), "--data", str(again.root))
    assert isinstance(lacking.exception, Failure)
    assert "does not hold the vault's key" in lacking.exception.message
    create_key(tmp_path / "other.key")
    wrong = ran("restore", str(file), "--data", str(again.root), "--vault-key-file", str(tmp_path / "other.key"))
    assert isinstance(wrong.exception, Failure)
    assert "is not the one that the backup's secrets were sealed with" in wrong.exception.message
    kept = str(data.secrets / "vault.key")
    assert ran("restore", str(file), "--data", str(again.root), "--vault-key-file", kept).exit_code == 0
    assert read_key(again.secrets / "vault.key") == read_key(data.secrets / "vault.key")


def test_a_folder_with_nothing_in_it_is_not_backed_up(tmp_path: Path) -> None:
    refused = ran("backup", str(tmp_path / "saved"), "--data", str(tmp_path / "none"))
    assert isinstance(refused.exception, Failure)
    assert refused.exception.status is Exit.NOT_FOUND
    assert not (tmp_path / "none").exists()
