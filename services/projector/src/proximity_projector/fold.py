"""A batch of events folded into the rows they touch, in memory. Pure: the rows come in, the changed rows go out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from proximity.domain.application import events as app
from proximity.domain.cluster import events as cl
from proximity.domain.guest import events as gu
from proximity.domain.model import Event
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from proximity.messaging.envelope import Recorded
from proximity.readmodel.rows import Row
from proximity_projector.projections import (
    activity,
    applications,
    clusters,
    commands,
    delays,
    findings,
    guests,
    inventory,
    operations,
    users,
)

# where the rows are that a category's aggregates are shown by
SUBJECTS = {"application": "applications", "guest": "guests", "cluster": "clusters", "identity": "users"}
# what goes with its cluster
OF_CLUSTERS = ("nodes", "storages", "guests", "findings")


@dataclass
class Needs:
    """The rows that a batch may touch: ids by table, the clusters of which everything goes, and the aggregates whose
    findings go.
    """

    ids: dict[str, set[str]] = field(default_factory=dict)
    inventories: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)

    def add(self, table: str, id_: str | None) -> None:
        if id_:
            self.ids.setdefault(table, set()).add(id_)


def needs(batch: Iterable[Recorded[Any]]) -> Needs:
    found = Needs()
    for recorded in batch:
        if recorded.category == "claim":
            continue
        event, id_ = recorded.event, recorded.aggregate_id
        if recorded.category in SUBJECTS:
            found.add(SUBJECTS[recorded.category], id_)
        found.add("operations", getattr(event, "operation_id", None))
        match event:
            case (
                CommandRejected(category=category, target=target)
                | CommandDeadLettered(category=category, target=target)
            ) if category in SUBJECTS:
                found.add(SUBJECTS[category], target)
            case (
                cl.NodeCameOnline(node=node)
                | cl.NodeWentOffline(node=node)
                | cl.NodeAppeared(node=node)
                | cl.NodeGone(node=node)
            ):
                found.add("nodes", inventory.node_id(id_, node))
            case cl.StorageAppeared(storage=seen) | cl.StorageReconfigured(storage=seen):
                found.add("storages", inventory.storage_id(id_, seen.node, seen.storage))
            case cl.StorageGone(node=node, storage=storage):
                found.add("storages", inventory.storage_id(id_, node, storage))
            case cl.ClusterRemoved():
                found.inventories.add(id_)
        for key in _finding_keys(event):
            found.add("findings", findings.finding_id(recorded.category, id_, key))
        if _settles(event):
            found.settled.add(id_)
    return found


def _finding_keys(event: Any) -> Iterable[str]:
    """Of the findings that the event may open or close."""
    match event:
        case app.FindingOpened(finding=finding) | gu.FindingOpened(finding=finding):
            return (finding.key,)
        case app.FindingClosed(key=key) | gu.FindingClosed(key=key) | app.ConfigurationAccepted(key=key):
            return (key,)
    if isinstance(event, delays.Delay):
        return (delays.key_of(event),)
    of_cluster = findings.cluster_key(event)
    return delays.closed_by(event) if of_cluster is None else (of_cluster,)


def _settles(event: Event) -> bool:
    """Whether nothing is said of it any more, so that its findings go."""
    match event:
        case app.OperationSucceeded(kind="delete" | "release") | gu.GuestGone() | gu.GuestAdopted():
            return True
    return False


class Rows:
    """The rows of a batch as they are while it is folded. `changed` is what has to be written."""

    def __init__(self, loaded: dict[str, dict[str, Row]]) -> None:
        self._loaded = loaded
        self.changed: dict[str, dict[str, Row]] = {}

    def get(self, table: str, id_: str) -> Row | None:
        changed = self.changed.get(table, {}).get(id_)
        return changed if changed is not None else self._loaded.get(table, {}).get(id_)

    def where(self, table: str, column: str, value: str) -> list[Row]:
        """Of those that were loaded, as `Needs` asks for them."""
        known = self._loaded.get(table, {}) | self.changed.get(table, {})
        return [row for row in known.values() if row[column] == value]

    def put(self, table: str, before: Row | None, after: Row | None, position: int) -> Row | None:
        """The row as it is now. An event that is in it already changes nothing."""
        if after is None or after is before:
            return before
        if before is not None and before["position"] >= position:
            return before
        after = after | {"position": position}
        self.changed.setdefault(table, {})[after["id"]] = after
        return after


def fold(batch: Iterable[Recorded[Any]], rows: Rows) -> None:
    for recorded in batch:
        match recorded.category:
            case "application":
                _application(recorded, rows)
            case "guest":
                _guest(recorded, rows)
            case "cluster":
                _cluster(recorded, rows)
            case "operation":
                _command(recorded, rows)
            case "identity":
                user = rows.get("users", recorded.aggregate_id)
                rows.put("users", user, users.project(user, recorded.event, recorded.aggregate_id), recorded.position)
                _note(recorded, rows, recorded.event.username)


def _application(recorded: Recorded[app.ApplicationEvent | app.Observed], rows: Rows) -> None:
    event, id_, at = recorded.event, recorded.aggregate_id, recorded.stored_at
    before = rows.get("applications", id_)
    row = rows.put("applications", before, applications.project(before, event, id_, at), recorded.position)
    if row is None:
        return
    if not isinstance(event, app.Observed):
        known = rows.get("operations", event.operation_id)
        operation = _operation(recorded, rows, known, operations.project(known, event, row, at))
        _delays(recorded, rows, row, operation)
    _findings(recorded, rows, row["name"], row["cluster_id"])
    _note(recorded, rows, row["name"])


def _delays(recorded: Recorded[Any], rows: Rows, application: Row, operation: Row | None) -> None:
    """The findings about what an application's operation does."""
    event, id_, at = recorded.event, recorded.aggregate_id, recorded.stored_at
    for key in delays.closed_by(event):
        known = rows.get("findings", findings.finding_id("application", id_, key))
        rows.put("findings", known, findings.closed(known, at), recorded.position)
    if operation is not None and isinstance(event, delays.Delay):
        known = rows.get("findings", findings.finding_id("application", id_, delays.key_of(event)))
        told = findings.of_operation(known, event, application, operation["kind"], at)
        rows.put("findings", known, told, recorded.position)


