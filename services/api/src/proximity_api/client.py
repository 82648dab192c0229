"""One client of the live stream: what waits to be sent to it."""

import asyncio


class Encoded:
    """A frame, encoded once for all clients. Only its beginning differs, and for most clients not even that."""

    def __init__(self, epoch: str, position: int, changes: bytes) -> None:
        """`changes`: JSON in one line."""
        self.position = position
        self._head = b"id: %b:%d\n" % (epoch.encode(), position)
        self._tail = b'"position":%d,"changes":%b}\n\n' % (position, changes)
        self._prev = -1
        self._whole = b""

    def after(self, prev: int) -> bytes:
        """The frame for a client whose last one was that of `prev`."""
        if prev != self._prev:
            self._prev, self._whole = prev, b'%bdata: {"prev":%d,%b' % (self._head, prev, self._tail)
        return self._whole


class Client:
    """`position`: of the last frame handed over, which is `prev` of the next one."""

    def __init__(self, session: str, position: int, limit: int) -> None:
        self.session = session
        self.position = position
        # a heartbeat is to be sent
        self.beat_due = False
        self.ended = False
        self.dropped = False
        self._limit = limit
        self._waiting: list[bytes] = []
        self._ready = asyncio.Event()

    def begin(self, frame: Encoded) -> bytes:
        """The frame as this client gets it."""
        prev, self.position = self.position, frame.position
        return frame.after(prev)

    def offer(self, frame: Encoded) -> None:
        """Adds a frame, unless the catch-up had it already. A client that does not read is sent away."""
        if self.ended or frame.position <= self.position:
            return
        if len(self._waiting) >= self._limit:
            self.dropped = True
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(self.begin(frame))
        self._ready.set()

    def aside(self, data: bytes) -> None:
        """Something without a position, which a slow client may miss."""
        if not self.ended and len(self._waiting) < self._limit:
            self._waiting.append(data)
            self._ready.set()

    def beat(self) -> None:
        self.beat_due = True
        self._ready.set()

    def end(self, last: bytes | None = None) -> None:
        """What waits is still sent, and `last` after it."""
        if last and not self.ended:
            self._waiting.append(last)
        self.ended = True
        self._ready.set()

    async def take(self) -> bytes:
        """What waits, as soon as something does; empty if it is only a heartbeat or the end."""
        await self._ready.wait()
        self._ready.clear()
        taken, self._waiting = b"".join(self._waiting), []
        return taken
