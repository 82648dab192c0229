"""What must hold when everything has ended, judged by the log and by what the simulated clusters really are.

Each oracle yields a sentence for each violation.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.lab import Row
from proximity.domain.application import events as ev
from proximity.domain.application.marker import Marker, markers
from proximity.domain.application.state import Absent, Application
from proximity.domain.cluster import events as cluster_ev
from proximity.domain.operation.cause import Cause
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from proximity.messaging.aggregates import APPLICATION
from proximity.messaging.envelope import Recorded

NEVER_A_REASON = frozenset(
    {"vmid_in_foreign_hands", "not_ours", "half_made", "container_gone", "container_moved", "secret_unreadable",
     "invalid_request", "configuration_changed", "missing_rights", "deadline_passed"}
)  # fmt: skip
"""Causes that would mean Proximity lost its way: nobody here takes its guests or its rights, or changes either."""

BECAUSE_OF: Mapping[str, str] = {
    "oci_unsupported": "old version",
    "skopeo_missing": "no skopeo",
    "no_address": "no DHCP",
}
"""Cause of a failure -> the one trouble that explains it."""

ENDS = (ev.OperationSucceeded, ev.OperationFailed, ev.OperationCancelled, cluster_ev.OperationSucceeded,
        cluster_ev.OperationFailed, CommandRejected)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One cluster as it really is. `died`: UPIDs of creates whose worker died. `foreign`: vmid -> as it was made."""

    cluster_id: str
    guests: list[Row]
    journal: list[Row]
    foreign: Mapping[int, Row]
    died: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """`accepted`: operation ids that clients were told of, `refused`: those of requests that were not accepted.
    `struck`: names of the troubles there have been.
    """

    installation: str
    records: list[Recorded[Any]]
    clusters: list[Seen]
    accepted: Mapping[str, str]
    refused: Mapping[str, str]
    struck: frozenset[str] = frozenset()
    apps: dict[str, Application] = field(init=False)

    def __post_init__(self) -> None:
        states: dict[str, Any] = {}
        for record in self.records:
            if record.category == APPLICATION.category:
                before = states.get(record.aggregate_id, APPLICATION.initial)
                states[record.aggregate_id] = APPLICATION.evolve(before, record.event, record.stored_at)
        object.__setattr__(self, "apps", {key: app for key, app in states.items() if not isinstance(app, Absent)})

    def marked(self, seen: Seen) -> Iterator[tuple[Row, Marker]]:
        """Guests with a marker of this installation that fits their number."""
        for guest in seen.guests:
            for marker in markers(guest["description"]):
                if marker.installation == self.installation and marker.vmid == guest["vmid"]:
                    yield guest, marker


def violations(facts: Facts) -> list[str]:
    oracles = (histories, ends, answers, created_once, guests_and_applications, foreign_guests)
    return [f"{oracle.__name__}: {sentence}" for oracle in oracles for sentence in oracle(facts)]


def histories(facts: Facts) -> Iterator[str]:
    """Every aggregate's events are numbered without a gap."""
    versions: Counter[tuple[str, str]] = Counter()
    for record in facts.records:
        key = (record.category, record.aggregate_id)
        versions[key] += 1
        if record.metadata.version != versions[key]:
            yield f"{key}: event {record.position} is number {record.metadata.version}, not {versions[key]}"


def ends(facts: Facts) -> Iterator[str]:
    """Each operation has begun and ended once; nothing was given up as unreadable; causes make sense."""
    begun: dict[str, str] = {}
    times: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for record in facts.records:
        event = record.event
        match event:
            case ev.CancelRequested():
                begun[event.by_operation_id] = record.aggregate_id
                times[event.by_operation_id] += 1
            case _ if event.TYPE.endswith("_requested.v1"):
                begun[event.operation_id] = record.aggregate_id
                times[event.operation_id] += 1
            case CommandDeadLettered():
                yield f"command {event.operation_id} was given up: {event.reason}"
            case ev.OperationFailed() if not _explained(event.cause, facts.struck):
                yield f"operation {event.operation_id} ({event.kind}) failed with {event.cause}"
        if isinstance(event, ENDS):
            ended[event.operation_id] += 1
    yield from (f"operation {op} of {target} has not ended" for op, target in begun.items() if not ended[op])
    yield from (f"operation {op} began {count} times" for op, count in times.items() if count > 1)
    yield from (f"operation {op} ended {count} times" for op, count in ended.items() if count > 1)
    yield from (
        f"application {key} still does {app.operation}"
        for key, app in facts.apps.items()
        if app.operation or app.queued
    )


