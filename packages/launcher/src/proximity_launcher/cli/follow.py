"""An operation, watched until it ends: its row whenever it changes, from the live stream."""

import json
import time
from collections.abc import Iterator

import httpx2

from proximity_launcher.cli.server import Frame, Row, Server, unreachable
from proximity_launcher.failure import Exit, Failure

ENDED = frozenset({"succeeded", "failed", "rejected", "cancelled", "undecided"})
# how long a server that went away in the middle is waited for
_AWAY = 60.0


def follow(server: Server, operation_id: str, timeout: float) -> Iterator[Row]:
    """Raises a Failure with STILL_RUNNING after `timeout` seconds, with UNREACHABLE if the server stays away.

    Each (re)connection begins with the row as it is, so nothing depends on what was missed.
    """
    until = time.monotonic() + timeout
    away_since: float | None = None
    last: Row | None = None
    while True:
        try:
            for row in _once(server, operation_id):
                away_since = None
                if row and row != last:
                    last = row
                    yield row
                if last and last["status"] in ENDED:
                    return
                _check(until, operation_id)
        except (httpx2.TransportError, Failure) as error:
            if isinstance(error, Failure) and error.status is not Exit.UNREACHABLE:
                raise
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _AWAY:
                raise unreachable(server.url) from error
            time.sleep(0.5)
        _check(until, operation_id)


def _once(server: Server, operation_id: str) -> Iterator[Row | None]:
    """None: nothing new, but the server is there."""
    with server.stream("/stream") as frames:
        # asked for after the stream is open: whatever happens from here on comes as a frame
        yield server.get(f"/operations/{operation_id}")
        for frame in frames:
            if frame.event == "reset":
                return
            yield from _rows(frame, operation_id)


def _rows(frame: Frame, operation_id: str) -> Iterator[Row | None]:
    yield None
    # figures come without an id and are none of our business
    changes = json.loads(frame.data).get("changes", ()) if frame.id and frame.data else ()
    for change in changes:
        if change["table"] == "operations" and change["id"] == operation_id and change["row"]:
            yield change["row"]


def _check(until: float, operation_id: str) -> None:
    if time.monotonic() > until:
        raise Failure(
            f"The operation still runs. It goes on without you: `proximity operation {operation_id}` tells how it is.",
            code="still_running",
            status=Exit.STILL_RUNNING,
        )
