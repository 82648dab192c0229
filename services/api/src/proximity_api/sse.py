"""Server-sent events on the wire. Whatever goes into a frame is JSON in one line, which has no raw CR or LF."""

from typing import Any

import orjson

# how long a browser waits before it comes back, in milliseconds
HELLO = b"retry: 1000\n\n"
HEARTBEAT = b": still here\n\n"
# seconds a catching-up stream waits for the hub before it looks again itself
PATIENCE = 5.0
MEDIA_TYPE = "text/event-stream"
# a proxy must pass every frame on at once
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(data: Any, event: str | None = None, id_: str | None = None) -> bytes:
    """`event` and `id_` are ours; a line break in one would forge a field, so it is refused."""
    head = b""
    for name, value in ((b"id", id_), (b"event", event)):
        if value is not None:
            if "\r" in value or "\n" in value or "\0" in value:
                raise ValueError(f"not usable as {name.decode()} of a frame")
            head += name + b": " + value.encode() + b"\n"
    return head + b"data: " + orjson.dumps(data) + b"\n\n"
