"""JetStream in memory: as much of it as the services use, so that their own messaging code runs on it unchanged.

It is the server of line.py. That it keeps the contract is proven by the tests of the real one (test_log.py).
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

from proximity.messaging import subjects
from proximity.messaging.streams import BUCKETS, STREAMS, durables

ACK_WAIT = 10.0
WRONG_LAST_SEQUENCE, DUPLICATE_IN_BATCH = 10071, 10201
Headers = dict[str, str]


class RefusedError(Exception):
    """JetStream's answer says why nothing was stored."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.answer = {"error": {"code": 400, "err_code": code, "description": description}}


@dataclass(frozen=True, slots=True)
class Message:
    """`at`: when it was stored. `headers`: as it was sent, with what Direct Get adds."""

    subject: str
    sequence: int
    at: datetime
    headers: Headers
    data: bytes


@dataclass
class Delivery:
    """One message of a durable, in somebody's hands until it is acknowledged or its time is over."""

    message: Message
    consumer: "Consumer"
    times: int
    until: float

    @property
    def reply(self) -> str:
        at = int(self.message.at.timestamp() * 1_000_000) * 1000
        stream, durable, sequence = self.consumer.stream.name, self.consumer.name, self.message.sequence
        return f"$JS.ACK.{stream}.{durable}.{self.times}.{sequence}.{sequence}.{at}.0"


