"""The database that the launcher makes: whole or not at all, and each user can do what it is for and nothing else."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from proximity_launcher.up import postgres
from proximity_launcher.up.ports import free_ports
from proximity_launcher.up.postgres import DATABASE, OWNER, READER, Cluster

PASSWORDS = {OWNER: "owners-own", READER: "readers-own"}


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that `nobody` can get to."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["as the launcher does", "as nobody"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path, reachable: Path) -> Cluster:
    if request.param == "as the launcher does":
        return postgres.cluster(tmp_path / "postgres")
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    return postgres.elsewhere(tmp_path / "postgres", reachable)


def password_files(folder: Path) -> tuple[Path, Path]:
    files = folder / OWNER, folder / READER
    for file in files:
        file.write_text(PASSWORDS[file.name])
    return files


@pytest.fixture
async def connect(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Callable[..., asyncpg.Connection]]:
    assert postgres.make(cluster, *password_files(tmp_path))
    (port,) = free_ports(1)
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(*cluster.command(port), cwd="/", stderr=quiet)
    async with asyncio.timeout(60):
        while not cluster.answers(port):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)

    def connect(user: str, password: str | None = None, database: str = DATABASE) -> asyncpg.Connection:
        password = password if password is not None else PASSWORDS[user]
        return asyncpg.connect(host="127.0.0.1", port=port, user=user, password=password, database=database)

    yield connect
    server.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(server.wait(), 60) == 0


async def test_reader_reads_what_the_owner_makes_and_can_do_nothing_else(
    connect: Callable[..., asyncpg.Connection],
) -> None:
    owner = await connect(OWNER)
    await owner.execute(
        "CREATE SCHEMA rm_later; CREATE TABLE rm_later.rows (id int); INSERT INTO rm_later.rows VALUES (1)"
    )
    reader = await connect(READER)
    assert await reader.fetchval("SELECT id FROM rm_later.rows") == 1
    for attempt in (
        "INSERT INTO rm_later.rows VALUES (2)",
        "CREATE TABLE rm_later.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (id int)",
        "DROP TABLE rm_later.rows",
        "SELECT pg_read_file('/etc/passwd')",
    ):
        await reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(attempt)
    await reader.close()
    await owner.close()


async def test_nobody_else_gets_in(connect: Callable[..., asyncpg.Connection]) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(OWNER, "guessed")
    for user, database in (
        ("postgres", DATABASE),
        ("postgres", "postgres"),
        (OWNER, "postgres"),
        (READER, "template1"),
    ):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await connect(user, PASSWORDS.get(user, ""), database)


def test_making_is_done_once_and_again_after_it_broke_off(tmp_path: Path) -> None:
    cluster = postgres.cluster(tmp_path / "postgres")
    broken_off = tmp_path / "postgres.unfinished"
    broken_off.mkdir()
    (broken_off / "PG_VERSION").write_text("18")
    assert postgres.make(cluster, *password_files(tmp_path)) is True
    assert postgres.make(cluster, *password_files(tmp_path)) is False
    assert not broken_off.exists()


def test_another_major_version_makes_its_own(tmp_path: Path) -> None:
    """Whose files the programs could not read."""
    cluster = postgres.cluster(tmp_path / "postgres")
    cluster.folder.mkdir()
    (cluster.folder / "PG_VERSION").write_text("17\n")
    (cluster.folder / "of-the-other-one").touch()
    assert postgres.make(cluster, *password_files(tmp_path)) is True
    assert cluster.is_made()
    assert not (cluster.folder / "of-the-other-one").exists()
