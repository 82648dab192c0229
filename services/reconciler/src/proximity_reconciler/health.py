"""GET /livez, /readyz and /metrics: as much HTTP as a probe needs."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

LONGEST_REQUEST = 5.0


class Health:
    """`not_ready`: why it is not ready, None if it is."""

    def __init__(self, not_ready: Callable[[], str | None], registry: CollectorRegistry) -> None:
        self._not_ready = not_ready
        self._registry = registry
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int, host: str = "127.0.0.1") -> None:
        """Port 0: any that is free."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LONGEST_REQUEST):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = self._answer(head.split(b" ", 2)[1].decode(errors="replace"))
                fields = f"content-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                writer.write(f"HTTP/1.1 {status}\r\n{fields}".encode() + body)
                await writer.drain()
        except (TimeoutError, OSError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # not a request, or nobody waits for the answer any more
        finally:
            writer.close()

    def _answer(self, path: str) -> tuple[str, str, bytes]:
        text = "text/plain; charset=utf-8"
        match path.partition("?")[0]:
            case "/livez":
                return "200 OK", text, b"ok\n"
            case "/readyz":
                why = self._not_ready()
                return ("503 Service Unavailable", text, f"{why}\n".encode()) if why else ("200 OK", text, b"ok\n")
            case "/metrics":
                return "200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry)
        return "404 Not Found", text, b"not found\n"
