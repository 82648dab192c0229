"""GET /livez (the process), /readyz (NATS and the lease), /metrics, on a port of their own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from faststream.asgi import AsgiResponse, get
from faststream.asgi.types import ASGIApp
from prometheus_client import CollectorRegistry, make_asgi_app

from proximity_provisioner.metrics import REGISTRY


def routes(ready: Callable[[], bool], registry: CollectorRegistry = REGISTRY) -> Sequence[tuple[str, ASGIApp]]:
    @get
    async def livez() -> AsgiResponse:
        return AsgiResponse(b"ok", status_code=200)

    @get
    async def readyz() -> AsgiResponse:
        return AsgiResponse(b"ok", status_code=200) if ready() else AsgiResponse(b"not ready", status_code=503)

    return [("/livez", livez), ("/readyz", readyz), ("/metrics", make_asgi_app(registry))]


class HealthServer(uvicorn.Server):
    """Leaves the signals to main.py."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
