"""Every subject, stream, bucket and durable name there is: no other module writes one out."""

import re

EVENTS = "EVENTS"
COMMANDS = "COMMANDS"
WAKE = "WAKE"
OBSERVATIONS = "OBSERVATIONS"

VAULT = "vault"
CREDENTIALS = "credentials"
SESSIONS = "sessions"
LEASES = "leases"

PROVISIONER_COMMANDS = "provisioner-commands"
PROVISIONER_STEPS = "provisioner-steps"
PROVISIONER_WAKE = "provisioner-wake"
PROJECTOR_OBSERVATIONS = "projector-observations"

# the kind of observation that more than one service tells
ADDRESSES = "addresses"

ALL_EVENTS = "proximity.events.>"
ALL_COMMANDS = "proximity.commands.>"
ALL_WAKE = "proximity.wake.>"
ALL_SCHEDULES = "proximity.wake.schedule.>"
ALL_DUE = "proximity.wake.due.>"
ALL_OBSERVATIONS = "proximity.observations.>"
CHANGES = "proximity.changes"

_TOKENS = re.compile(r"[A-Za-z0-9_=/-]+(\.[A-Za-z0-9_=/-]+)*")


def event(category: str, aggregate_id: str) -> str:
    """One aggregate's own subject. An id may hold dots (those of claims do), so consumers filter `>`."""
    return f"proximity.events.{_safe(category)}.{_safe(aggregate_id)}"


def events_of(category: str) -> str:
    return f"proximity.events.{_safe(category)}.>"


def command(category: str, aggregate_id: str) -> str:
    return f"proximity.commands.{_safe(category)}.{_safe(aggregate_id)}"


def aggregate(subject: str) -> tuple[str, str]:
    """Category and aggregate id of an event's or a command's subject."""
    _, _, category, aggregate_id = subject.split(".", 3)
    return category, aggregate_id


def schedule(operation_id: str, kind: str) -> str:
    return f"proximity.wake.schedule.{_safe(operation_id)}.{_safe(kind)}"


def due(operation_id: str, kind: str) -> str:
    return f"proximity.wake.due.{_safe(operation_id)}.{_safe(kind)}"


def due_parts(subject: str) -> tuple[str, str]:
    """Operation id and kind of a due wake-up."""
    _, _, _, operation_id, kind = subject.split(".")
    return operation_id, kind


def observation(kind: str, key: str) -> str:
    return f"proximity.observations.{_safe(kind)}.{_safe(key)}"


def observations_of(kind: str, under: str = "") -> str:
    """All of a kind, or those whose key begins with these tokens."""
    return f"proximity.observations.{_safe(f'{kind}.{under}' if under else kind)}.>"


def observation_parts(subject: str) -> tuple[str, str]:
    """Kind and key of an observation."""
    _, _, kind, key = subject.split(".", 3)
    return kind, key


def bucket_stream(bucket: str) -> str:
    return f"KV_{bucket}"


def bucket_key(bucket: str, key: str) -> str:
    return f"$KV.{bucket}.{_safe(key)}"


def bucket_keys(bucket: str, prefix: str = "") -> str:
    return f"$KV.{bucket}.{_safe(prefix)}.>" if prefix else f"$KV.{bucket}.>"


def direct_get(stream: str) -> str:
    return f"$JS.API.DIRECT.GET.{stream}"


def stream_info(stream: str) -> str:
    return f"$JS.API.STREAM.INFO.{stream}"


def stream_snapshot(stream: str) -> str:
    return f"$JS.API.STREAM.SNAPSHOT.{stream}"


def stream_restore(stream: str) -> str:
    return f"$JS.API.STREAM.RESTORE.{stream}"


def next_messages(stream: str, consumer: str) -> str:
    """Where a pull consumer is asked for messages."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"


def inbox(service: str) -> str:
    """A service's private prefix for replies. FastStream's subscribers want it with a dot at the end."""
    return f"_INBOX_{service}"


def _safe(tokens: str) -> str:
    """Refuses what would make another subject than the one meant: wildcards, spaces, empty tokens."""
    if not _TOKENS.fullmatch(tokens):
        raise ValueError(f"not usable in a subject: {tokens!r}")
    return tokens