def _guest(recorded: Recorded[gu.GuestEvent], rows: Rows) -> None:
    event, id_, at = recorded.event, recorded.aggregate_id, recorded.stored_at
    before = rows.get("guests", id_)
    row = rows.put("guests", before, guests.project(before, event, id_, at), recorded.position)
    if row is None:
        return
    operation = rows.get("operations", getattr(event, "operation_id", ""))
    _operation(recorded, rows, operation, guests.project_operation(operation, event, row, at))
    _findings(recorded, rows, guests.name_of(row), row["cluster_id"])
    _note(recorded, rows, guests.name_of(row))


def _findings(recorded: Recorded[Any], rows: Rows, name: str, cluster_id: str) -> None:
    """Of an application or a guest."""
    event, category, id_, at = recorded.event, recorded.category, recorded.aggregate_id, recorded.stored_at
    match event:
        case app.FindingOpened(finding=finding) | gu.FindingOpened(finding=finding):
            known = rows.get("findings", findings.finding_id(category, id_, finding.key))
            rows.put(
                "findings", known, findings.opened(category, id_, name, cluster_id, finding, at), recorded.position
            )
        case app.FindingClosed(key=key) | gu.FindingClosed(key=key) | app.ConfigurationAccepted(key=key):
            known = rows.get("findings", findings.finding_id(category, id_, key))
            rows.put("findings", known, findings.closed(known, at), recorded.position)
    if _settles(event):
        for known in rows.where("findings", "aggregate_id", id_):
            rows.put("findings", known, findings.closed(known, at), recorded.position)


