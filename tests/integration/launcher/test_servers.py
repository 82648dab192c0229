"""The embedded servers: found again after a crash, closed to strangers, gone when told to go."""

import asyncio
import secrets
import stat
from pathlib import Path

import asyncpg
import pytest

from proximity.messaging.permissions import ADMIN, SERVICES
from proximity_launcher.nats_server import NatsServer, NatsServerError
from proximity_launcher.postgres_server import PostgresServer, PostgresServerError

PASSWORDS = {user: secrets.token_urlsafe(8) for user in (ADMIN, *SERVICES)}


async def test_nats_keeps_its_port_through_a_crash_and_ends_when_told(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, PASSWORDS)
    await server.start()
    port = server.port
    await server.kill()
    assert not server.running
    await server.start()
    assert (server.port, server.running) == (port, True)
    await server.stop()
    assert server.process is not None
    assert server.process.returncode in (0, 1)
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_nats_writes_its_passwords_for_its_owner_only(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, PASSWORDS)
    await server.start()
    await server.stop()
    assert stat.S_IMODE((tmp_path / "nats.conf").stat().st_mode) == 0o600
    assert not any(password in repr(server) for password in PASSWORDS.values())
    assert not any(password in server.log.read_text() for password in PASSWORDS.values())


async def test_nats_says_why_it_does_not_start(tmp_path: Path) -> None:
    first = NatsServer(tmp_path / "first", PASSWORDS)
    await first.start()
    try:
        with pytest.raises(NatsServerError, match="address already in use"):
            await NatsServer(tmp_path / "second", PASSWORDS, port=first.port).start()
    finally:
        await first.stop()


@pytest.mark.slow
async def test_postgres_keeps_what_was_committed_through_a_crash(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, secrets.token_urlsafe(16))
    await server.start()
    try:
        url = await server.create_database("kept")
        assert await server.create_database("kept") == url
        connection = await asyncpg.connect(url, password=server.password)
        await connection.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
        connection.terminate()
        await server.kill()
        assert not server.running
        await server.start()
        connection = await asyncpg.connect(url, password=server.password)
        assert await connection.fetchval("SELECT n FROM t") == 7
        await connection.close()
    finally:
        await server.stop()
    assert not server.running
    assert not (tmp_path / "password.initdb").exists()


@pytest.mark.slow
async def test_postgres_asks_everybody_for_the_password(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, secrets.token_urlsafe(16))
    await server.start()
    try:
        assert server.password not in repr(server) + server.url + server.log.read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url, password="wrong")
        rules = (server.data / "pg_hba.conf").read_text().splitlines()
        methods = {rule.split()[-1] for rule in rules if rule.strip() and not rule.startswith("#")}
        assert methods == {"scram-sha-256"}
    finally:
        await server.stop()


async def test_postgres_says_why_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proximity_launcher.postgres_server.START_TIMEOUT", 0.5)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresServerError, match=r"(?s)did not start:.*postgresql.conf"):
        await PostgresServer(tmp_path, "secret").start()
