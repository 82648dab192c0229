"""Every SELECT there is, by the question it answers. The connection says which schema is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Select, Table, Text, case, cast, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from proximity.readmodel import tables as t
from proximity_api import views
from proximity_api.paging import page

RECENT = 50


async def applications(conn: AsyncConnection, cursor: str | None, limit: int) -> views.Page[views.Application]:
    a = t.applications
    living = select(a).where(a.c.removed_at.is_(None))
    return await page(conn, views.Application, living, (a.c.slug, a.c.id), cursor, limit)


async def application(conn: AsyncConnection, application_id: str) -> views.Application | None:
    a = t.applications
    row = (await conn.execute(select(a).where(a.c.id == application_id))).mappings().first()
    return views.Application.model_validate(dict(row)) if row else None


async def operations(
    conn: AsyncConnection, cursor: str | None, limit: int, status: str | None = None, target: str | None = None
) -> views.Page[views.Operation]:
    o = t.operations
    wanted = select(o).where(o.c.removed_at.is_(None))
    if status is not None:
        wanted = wanted.where(o.c.status == status)
    if target is not None:
        wanted = wanted.where(o.c.target == target)
    return await page(conn, views.Operation, wanted, (o.c.accepted_at, o.c.id), cursor, limit, newest_first=True)


async def operation(conn: AsyncConnection, operation_id: str) -> views.Operation | None:
    o = t.operations
    row = (await conn.execute(select(o).where(o.c.id == operation_id))).mappings().first()
    return views.Operation.model_validate(dict(row)) if row else None


async def clusters(conn: AsyncConnection, cursor: str | None, limit: int) -> views.Page[views.Cluster]:
    c = t.clusters
    living = select(c).where(c.c.removed_at.is_(None))
    return await page(conn, views.Cluster, living, (c.c.slug, c.c.id), cursor, limit)


async def cluster(conn: AsyncConnection, cluster_id: str) -> views.Cluster | None:
    c = t.clusters
    row = (await conn.execute(select(c).where(c.c.id == cluster_id))).mappings().first()
    return views.Cluster.model_validate(dict(row)) if row else None


async def users(conn: AsyncConnection, cursor: str | None, limit: int) -> views.Page[views.User]:
    u = t.users
    living = select(u).where(u.c.removed_at.is_(None))
    return await page(conn, views.User, living, (u.c.username, u.c.id), cursor, limit)


async def nodes(
    conn: AsyncConnection, cursor: str | None, limit: int, cluster_id: str | None = None
) -> views.Page[views.Node]:
    n, f = t.nodes, t.node_figures
    living = select(n, *_figures(f)).outerjoin(f, f.c.id == n.c.id).where(n.c.removed_at.is_(None))
    if cluster_id is not None:
        living = living.where(n.c.cluster_id == cluster_id)
    return await page(conn, views.Node, living, (n.c.id,), cursor, limit)


async def storages(
    conn: AsyncConnection, cursor: str | None, limit: int, cluster_id: str | None = None
) -> views.Page[views.Storage]:
    s, f = t.storages, t.storage_figures
    living = select(s, *_figures(f)).outerjoin(f, f.c.id == s.c.id).where(s.c.removed_at.is_(None))
    if cluster_id is not None:
        living = living.where(s.c.cluster_id == cluster_id)
    return await page(conn, views.Storage, living, (s.c.id,), cursor, limit)


async def has_storage(conn: AsyncConnection, storage_id: str) -> bool:
    s = t.storages
    there = select(s.c.id).where(s.c.id == storage_id, s.c.removed_at.is_(None))
    return (await conn.execute(there)).first() is not None


async def guests(
    conn: AsyncConnection,
    cursor: str | None,
    limit: int,
    cluster_id: str | None = None,
    adoptable: bool | None = None,
    ignored: bool | None = None,
) -> views.Page[views.Guest]:
    g = t.guests
    living = _guests().where(g.c.removed_at.is_(None))
    for column, wanted in ((g.c.cluster_id, cluster_id), (g.c.adoptable, adoptable), (g.c.ignored, ignored)):
        if wanted is not None:
            living = living.where(column == wanted)
    return await page(conn, views.Guest, living, (g.c.cluster_id, g.c.vmid), cursor, limit)


async def guest(conn: AsyncConnection, guest_id: str) -> views.Guest | None:
    g = t.guests
    found = _guests().where(g.c.id == guest_id, g.c.removed_at.is_(None))
    row = (await conn.execute(found)).mappings().first()
    return views.Guest.model_validate(dict(row)) if row else None


def _guests() -> Select[Any]:
    g, f = t.guests, t.guest_figures
    a = t.guest_addresses
    now = case((f.c.status == "stopped", literal([], a.c.addresses.type)), else_=a.c.addresses)
    of_guests = select(g, *_figures(f), now.label("addresses"))
    return of_guests.outerjoin(f, f.c.id == g.c.id).outerjoin(a, a.c.id == g.c.id)


def _figures(of: Table) -> list[Column[Any]]:
    return [column for column in of.c if column.name not in ("id", "at")]


async def findings(
    conn: AsyncConnection, cursor: str | None, limit: int, cluster_id: str | None = None, about: str | None = None
) -> views.Page[views.Finding]:
    f = t.findings
    opened = select(f).where(f.c.removed_at.is_(None))
    if cluster_id is not None:
        opened = opened.where(f.c.cluster_id == cluster_id)
    if about is not None:
        opened = opened.where(f.c.aggregate_id == about)
    return await page(conn, views.Finding, opened, (f.c.opened_at, f.c.id), cursor, limit, newest_first=True)


async def activity(
    conn: AsyncConnection, cursor: str | None, limit: int, aggregate_id: str | None = None
) -> views.Page[views.Activity]:
    a = t.activity
    wanted = select(a)
    if aggregate_id is not None:
        wanted = wanted.where(a.c.aggregate_id == aggregate_id)
    return await page(conn, views.Activity, wanted, (a.c.position, a.c.id), cursor, limit, newest_first=True)


@dataclass(frozen=True, slots=True)
class Point:
    """How much of the log the tables hold. Tombstones up to `horizon` are gone."""

    epoch: str
    position: int
    horizon: int


async def point(conn: AsyncConnection) -> Point:
    c = t.checkpoint.c
    row = (await conn.execute(select(c.epoch, c.position, c.horizon))).one()
    return Point(row.epoch, row.position, row.horizon)


async def screen(conn: AsyncConnection, guests: bool) -> dict[str, orjson.Fragment]:
    """What the overview shows, as JSON lists: all that lives, the operations under way and the latest others.

    `guests`: with those that are nobody's application.
    """
    o, a = t.operations.c, t.activity.c
    recent = select(o.id).where(o.removed_at.is_(None)).order_by(o.accepted_at.desc(), o.id.desc())
    shown = o.status.in_(("running", "parked", "undecided")) | o.id.in_(recent.limit(RECENT))
    latest = select(a.id).order_by(a.position.desc()).limit(RECENT)
    found = {
        "applications": await _rows(conn, t.applications, t.applications.c.slug),
        "operations": await _rows(conn, t.operations, o.accepted_at, shown),
        "clusters": await _rows(conn, t.clusters, t.clusters.c.slug),
        "nodes": await _rows(conn, t.nodes, t.nodes.c.id),
        "storages": await _rows(conn, t.storages, t.storages.c.id),
        "findings": await _rows(conn, t.findings, t.findings.c.opened_at),
        "activity": await _rows(conn, t.activity, a.position, a.id.in_(latest)),
    }
    if guests:
        found["guests"] = await _rows(conn, t.guests, t.guests.c.id)
    return found


async def figures(conn: AsyncConnection, guests: bool) -> dict[str, orjson.Fragment]:
    """The last figures of nodes, storages and applications' containers, as JSON lists; `guests`: of all guests."""
    a, of_guests = t.applications, t.guest_figures
    managed = select(a.c.cluster_id + "-" + cast(a.c.vmid, Text)).where(a.c.removed_at.is_(None))
    shown = [] if guests else [of_guests.c.id.in_(managed)]
    return {
        "nodes": await _rows(conn, t.node_figures, t.node_figures.c.id),
        "storages": await _rows(conn, t.storage_figures, t.storage_figures.c.id),
        "guests": await _rows(conn, of_guests, of_guests.c.id, *shown),
        "addresses": await _rows(conn, t.guest_addresses, t.guest_addresses.c.id) if guests else orjson.Fragment("[]"),
    }


