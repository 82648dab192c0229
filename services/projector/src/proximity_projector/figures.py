"""Figures of nodes, storages and guests, and addresses of guests: what was seen last, written beside the rows and
outside the checkpoint.
"""

import asyncio
from collections.abc import Iterator, Sequence

import asyncpg
import structlog

from proximity.domain.guest.state import guest_id
from proximity.ending import told_to_end
from proximity.messaging import observations
from proximity.messaging.addresses import guest_of
from proximity.messaging.changes import Change, announce
from proximity.messaging.connection import Bus
from proximity.messaging.observations import Observation, Observations
from proximity.messaging.subjects import ADDRESSES
from proximity.readmodel.rows import Row
from proximity.readmodel.schema import definitions_of
from proximity_projector import schemas
from proximity_projector.projector import PASSING, Connect
from proximity_projector.store import write_figures

log = structlog.get_logger(__name__)

# kind of observation -> its table and the figures in its body; the key is the row's id
KINDS = {
    "node": ("node_figures", ("cpu", "memory_used", "disk", "disk_used", "netin", "netout", "uptime")),
    "storage": ("storage_figures", ("used", "available")),
}
_BATCH = 500
# the client waits this long for a batch to fill
_PATIENCE = 1.0
_PAUSE = 2.0


# those of a node's guests come together, many in pages: key `<cluster>/<node>` or `…/<page>`, body VMID -> figures
_GUEST_FIGURES = ("status", "cpu", "memory_used", "disk_used", "netin", "netout", "uptime")


def rows(seen_last: Sequence[Observation]) -> dict[str, list[Row]]:
    """By table, the newest of each thing. Kinds that nobody here shows are left out."""
    newest: dict[str, dict[str, Row]] = {}
    for seen in seen_last:
        for table, row in _of(seen):
            known = newest.setdefault(table, {}).get(row["id"])
            if known is None or known["at"] <= row["at"]:
                newest[table][row["id"]] = row
    return {table: list(of_table.values()) for table, of_table in newest.items()}


def _of(seen: Observation) -> Iterator[tuple[str, Row]]:
    if not isinstance(seen.body, dict):
        return
    if seen.kind in KINDS:
        table, figures = KINDS[seen.kind]
        yield table, {"id": seen.key, "at": seen.at, **{name: seen.body.get(name) for name in figures}}
    elif seen.kind == "guests":
        cluster_id = seen.key.partition("/")[0]
        for vmid, body in seen.body.items():
            if vmid.isdecimal() and isinstance(body, dict):
                figures_of = {name: body.get(name) for name in _GUEST_FIGURES}
                yield "guest_figures", {"id": guest_id(cluster_id, int(vmid)), "at": seen.at, **figures_of}
    elif seen.kind == ADDRESSES:
        yield "guest_addresses", {"id": guest_id(*guest_of(seen)), "at": seen.at, "addresses": seen.body["addresses"]}


async def write_all(bus: Bus, connect: Connect) -> None:
    """Until cancelled. What comes while the database is away is lost: the next figures come in seconds, and addresses,
    which do not, are read again.
    """
    while not told_to_end():
        try:
            durable = await Observations.bind(bus)
            conn = await connect()
            filled: str | None = None
            try:
                while True:
                    found = await durable.fetch(_BATCH, _PATIENCE)
                    schema = await _ours(conn) if found else None
                    if schema is None:
                        continue
                    if schema != filled:
                        found = await observations.last(bus, ADDRESSES) + found
                        filled = schema
                    await _write(bus, conn, schema, rows(found))
            finally:
                conn.terminate()
        except PASSING as error:
            log.warning("no figures for now", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_PAUSE)


async def _ours(conn: asyncpg.Connection) -> str | None:
    """The schema that is read, if it is of these definitions."""
    schema = await schemas.live(conn)
    return schema if schema is not None and definitions_of(schema) == schemas.definitions() else None


async def _write(bus: Bus, conn: asyncpg.Connection, schema: str, figures: dict[str, list[Row]]) -> None:
    # at once: who reads on from the newest time that is there must not find an older one later
    async with conn.transaction():
        for table, of_table in figures.items():
            await write_figures(conn, schema, table, of_table)
    at = await schemas.checkpoint(conn, schema)
    await announce(bus, Change(at.epoch, at.position))
