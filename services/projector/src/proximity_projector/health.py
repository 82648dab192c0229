"""How the projector is: `/livez`, `/readyz`, `/metrics`."""

import asyncio
from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Each round of the loop asks the database, at least every second.
SILENT_FOR = 10.0


class Health:
    """What is known of the loop's state, and its measures."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seen: float | None = None
        self._trouble = "starting"
        self.registry = CollectorRegistry()
        self.events = Counter("proximity_projector_events", "Events projected", registry=self.registry)
        self.position = Gauge("proximity_projector_position", "Position of the checkpoint", registry=self.registry)
        self.behind = Gauge(
            "proximity_projector_lag_events", "Stored events that are not projected yet", registry=self.registry
        )
        self.active = Gauge("proximity_projector_active", "1: it projects, 0: it stands by", registry=self.registry)
        self.batch_seconds = Histogram(
            "proximity_projector_batch_seconds",
            "Time a batch takes, from the events to the commit",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
            registry=self.registry,
        )

    def well(self) -> None:
        """The loop goes on, the database answers, the read model is up to date (or another projector's business)."""
        self._trouble, self._seen = "", self._clock()

    def unwell(self, reason: str) -> None:
        self._trouble = reason

    def trouble(self) -> str | None:
        """Why it is not ready; None: it is."""
        if self._trouble or self._seen is None:
            return self._trouble or "starting"
        silent = self._clock() - self._seen
        return f"nothing has been done for {silent:.0f} s" if silent > SILENT_FOR else None


async def serve(health: Health, host: str, port: int) -> asyncio.Server:
    """Answers one GET per connection. Raises OSError if the port is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                request = await reader.readuntil(b"\r\n\r\n")
            status, body = respond(health, request.split(b" ", 2)[1].decode())
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, ValueError):
            pass  # whoever asked is gone, or did not speak HTTP
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port)


def respond(health: Health, path: str) -> tuple[str, bytes]:
    """Status line and body."""
    match path:
        case "/livez":
            return "200 OK", b"ok\n"
        case "/readyz":
            trouble = health.trouble()
            return ("503 Service Unavailable", f"{trouble}\n".encode()) if trouble else ("200 OK", b"ok\n")
        case "/metrics":
            return "200 OK", generate_latest(health.registry)
    return "404 Not Found", b"not found\n"