def _cluster(recorded: Recorded[cl.ClusterEvent], rows: Rows) -> None:
    event, id_, at = recorded.event, recorded.aggregate_id, recorded.stored_at
    before = rows.get("clusters", id_)
    row = rows.put("clusters", before, clusters.project(before, event, id_, at), recorded.position)
    if row is None:
        return
    operation = rows.get("operations", getattr(event, "operation_id", ""))
    _operation(recorded, rows, operation, clusters.project_operation(operation, event, row, at))
    if (key := findings.cluster_key(event)) is not None:
        known = rows.get("findings", findings.finding_id("cluster", id_, key))
        rows.put("findings", known, findings.of_cluster(known, event, row, at), recorded.position)
    _inventory(event, id_, at, recorded.position, rows)
    _note(recorded, rows, row["name"])


def _inventory(event: cl.ClusterEvent, id_: str, at: datetime, position: int, rows: Rows) -> None:
    match event:
        case cl.NodeAppeared(node=node) | cl.NodeCameOnline(node=node) | cl.NodeWentOffline(node=node):
            known = rows.get("nodes", inventory.node_id(id_, node))
            rows.put("nodes", known, inventory.project_node(known, event, id_), position)
        case cl.StorageAppeared(storage=seen) | cl.StorageReconfigured(storage=seen):
            known = rows.get("storages", inventory.storage_id(id_, seen.node, seen.storage))
            rows.put("storages", known, inventory.project_storage(known, event, id_), position)
        case cl.NodeGone(node=node):
            known = rows.get("nodes", inventory.node_id(id_, node))
            rows.put("nodes", known, known and inventory.removed(known, at), position)
        case cl.StorageGone(node=node, storage=storage):
            known = rows.get("storages", inventory.storage_id(id_, node, storage))
            rows.put("storages", known, known and inventory.removed(known, at), position)
        case cl.ClusterRemoved():
            for table in OF_CLUSTERS:
                for known in rows.where(table, "cluster_id", id_):
                    gone = findings.closed(known, at) if table == "findings" else inventory.removed(known, at)
                    rows.put(table, known, gone, position)


def _command(recorded: Recorded[CommandRejected | CommandDeadLettered], rows: Rows) -> None:
    event = recorded.event
    target = rows.get(SUBJECTS[event.category], event.target) if event.category in SUBJECTS else None
    name = (target["name"] or "") if target else ""
    operation = rows.get("operations", event.operation_id)
    _operation(recorded, rows, operation, commands.project(operation, event, name, recorded.stored_at))
    _note(recorded, rows, name, about=(event.category, event.target))


def _operation(recorded: Recorded[Any], rows: Rows, before: Row | None, after: Row | None) -> Row | None:
    if before is None and after is not None:
        actor = recorded.metadata.actor
        after = after | {"actor": f"{actor.type}:{actor.id}", "reason": recorded.metadata.reason}
    return rows.put("operations", before, after, recorded.position)


def _note(recorded: Recorded[Any], rows: Rows, name: str, about: tuple[str, str] | None = None) -> None:
    """`about`: category and id of what the event is about, where that is not its own aggregate."""
    event: Event = recorded.event
    category, id_ = about or (recorded.category, recorded.aggregate_id)
    summary = activity.summary(event, name or f"a new {category}")
    if summary is None:
        return
    meta = recorded.metadata
    row: Row = {
        "id": meta.id,
        "at": recorded.stored_at,
        "category": category,
        "aggregate_id": id_,
        "subject_name": name,
        "type": meta.type,
        "operation_id": getattr(event, "operation_id", None),
        "actor_type": meta.actor.type,
        "actor_id": meta.actor.id,
        "reason": meta.reason,
        "summary": summary,
        "detail": activity.detail(event),
    }
    rows.put("activity", None, row, recorded.position)
