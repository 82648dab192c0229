"""In which PostgreSQL schema the tables live. Its name holds the hash of what it was made by, so nothing is ever
migrated: other definitions are another schema, built from the log beside the one that is being read.

`proximity.live` (one row, id 1) names the schema to be read. `previous` is kept for readers who have not noticed yet.
"""

import re
from hashlib import sha256

import sqlalchemy
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from proximity.readmodel.tables import Time, metadata

PREFIX = "rm_"
READER = "api"

live = Table(
    "live",
    MetaData(schema="proximity"),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema", Text, nullable=False),
    Column("previous", Text),
    Column("switched_at", Time, nullable=False),
)

_DIALECT = sqlalchemy.make_url("postgresql+asyncpg://").get_dialect()()
_NAME = re.compile(r"rm_[0-9a-f]{12}(_[0-9a-z]+)?")


def definitions_hash(projections: bytes = b"") -> str:
    """12 hex digits that change with the tables, and with the source of the projections that fill them."""
    return sha256("\n".join(_statements("rm")).encode() + projections).hexdigest()[:12]


def schema_name(definitions: str, copy: str = "") -> str:
    """`copy` tells apart several builds of the same definitions."""
    return checked(f"{PREFIX}{definitions}" + (f"_{copy}" if copy else ""))


def definitions_of(schema: str) -> str:
    return checked(schema)[len(PREFIX) :].partition("_")[0]


def checked(schema: str) -> str:
    """The name, which goes into SQL text. Raises ValueError if it is none of ours."""
    if not _NAME.fullmatch(schema):
        raise ValueError(f"not a read model's schema: {schema!r}")
    return schema


def create_statements(schema: str) -> list[str]:
    """DDL that makes the schema with all its tables, empty."""
    return [_text(CreateSchema(checked(schema))), *_statements(schema)]


def live_statements() -> list[str]:
    """DDL for `proximity.live`; may be run again."""
    return [_text(CreateSchema("proximity", if_not_exists=True)), _text(CreateTable(live, if_not_exists=True))]


def _statements(schema: str) -> list[str]:
    placed = MetaData(schema=schema)
    tables = [table.to_metadata(placed) for table in metadata.sorted_tables]
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda i: str(i.name))]
    return [_text(CreateTable(table)) for table in tables] + [_text(CreateIndex(index)) for index in indexes]


def _text(statement: CreateTable | CreateIndex | CreateSchema) -> str:
    return str(statement.compile(dialect=_DIALECT)).strip()
