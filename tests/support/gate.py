"""A way to a server that a test can close: what goes through is passed on, held, or refused."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CHUNK = 65536


@dataclass
class Gate:
    """`port` leads to `target` on this machine, as long as the gate is open."""

    target: int
    port: int = 0
    tripped: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: asyncio.Event = field(default_factory=asyncio.Event)
    _words: tuple[bytes, ...] = ()
    _frame: re.Pattern[bytes] | None = None
    _server: asyncio.Server | None = None
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Also after `shut`, on the same port."""
        self._requests.set()
        self._answers.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)
            self.port = int(self._server.sockets[0].getsockname()[1])

    def shut(self) -> None:
        """Nobody listens there any more, and what was connected is cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in list(self._lines):
            line.cancel()

    def hang(self) -> None:
        """Connections are taken and nothing is passed on, neither way, until it is opened again."""
        self._requests.clear()
        self._answers.clear()

    def hold_answers_after(self, *words: str) -> None:
        """Passes on the request that has all those words, and nothing that comes back from then on (`tripped`)."""
        self._words = tuple(word.encode() for word in words)

    def lose_frame_with(self, word: str) -> None:
        """The next frame of a stream of changes that has the word gets lost on its way (`tripped`)."""
        self._frame = re.compile(rb"id(: [^\n]*\n)data(: [^\n]*" + re.escape(word.encode()) + rb")")

    def _lose(self, data: bytes) -> bytes:
        # as comments of the same length: nobody hears it, and what carries the stream stays whole
        if self._frame is None or not self._frame.search(data):
            return data
        lost = self._frame.sub(rb":d\1:ata\2", data, count=1)
        self._frame = None
        self.tripped.set()
        return lost

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            there, back = await asyncio.open_connection(HOST, self.target)
            with contextlib.closing(back):
                ways = [self._pass(reader, back, self._requests), self._pass(there, writer, self._answers)]
                tasks = [asyncio.ensure_future(way) for way in ways]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()
        except (OSError, asyncio.CancelledError):
            return  # cut: by either end, or by `shut`
        finally:
            self._lines.discard(line)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._words and way is self._requests and all(word in data for word in self._words):
                    self._answers.clear()
                    self._words = ()
                    self.tripped.set()
                await way.wait()
                writer.write(self._lose(data) if way is self._answers else data)
                await writer.drain()


@asynccontextmanager
async def gate_to(port: int) -> AsyncIterator[Gate]:
    gate = Gate(port)
    await gate.open()
    try:
        yield gate
    finally:
        gate.shut()
