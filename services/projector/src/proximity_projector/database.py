"""The connection to PostgreSQL."""

import asyncpg
import orjson


async def connect(url: str, password: str) -> asyncpg.Connection:
    """With jsonb as Python's values. Raises OSError, TimeoutError, asyncpg.PostgresError."""
    conn = await asyncpg.connect(
        url,
        password=password,
        timeout=10,
        command_timeout=60,
        # our row types change only with the schema's name, and JIT would cost more than these statements take
        server_settings={"application_name": "proximity-projector", "jit": "off"},
    )
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads)
    return conn


def _encode(value: object) -> str:
    return orjson.dumps(value).decode()