def _explained(cause: Cause, struck: frozenset[str]) -> bool:
    if cause.code == "invalid_request" and "not implemented" in cause.proxmox:
        # the node was of another version when it was looked at
        return "old version" in struck
    return cause.code not in NEVER_A_REASON and BECAUSE_OF.get(cause.code, "") in {"", *struck}


def answers(facts: Facts) -> Iterator[str]:
    """What was accepted is in the log with an end; what was refused left no trace but the claim of its key."""
    ended = {record.event.operation_id for record in facts.records if isinstance(record.event, ENDS)}
    traces: dict[str, list[str]] = defaultdict(list)
    for record in facts.records:
        if record.category != "claim":
            traces[record.metadata.correlation_id].append(record.metadata.type)
    for operation_id, asked in facts.accepted.items():
        if operation_id not in ended:
            yield f"{asked} was accepted as {operation_id} and has no end in the log: {traces[operation_id]}"
    for operation_id, asked in facts.refused.items():
        if traces[operation_id]:
            yield f"{asked} was refused and is in the log as {operation_id}: {traces[operation_id]}"


def created_once(facts: Facts) -> Iterator[str]:
    """One container per application: a second create of the same number only after a worker died in the first."""
    for seen in facts.clusters:
        creates: dict[str, list[Row]] = defaultdict(list)
        for entry in seen.journal:
            for marker in markers(entry["description"]):
                if entry["action"] == "create" and marker.vmid == entry["vmid"]:
                    creates[marker.application].append(entry)
        for application_id, made in creates.items():
            whole = [entry for entry in made if entry["upid"] not in seen.died]
            if len(whole) > 1 or len({entry["vmid"] for entry in made}) > 1:
                yield f"application {application_id} was created {len(made)} times: {made}"


def guests_and_applications(facts: Facts) -> Iterator[str]:
    """A guest of ours belongs to a living application on this cluster, and the other way round; their power agrees."""
    found: set[str] = set()
    for seen in facts.clusters:
        for guest, marker in facts.marked(seen):
            app = facts.apps.get(marker.application)
            ct = app.container if app and not app.deleted else None
            if app is None or ct is None:
                yield f"guest {guest['vmid']} of {seen.cluster_id} has no living application: {marker}"
                continue
            found.add(marker.application)
            if (ct.cluster_id, app.cluster_id, ct.vmid, ct.node) != (
                seen.cluster_id, seen.cluster_id, guest["vmid"], guest["node"],
            ):  # fmt: skip
                yield f"guest {guest['vmid']} on {guest['node']} of {seen.cluster_id} belongs elsewhere: {ct}"
            if app.deployed and ct.power not in ("unknown", guest["status"]):
                yield f"guest {guest['vmid']} of {seen.cluster_id} is {guest['status']}, the log says {ct.power}"
            if app.deployed and guest["lock"]:
                yield f"guest {guest['vmid']} of {seen.cluster_id} is locked ({guest['lock']}) though nothing goes on"
        # blank: what a dead worker left has no marker yet
        containers = [app.container for app in facts.apps.values() if app.cluster_id == seen.cluster_id]
        known = {ct.vmid for ct in containers if ct}
        for guest in seen.guests:
            if guest["vmid"] not in seen.foreign and not guest["description"] and guest["vmid"] not in known:
                yield f"guest {guest['vmid']} of {seen.cluster_id} was left by somebody: {guest}"
    for application_id, app in facts.apps.items():
        if app.deployed and not app.deleted and application_id not in found:
            yield f"application {application_id} has lost its guest: {app.container}"


def foreign_guests(facts: Facts) -> Iterator[str]:
    """What somebody else made is as it was: there, with the same configuration and status, touched by no task."""
    for seen in facts.clusters:
        guests = {guest["vmid"]: guest for guest in seen.guests}
        for vmid, before in seen.foreign.items():
            now = guests.get(vmid)
            if now is None or any(now[key] != before[key] for key in ("config", "status", "lock", "node")):
                yield f"foreign guest {vmid} of {seen.cluster_id} was {before}, is {now}"
        for entry in seen.journal:
            if entry["vmid"] in seen.foreign and "stranger@" not in entry["upid"]:
                yield f"foreign guest {entry['vmid']} of {seen.cluster_id}: {entry}"
