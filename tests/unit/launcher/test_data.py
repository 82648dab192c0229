"""The data folder: secrets are made once and are nobody else's, and only one launcher holds it."""

import stat
from pathlib import Path

import pytest

from proximity_launcher.failure import Exit, Failure
from proximity_launcher.up.data import DataFolder, key, write_private


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_is_for_this_user_alone(data: DataFolder) -> None:
    assert {mode(folder) for folder in (data.root, data.secrets, data.logs, data.nats)} == {0o700}


def test_secret_is_made_once_and_private(data: DataFolder) -> None:
    first = data.secret("nats-api").read_text()
    assert data.secret("nats-api").read_text() == first
    assert mode(data.secret("nats-api")) == 0o600
    assert data.secret("nats-projector").read_text() != first
    assert len(first) >= 43


def test_secret_of_an_interrupted_writing_is_not_used(data: DataFolder) -> None:
    (data.secrets / ".vault.key.17").write_text("half")
    assert len(data.secret("vault.key", key).read_text()) == 44


def test_private_file_replaces_a_looser_one(data: DataFolder) -> None:
    file = data.root / "file"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert (file.read_text(), mode(file)) == ("new", 0o600)


def test_second_launcher_is_told_who_runs(data: DataFolder) -> None:
    with data.held(), pytest.raises(Failure, match=r"already runs on .* PROXIMITY_DATA") as refused, data.held():
        pytest.fail("held twice")
    assert refused.value.status is Exit.CONFLICT
    with data.held():
        pass


def test_unusable_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="Set PROXIMITY_DATA"):
        DataFolder(tmp_path / "file" / "data").prepare()
