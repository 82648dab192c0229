"""The read model's database: which schema is read, and what it means when it is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from pydantic import SecretStr
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from proximity.readmodel.schema import live
from proximity_api.problems import Problem, unavailable

log = structlog.get_logger()

# connections
KEPT_OPEN, AT_MOST = 6, 12
CONNECT_TIMEOUT = 3.0
STATEMENT_TIMEOUT = 10.0
# SQLSTATE of a schema or table that is not there: not built yet, or dropped to be rebuilt
_NOT_BUILT = frozenset({"3F000", "42P01"})
# classes of SQLSTATE: connection, authorization, unknown database, resources, operator's intervention, system
_AWAY = ("08", "28", "3D", "53", "57", "58")
# while connecting asyncpg's own errors come through unchanged
_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # a statement that meets the end of its connection confuses asyncpg
    asyncpg.InternalClientError,
    DBAPIError,
    PoolTimeoutError,
    NoResultFound,
    OSError,
    TimeoutError,
)


class Database:
    """Reading only. Every connection sees one moment of the tables, so that rows and position fit together."""

    def __init__(self, url: str, password: SecretStr) -> None:
        self._schema: str | None = None
        address = make_url(url).set(drivername="postgresql+asyncpg", password=password.get_secret_value())
        self._engine = create_async_engine(
            address,
            pool_size=KEPT_OPEN,
            max_overflow=AT_MOST - KEPT_OPEN,
            pool_timeout=5,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
            connect_args={
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": STATEMENT_TIMEOUT,
                "server_settings": {"application_name": "proximity-api", "default_transaction_read_only": "on"},
            },
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose unqualified tables are those of the live schema. Raises the problem 503."""
        try:
            async with self._engine.connect() as conn:
                if self._schema is None:
                    self._schema = (await conn.execute(select(live.c.schema))).scalar_one()
                conn.info["schema"] = self._schema
                yield await conn.execution_options(schema_translate_map={None: self._schema})
        except _ERRORS as error:
            problem = self._problem(error)
            if problem is None:
                raise
            raise problem from error

    def schema_of(self, conn: AsyncConnection) -> str:
        """What the connection reads."""
        schema: str = conn.info["schema"]
        return schema

    def look_again(self) -> None:
        """Another schema may have become the live one."""
        self._schema = None

    async def close(self) -> None:
        await self._engine.dispose()

    def _problem(self, error: Exception) -> Problem | None:
        """None: a mistake of ours."""
        original = getattr(error, "orig", error)
        state: str | None = getattr(original, "sqlstate", None)
        if isinstance(error, NoResultFound) or state in _NOT_BUILT:
            self.look_again()
            return unavailable("read_model_not_ready", "The read model is being built from the log.")
        if state is not None and not state.startswith(_AWAY):
            return None
        log.warning("read model is away", error=type(original).__name__)
        return unavailable("read_model_unavailable", "Reading is not possible right now. Commands still are.")
