"""Fixtures every test may ask for."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.servers import Database, Engine, Nats, Postgres, engine, start_nats


@pytest.fixture(scope="session")
def server_engine() -> Engine:
    return engine()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """At the end, where a quiet run says it as well."""
    terminalreporter.write_line(f"Servers under test, where a test needs some: {engine()}.")


@pytest.fixture
async def nats(server_engine: Engine, tmp_path: Path) -> AsyncIterator[Nats]:
    """A NATS server of the test's own, prepared as a new installation is."""
    started = await start_nats(server_engine, tmp_path / "nats")
    try:
        yield started
    finally:
        await started.closing.aclose()
        await started.server.stop()


@pytest.fixture(scope="session")
def postgres(server_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL for the session (of one worker): ask for `database` instead, unless it has to crash."""
    server = Postgres(server_engine, tmp_path_factory.mktemp("postgres"))
    yield server
    server.close()


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> Database:
    """An empty database of the test's own."""
    return postgres.fresh(tmp_path)
