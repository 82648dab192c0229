"""Server-sent events on the wire. Whatever goes into a frame is JSON in one line, which has no raw CR or LF."""

from typing import Any

import orjson

# how long a browser waits before it comes back, in milliseconds
HELLO = b"retry: 1000\n\n"
HEARTBEAT = b": still here\n\n"
# the same for browsers, whose scripts never see a comment
BEAT = b": still here\nevent: beat\ndata: {}\n\n"
# seconds a catching-up stream waits for the hub before it looks again itself
PATIENCE = 5.0
MEDIA_TYPE = "text/event-stream"
# a proxy must pass every frame on at once
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


# Line ends to Unicode though not to server-sent events: many a client splits there all the same.
_LINE_ENDS = {"\x85": b"\\u0085", "\u2028": b"\\u2028", "\u2029": b"\\u2029"}


def one_line(data: Any) -> bytes:
    """JSON without anything that anybody takes for the end of a line."""
    text = orjson.dumps(data)
    for character, escaped in _LINE_ENDS.items():
        text = text.replace(character.encode(), escaped)
    return text


def frame(data: Any, event: str | None = None, id_: str | None = None) -> bytes:
    """`event` and `id_` are ours; a line break in one would forge a field, so it is refused."""
    head = b""
    for name, value in ((b"id", id_), (b"event", event)):
        if value is not None:
            if "\r" in value or "\n" in value or "\0" in value:
                raise ValueError(f"not usable as {name.decode()} of a frame")
            head += name + b": " + value.encode() + b"\n"
    return head + b"data: " + one_line(data) + b"\n\n"
