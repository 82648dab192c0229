"""Consoles of containers: termproxy, its ticket and its task, and the websocket."""

import asyncio
import base64
import hmac
import itertools
import re
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from fakepve.model import PveError, TaskError
from fakepve.server import API, USER

from . import parameters
from .base import Base, Values
from .terminal import Terminal

CONSOLE_PATH = "/nodes/{node}/lxc/{vmid}/termproxy"
FIRST_PORT, PORTS = 5900, 100
CONNECT_SECONDS = 10.0
"""Real ones, for they are the client's: how long a terminal waits for it."""
TICKET_SECONDS = 40.0
INVALID = "permission denied - invalid PVEVNC ticket"
SYSTEMS = {"debian": "Debian GNU/Linux 12", "ubuntu": "Ubuntu 24.04 LTS", "alpine": "Alpine Linux 3.22"}
FRAME = re.compile(rb"0:(\d+):|1:\d+:\d+:|2")
"""Of the client: input with its length, a new size, or nothing but a sign of life."""


@dataclass(eq=False)
class Console:
    """A terminal that waits for its client. `user`: with the token, if one asked."""

    container: Any
    user: str
    port: int
    ticket: str
    issued: float = field(default_factory=time.monotonic)
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Consoles(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.consoles: list[Console] = []
        self._console_ports = itertools.cycle(range(FIRST_PORT, FIRST_PORT + PORTS))

    def _routes_a_console(self) -> list[Any]:
        return [("POST", CONSOLE_PATH, self._open_console)]

    def _lxc_routes(self, router: Any, node: str) -> None:
        super()._lxc_routes(router, node)
        router.add_get(f"{node}/lxc/{{vmid}}/vncwebsocket", self._console_socket)

    def changed(self) -> None:
        """A container that stops takes its consoles with it."""
        super().changed()
        for console in self.consoles:
            if console.taken.is_set() and console.container.status != "running":
                console.over.set()

    async def _open_console(self, v: Values, user: str) -> dict[str, str]:
        container = self._find_ct(v["node"], v["vmid"])
        signature = base64.b64encode(self.random.randbytes(256)).decode()
        ticket = f"PVEVNC:{int(time.time()):08X}::{signature}"
        console = Console(container, user, next(self._console_ports), ticket)
        self.consoles.append(console)

        async def body() -> None:
            await self._serve_console(console)

        upid = await self.task(container.node, "vncproxy", container.vmid, user, body)
        return {"user": user, "ticket": ticket, "port": str(console.port), "upid": upid}

    async def _serve_console(self, console: Console) -> None:
        """The task of a console lasts as long as its connection."""
        try:
            if not await self._come(console.taken, CONNECT_SECONDS):
                raise TaskError(_unanswered(console))
            await self._come(console.over)
        finally:
            console.over.set()
            self.consoles.remove(console)

    async def _come(self, event: asyncio.Event, seconds: float | None = None) -> bool:
        """Whether it came, in this time or before the process is to end."""
        waiting = [asyncio.create_task(each.wait()) for each in (event, self.hurry)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return event.is_set() or self.hurry.is_set()

    # ----------------------------------------------------------------- socket

    async def _console_socket(self, request: web.Request) -> web.StreamResponse:
        async def checked(_match: Any, values: Values) -> Values:
            return values

        user, match = request[USER], self.resolve(request, API)
        values = await self.answer(request, match, await parameters.params(request), user, checked)
        console = self._asked_for(values, user)
        if console is None:
            raise PveError(401, INVALID)
        socket = web.WebSocketResponse(protocols=("binary",), timeout=1.0)
        await socket.prepare(request)
        console.taken.set()
        try:
            if await self._admitted(socket, console):
                await self._talk(socket, console)
        finally:
            console.over.set()
            await socket.close()
        return socket

    def _asked_for(self, values: Values, user: str) -> Console | None:
        given = str(values["vncticket"]).encode()
        for console in self.consoles:
            fresh = time.monotonic() - console.issued < TICKET_SECONDS and not console.taken.is_set()
            place = (console.container.vmid, console.user, console.port)
            wanted = (int(values["vmid"]), user, int(values["port"]))
            if fresh and place == wanted and hmac.compare_digest(console.ticket.encode(), given):
                return console
        return None

    async def _admitted(self, socket: web.WebSocketResponse, console: Console) -> bool:
        """The first frame says again who it is."""
        first = await self._received(socket, console)
        if first != f"{console.user}:{console.ticket}\n".encode():
            return False
        await socket.send_bytes(b"OK")
        return True

    async def _talk(self, socket: web.WebSocketResponse, console: Console) -> None:
        container = console.container
        if container.status != "running":
            await socket.send_bytes(f"lxc-console: {container.vmid}: {container.vmid} is not running\r\n".encode())
            return
        system = SYSTEMS.get(container.config.get("ostype", ""), "Linux")
        terminal = Terminal(container.name, system)
        await socket.send_bytes(terminal.greeting().encode())
        left = b""
        while (frame := await self._received(socket, console)) is not None:
            keys, left = typed(left + frame)
            shown = terminal.feed(keys.decode(errors="replace"))
            if shown:
                await socket.send_bytes(shown.encode())

    async def _received(self, socket: web.WebSocketResponse, console: Console) -> bytes | None:
        """None: the connection ended, or is to end."""
        receiving = asyncio.create_task(socket.receive())
        ending = [asyncio.create_task(event.wait()) for event in (console.over, self.hurry)]
        await asyncio.wait([receiving, *ending], return_when=asyncio.FIRST_COMPLETED)
        for task in (receiving, *ending):
            task.cancel()
        if not receiving.done() or receiving.cancelled():
            return None
        message = receiving.result()
        if message.type is WSMsgType.TEXT:
            return str(message.data).encode()
        return bytes(message.data) if message.type is WSMsgType.BINARY else None


def _unanswered(console: Console) -> str:
    vmid = console.container.vmid
    attach = f"/usr/bin/dtach -A /var/run/dtach/vzctlconsole{vmid} -r winch -z lxc-console -n {vmid} -e -1"
    terminal = f"/usr/bin/termproxy {console.port} --path /vms/{vmid} --perm VM.Console -- {attach}"
    return f"command '{terminal}' failed: exit code 1"


def typed(frames: bytes) -> tuple[bytes, bytes]:
    """The keys in these frames, and what is left of one that is not whole. What cannot be one is skipped."""
    keys, at = b"", 0
    while found := FRAME.search(frames, at):
        end = found.end() + int(found.group(1) or 0)
        if end > len(frames):
            return keys, frames[found.start() :]
        keys += frames[found.end() : end]
        at = end
    return keys, frames[at:] if len(frames) - at < 16 else b""