class Stream:
    def __init__(self, config: StreamConfig) -> None:
        self.name = str(config.name)
        self.filters = [str(s) for s in config.subjects or ()]
        self.work_queue = config.retention == RetentionPolicy.WORK_QUEUE
        self.one_each = config.max_msgs_per_subject == 1
        self.write_once = bool(config.discard_new_per_subject)
        self.max_age = config.max_age
        self.window = float(config.duplicate_window or 0)
        self.messages: dict[int, Message] = {}
        self.by_subject: dict[str, list[int]] = {}
        self.head = 0
        self.ids: dict[str, tuple[int, datetime]] = {}

    def copy(self) -> "Stream":
        other = object.__new__(Stream)
        other.__dict__ = {
            **self.__dict__,
            "messages": dict(self.messages),
            "by_subject": {subject: list(found) for subject, found in self.by_subject.items()},
            "ids": dict(self.ids),
        }
        return other

    def expire(self, now: datetime) -> None:
        if self.max_age:
            oldest = now - timedelta(seconds=self.max_age)
            while self.messages and (first := next(iter(self.messages.values()))).at <= oldest:
                self.remove(first.sequence)

    def remove(self, sequence: int) -> None:
        if message := self.messages.pop(sequence, None):
            self.by_subject[message.subject].remove(sequence)

    def last(self, subject: str) -> int:
        found = self.by_subject.get(subject)
        return found[-1] if found else 0

    def known(self, headers: Headers, now: datetime) -> int:
        """The sequence of a message with this id, 0 if none is remembered."""
        sequence, at = self.ids.get(headers.get("Nats-Msg-Id", ""), (0, now))
        return sequence if now - at < timedelta(seconds=self.window) else 0

    def check(self, subject: str, headers: Headers) -> None:
        expected = headers.get("Nats-Expected-Last-Subject-Sequence")
        last = self.last(subject)
        if expected is not None and int(expected) != last:
            raise RefusedError(WRONG_LAST_SEQUENCE, f"wrong last sequence: {last}")
        if self.write_once and last:
            raise RefusedError(10077, "maximum messages per subject exceeded")

    def store(self, subject: str, headers: Headers, data: bytes, now: datetime) -> Message:
        self.head += 1
        added = {
            "Nats-Stream": self.name,
            "Nats-Subject": subject,
            "Nats-Sequence": str(self.head),
            "Nats-Time-Stamp": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        message = Message(subject, self.head, now, headers | added, data)
        if self.one_each:
            for sequence in list(self.by_subject.get(subject, ())):
                self.remove(sequence)
        self.messages[self.head] = message
        self.by_subject.setdefault(subject, []).append(self.head)
        if id_ := headers.get("Nats-Msg-Id"):
            self.ids[id_] = (self.head, now)
        return message

    def matching(self, pattern: str, first: int) -> list[Message]:
        if not pattern.endswith(">"):
            found = self.by_subject.get(pattern, [])
            return [self.messages[sequence] for sequence in found[bisect_right(found, first - 1) :]]
        if self.work_queue or self.one_each:
            return [m for m in self.messages.values() if m.sequence >= first and matches(pattern, m.subject)]
        page = (self.messages[sequence] for sequence in range(max(first, 1), self.head + 1))
        return [m for m in page if matches(pattern, m.subject)]


def matches(pattern: str, subject: str) -> bool:
    return subject.startswith(pattern[:-1]) if pattern.endswith(">") else subject == pattern


class Consumer:
    """A durable: every matching message once, again if it is handed back or not acknowledged in time."""

    def __init__(self, name: str, stream: Stream, config: ConsumerConfig) -> None:
        self.name = name
        self.stream = stream
        self.filters = [str(config.filter_subject)] if config.filter_subject else list(config.filter_subjects or ())
        self.cursor = 0
        self.given: dict[int, Delivery] = {}

    def copy(self, stream: Stream) -> "Consumer":
        """At the same place, with nothing given out."""
        other = object.__new__(Consumer)
        other.__dict__ = {**self.__dict__, "stream": stream, "given": {}}
        return other

    def next(self, now: float) -> Delivery | None:
        """What is due again comes first."""
        for sequence, delivery in list(self.given.items()):
            if sequence not in self.stream.messages:
                del self.given[sequence]
            elif delivery.until <= now:
                delivery.times += 1
                delivery.until = now + ACK_WAIT
                return delivery
        while self.cursor < self.stream.head:
            self.cursor += 1
            message = self.stream.messages.get(self.cursor)
            if message is not None and any(matches(f, message.subject) for f in self.filters):
                self.given[message.sequence] = Delivery(message, self, 1, now + ACK_WAIT)
                return self.given[message.sequence]
        return None

    def next_due(self) -> float | None:
        """When something that was given out comes again."""
        return min((delivery.until for delivery in self.given.values()), default=None)

    def ack(self, delivery: Delivery) -> None:
        if self.given.get(delivery.message.sequence) is delivery:
            del self.given[delivery.message.sequence]
            if self.stream.work_queue:
                self.stream.remove(delivery.message.sequence)


@dataclass
class Log:
    """`clock`: the server's time in seconds; `seconds` of it are what consumers wait by."""

    epoch: datetime
    seconds: Callable[[], float]
    streams: dict[str, Stream] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    schedules: dict[str, tuple[datetime, str, bytes]] = field(default_factory=dict)
    batches: dict[str, list[tuple[str, Headers, bytes]]] = field(default_factory=dict)
    heard: list[Callable[[], None]] = field(default_factory=list)
    source: str = ""

    @classmethod
    def prepared(cls, epoch: datetime, seconds: Callable[[], float]) -> "Log":
        log = cls(epoch, seconds)
        log.streams = {str(config.name): Stream(config) for config in (*STREAMS, *BUCKETS)}
        for stream, config in durables():
            name = str(config.durable_name)
            log.consumers[name] = Consumer(name, log.streams[stream], config)
        return log

    def copy(self, seconds: Callable[[], float]) -> "Log":
        """The same past, to go on from; its present time is the copy's beginning. Nobody who lived then lives now."""
        other = Log(self.now() - timedelta(seconds=seconds()), seconds)
        other.streams = {name: stream.copy() for name, stream in self.streams.items()}
        other.consumers = {name: c.copy(other.streams[c.stream.name]) for name, c in self.consumers.items()}
        other.schedules = dict(self.schedules)
        leases = other.streams[subjects.bucket_stream(subjects.LEASES)]
        for sequence in list(leases.messages):
            leases.remove(sequence)
        return other

    def now(self) -> datetime:
        return self.epoch + timedelta(microseconds=round(self.seconds() * 1_000_000))

    # --- what is published

    def publish(self, subject: str, headers: Headers, data: bytes) -> dict[str, Any] | None:
        """The acknowledgement; None: the batch is open."""
        stream = next(s for s in self.streams.values() if any(matches(f, subject) for f in s.filters))
        stream.expire(self.now())
        try:
            if "Nats-Batch-Id" in headers:
                return self._batch(stream, subject, headers, data)
            if known := stream.known(headers, self.now()):
                return {"stream": stream.name, "seq": known, "duplicate": True}
            stream.check(subject, headers)
            return {"stream": stream.name, "seq": self._store(stream, subject, headers, data)}
        except RefusedError as refused:
            return refused.answer

    def _batch(self, stream: Stream, subject: str, headers: Headers, data: bytes) -> dict[str, Any] | None:
        batch = self.batches.setdefault(headers["Nats-Batch-Id"], [])
        batch.append((subject, headers, data))
        if "Nats-Batch-Commit" not in headers:
            return None
        del self.batches[headers["Nats-Batch-Id"]]
        if [h["Nats-Batch-Sequence"] for _, h, _ in batch] != [str(n + 1) for n in range(len(batch))]:
            raise RefusedError(10176, "batch publish is incomplete and was abandoned")
        for subject_, headers_, _ in batch:
            if stream.known(headers_, self.now()):
                raise RefusedError(DUPLICATE_IN_BATCH, "batch publish contains duplicate message id")
            stream.check(subject_, headers_)
        last = [self._store(stream, *message) for message in batch][-1]
        return {"stream": stream.name, "seq": last, "batch": headers["Nats-Batch-Id"], "count": len(batch)}

    def _store(self, stream: Stream, subject: str, headers: Headers, data: bytes) -> int:
        if at := headers.get("Nats-Schedule"):
            due = datetime.fromisoformat(at.removeprefix("@at "))
            self.schedules[subject] = (due, headers["Nats-Schedule-Target"], data)
            sequence = stream.head
        else:
            sequence = stream.store(subject, headers, data, self.now()).sequence
        for tell in self.heard:
            tell()
        return sequence

    def due(self) -> datetime | None:
        """Publishes the wake-ups whose time has come; when the next one is due."""
        now = self.now()
        for subject, (at, target, data) in list(self.schedules.items()):
            if at <= now:
                del self.schedules[subject]
                self._store(self.streams[subjects.WAKE], target, {}, data)
        return min((at for at, _, _ in self.schedules.values()), default=None)

    # --- what is asked

    def direct(self, name: str, request: dict[str, Any]) -> Iterator[tuple[Headers, bytes]]:
        """The answers to a Direct Get, in the form they have on the wire."""
        stream = self.streams[name]
        stream.expire(self.now())
        if subject := request.get("last_by_subj"):
            last = stream.messages.get(stream.last(subject))
            yield (last.headers, last.data) if last else ({"Status": "404", "Description": "Message Not Found"}, b"")
            return
        found = stream.matching(request["next_by_subj"], request["seq"])
        pending = max(0, len(found) - request["batch"])
        found = found[: request["batch"]]
        if not found:
            yield {"Status": "404", "Description": "No Results"}, b""
            return
        for message in found:
            yield message.headers, message.data
        yield {"Status": "204", "Description": "EOB", "Nats-Num-Pending": str(pending)}, b""

    def info(self, name: str, request: bytes) -> dict[str, Any]:
        stream = self.streams[name]
        state: dict[str, Any] = {"last_seq": stream.head, "messages": len(stream.messages)}
        answer = {"ts": self.now().isoformat().replace("+00:00", "Z"), "state": state}
        asked = json.loads(request) if request else {}
        if pattern := asked.get("subjects_filter"):
            found = {s: len(q) for s, q in sorted(stream.by_subject.items()) if q and matches(pattern, s)}
            state["subjects"] = dict(list(found.items())[asked.get("offset", 0) :])
            answer["total"] = len(found)  # type: ignore[assignment]
        return answer
