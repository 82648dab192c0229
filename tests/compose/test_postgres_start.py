"""How the database's container makes its cluster: whole or not at all, with the users that the launcher makes."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from compose.composition import REPOSITORY
from compose.processes import ProcessStack
from proximity_launcher.containers import prepare
from proximity_launcher.up import postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        postgres.cluster(Path("/")).prefix[:1] == ("setpriv",), reason="PostgreSQL can only run as nobody here"
    ),
]
START = REPOSITORY / "deploy" / "postgres" / "start.sh"
NEEDED = ("prepare", "postgres")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ProcessStack]:
    made = ProcessStack(tmp_path / "stack")
    yield made
    made.close()


def struck(stack: ProcessStack, folder: Path, program: str, call: int) -> int:
    """start.sh, killed with -9 when that program has ended for the so many-th time."""
    wrappers, counted = folder / "wrappers", folder / "calls"
    wrappers.mkdir()
    wrapper = wrappers / program
    wrapper.write_text(
        f'#!/bin/sh\n{stack.postgres_programs / program} "$@" || exit\necho >>{counted}\n'
        f"[ $(wc -l <{counted}) -lt {call} ] || kill -9 $PPID\n"
    )
    wrapper.chmod(0o755)
    place = stack.volume("postgres")
    done = subprocess.run(
        [*stack.not_root, "sh", str(START), str(stack.volume("for-postgres")), str(place)],
        env={"PATH": f"{wrappers}:{stack.postgres_programs}:{os.environ['PATH']}", "LC_ALL": "C"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not [made for made in clusters(stack) if made.suffix != ".unfinished"]
    return done.returncode


def clusters(stack: ProcessStack) -> list[Path]:
    return list(stack.volume("postgres").glob("proximity*"))


@asynccontextmanager
async def session(stack: ProcessStack, user: str, password: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    known = stack.volume("secrets") / f"database-{user}"
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=stack.ports["postgres"],
        user=user,
        password=password or known.read_text(),
        database=postgres.DATABASE,
        timeout=10,
    )
    try:
        yield connection
    finally:
        await connection.close()


# its first call asks for the version
@pytest.mark.parametrize(("program", "call"), [("initdb", 1), ("postgres", 2), ("postgres", 3)])
async def test_killed_half_way_the_next_one_makes_a_whole_one(
    stack: ProcessStack, tmp_path: Path, program: str, call: int
) -> None:
    stack.up(("prepare",))
    assert struck(stack, tmp_path, program, call) == -signal.SIGKILL
    stack.up(NEEDED)
    async with session(stack, postgres.READER) as reader:
        assert await reader.fetchval("SELECT 1") == 1


async def test_owner_writes_reader_reads_nobody_else_gets_in(stack: ProcessStack) -> None:
    stack.up(NEEDED)
    async with session(stack, postgres.OWNER) as owner:
        await owner.execute("CREATE SCHEMA kept; CREATE TABLE kept.row (n int); INSERT INTO kept.row VALUES (42)")
    async with session(stack, postgres.READER) as reader:
        assert await reader.fetchval("SELECT n FROM kept.row") == 42
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await reader.execute("CREATE TABLE kept.mine (n int)")
        await reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute("DELETE FROM kept.row")
    for user, password in (("postgres", "postgres"), (postgres.OWNER, "wrong")):
        with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
            async with session(stack, user, password):
                pytest.fail("let in")

    stack.restart("postgres")
    async with session(stack, postgres.READER) as reader:
        assert await reader.fetchval("SELECT n FROM kept.row") == 42
        # what the launcher tells its own
        for name, value in (postgres.SETTINGS | {"max_connections": str(prepare.CONNECTIONS)}).items():
            if name not in ("listen_addresses", "unix_socket_directories"):
                assert await reader.fetchval("SELECT current_setting($1)", name) == value


def test_statement_that_fails_leaves_no_cluster(stack: ProcessStack) -> None:
    stack.up(("prepare",))
    users = stack.volume("for-postgres") / "users.sql"
    users.write_text(users.read_text() + "CREATE ROLE nonsense WITH WHAT;\n\n")
    done = subprocess.run(
        [*stack.not_root, "sh", str(START), str(users.parent), str(stack.volume("postgres"))],
        env={"PATH": f"{stack.postgres_programs}:{os.environ['PATH']}", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert 'ERROR:  unrecognized role option "what"' in done.stderr
    assert [made.suffix for made in clusters(stack)] == [".unfinished"]


async def test_another_major_version_begins_with_a_cluster_of_its_own(stack: ProcessStack) -> None:
    """It could not read the files of the one before: the read model is built anew."""
    stack.up(NEEDED)
    (made,) = clusters(stack)
    major = (made / "PG_VERSION").read_text().strip()
    assert made.name == f"proximity-{major}"
    stack.close()
    older = made.rename(made.with_name(f"proximity-{int(major) - 1}"))
    (older / "PG_VERSION").write_text(f"{int(major) - 1}\n")
    stack.up(NEEDED)
    assert clusters(stack) == [made]
    async with session(stack, postgres.READER) as reader:
        assert await reader.fetchval("SELECT 1") == 1
