"""Copies of streams: of the log as the server makes them, of a bucket or a queue message by message.

The server's copy (JetStream's snapshot and restore API) keeps positions and times, which events are judged by. Where
messages are deleted it is not used: while it is made the server deletes nothing, so an acknowledged command would stay.
A stream that is filled carries RESTORING in its metadata until `bootstrap.make` has been over it.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import nats.errors
from nats.js.api import RawStreamMsg, StreamConfig
from nats.js.errors import NotFoundError

from proximity.domain.model import Json
from proximity.messaging import subjects
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import MESSAGE_ID
from proximity.messaging.patience import patiently
from proximity.messaging.publishing import Outgoing, publish_patiently
from proximity.messaging.streams import RESTORING

_CHUNK = 512 * 1024  # bytes
# Seconds: in which the next part has to come or to be taken, and for making the stream of all of them.
_PATIENCE = 60.0
_MAKING = 900.0
_KNOWN_WITHIN = 4.0


class SnapshotError(Exception):
    """The server broke a copy off, or refuses one; in its words."""


@dataclass(frozen=True)
class Described:
    """A stream as the server describes it to itself: needed to make it again."""

    config: Json
    state: Json


class Snapshot:
    """`described` is there from the beginning, then `chunks` once. Messages that come meanwhile may be part of it."""

    def __init__(self, described: Described, chunks: AsyncIterator[bytes]) -> None:
        self.described = described
        self.chunks = chunks


async def take(bus: Bus, stream: str) -> Snapshot:
    """Without consumers: where they stood would not belong to it. Raises SnapshotError, TimeoutError."""
    # once its leader answers: a copy that was begun twice would come twice
    await patiently(lambda: bus.js.stream_info(stream))
    inbox = bus.nc.new_inbox()
    parts = await bus.nc.subscribe(inbox)
    request = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": _CHUNK}
    answer = _answer(await bus.request(subjects.stream_snapshot(stream), json.dumps(request).encode()))

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                part = await parts.next_msg(_PATIENCE)
                if not part.data:
                    status = (part.headers or {}).get("Status", "204")
                    if status != "204":
                        raise SnapshotError(f"{stream}: {status} {(part.headers or {}).get('Description', '')}")
                    return
                yield part.data
                if part.reply:
                    await bus.nc.publish(part.reply, b"")
        except nats.errors.TimeoutError as error:
            raise TimeoutError(f"the copy of {stream} does not go on") from error
        finally:
            await parts.unsubscribe()

    return Snapshot(Described(answer["config"], answer["state"]), chunks())


async def put_back(bus: Bus, described: Described, chunks: Iterable[bytes], copies: int, backup_id: str) -> None:
    """Makes the stream again: the server makes it whole or not at all. Messages can be deleted from it for now.

    Raises SnapshotError, TimeoutError.
    """
    changed = {"num_replicas": copies, "deny_delete": False, "metadata": {RESTORING: backup_id}}
    config = described.config | changed
    request = json.dumps({"config": config, "state": described.state}).encode()
    place = _answer(await bus.request(subjects.stream_restore(config["name"]), request))["deliver_subject"]
    try:
        for chunk in chunks:
            _answer(await _send(bus, place, chunk, _PATIENCE) or b"{}")
        # an empty part is the end: the answer says what became of it
        _answer(await _send(bus, place, b"", _MAKING))
    except nats.errors.Error as error:
        raise TimeoutError(f"{config['name']} is not taken: {error!r}") from error


async def _send(bus: Bus, place: str, part: bytes, patience: float) -> bytes:
    """The answer. In a cluster our server learns a moment later that another one waits for the parts: what nobody took
    is sent again. Raises nats.errors.Error.
    """
    deadline = asyncio.get_running_loop().time() + _KNOWN_WITHIN
    while True:
        try:
            return (await bus.nc.request(place, part, timeout=patience)).data
        except nats.errors.NoRespondersError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)


async def cut_torn_batch(bus: Bus, stream: str) -> int:
    """Deletes what there is of an atomic batch that was copied while it was being written: how many messages.

    Raises TimeoutError.
    """
    info = await patiently(lambda: bus.js.stream_info(stream))
    last = int(info.state.last_seq)
    batch, torn = None, []
    async for message in _back_from(bus, stream, last):
        headers = message.headers or {}
        batch = batch or headers.get("Nats-Batch-Id")
        if "Nats-Batch-Commit" in headers or not batch or headers.get("Nats-Batch-Id") != batch:
            break
        torn.append(int(message.seq or 0))
    for sequence in torn:
        await patiently(partial(bus.js.delete_msg, stream, sequence))
    return len(torn)


async def _back_from(bus: Bus, stream: str, last: int) -> AsyncIterator[RawStreamMsg]:
    """What is not deleted, the last one first."""
    for sequence in range(last, 0, -1):
        with contextlib.suppress(NotFoundError):
            yield await patiently(partial(bus.js.get_msg, stream, sequence))


async def messages(bus: Bus, stream: str) -> list[Json]:
    """What is in a bucket or a queue, as it can be published again. Raises TimeoutError, nats.js.errors.APIError.

    Each is asked of the leader: any server of a cluster answers a Direct Get, also one that is behind.
    """
    found: list[Json] = []
    sequence = 0
    while True:
        try:
            message = await patiently(partial(bus.js.get_msg, stream, sequence + 1, subject=">", next=True))
        except NotFoundError:
            return found
        data = base64.b64encode(message.data or b"").decode()
        found.append({"subject": message.subject, "headers": _own(message.headers or {}), "data": data})
        sequence = int(message.seq or 0)


def _own(headers: dict[str, str]) -> dict[str, str]:
    """Without what the server and an expectation added."""
    return {name: value for name, value in headers.items() if name == MESSAGE_ID or not name.startswith("Nats-")}


async def fill(bus: Bus, config: StreamConfig, kept: list[Json], copies: int, backup_id: str) -> None:
    """Makes the stream with these messages; one that was begun is gone on with.

    Raises publishing.UnavailableError, NotStoredError, PublishError, nats.js.errors.APIError.
    """
    made = config.evolve(num_replicas=copies, metadata={RESTORING: backup_id})
    info = await patiently(lambda: bus.js.add_stream(made))
    for message in kept[info.state.messages :]:
        data = base64.b64decode(message["data"])
        await publish_patiently(bus, Outgoing(message["subject"], message["headers"], data))


def _answer(data: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(data)
    if error := answer.get("error"):
        raise SnapshotError(f"{error.get('err_code')} {error.get('description')}")
    return answer