_MEASURED = {
    "nodes": t.node_figures,
    "storages": t.storage_figures,
    "guests": t.guest_figures,
    "addresses": t.guest_addresses,
}


async def newer_figures(conn: AsyncConnection, after: datetime, limit: int) -> list[dict[str, orjson.Fragment]]:
    """All figures newer than `after`, in parts of at most `limit` rows: a long one would stop a browser for a while."""
    parts = []
    for name, table in _MEASURED.items():
        last = ""
        while True:
            page = select(table).where(table.c.at > after, table.c.id > last).order_by(table.c.id).limit(limit)
            rows = page.subquery("row")
            listed = cast(func.jsonb_agg(func.to_jsonb(literal_column('"row"'))), Text)
            text, count, reached = (
                await conn.execute(select(listed, func.count(), func.max(rows.c.id)).select_from(rows))
            ).one()
            if count:
                parts.append({name: orjson.Fragment(text)})
            if count < limit:
                break
            last = reached
    return parts


async def figures_at(conn: AsyncConnection) -> datetime | None:
    """When the newest figure was taken."""
    newest = [select(func.max(table.c.at)).scalar_subquery() for table in t.FIGURES]
    found: datetime | None = (await conn.execute(select(func.greatest(*newest)))).scalar_one()
    return found


async def _rows(
    conn: AsyncConnection, table: Table, order: Column[Any], *conditions: ColumnElement[bool]
) -> orjson.Fragment:
    """Living rows as PostgreSQL writes them in JSON, which is how the stream's frames have them; never parsed here."""
    living = select(table).where(*conditions)
    if "removed_at" in table.c:
        living = living.where(table.c.removed_at.is_(None))
    row = living.subquery("row")
    as_json = func.to_jsonb(literal_column('"row"'))
    listed = select(cast(func.jsonb_agg(aggregate_order_by(as_json, row.c[order.name])), Text)).select_from(row)
    return orjson.Fragment((await conn.execute(listed)).scalar_one() or "[]")
