"""What holds for every request, outermost: size limit, security headers, measures, one log line, the answer 500."""

import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proximity_api import problems
from proximity_api.problems import Problem

log = structlog.get_logger()

MAX_BODY = 256 * 1024
# not worth a line each
QUIET = frozenset({"/livez", "/readyz", "/metrics"})

# of whatever is not of the pages: those have their own
_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NO_STORE = (b"cache-control", b"no-store")
# browsers complain of these over plain http
_OVER_TLS = [
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class Measures:
    """What /metrics tells. Labels are routes and never ids."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "proximity_http_request_duration_seconds",
            "Time until the answer's head was sent",
            ("route", "method", "status_class"),
            registry=self.registry,
        )
        self.commands = Counter(
            "proximity_commands_accepted_total", "Commands stored", ("type",), registry=self.registry
        )
        self.clients = Gauge("proximity_sse_clients", "Open streams", registry=self.registry)
        self.dropped = Counter(
            "proximity_sse_clients_dropped_total", "Clients sent away because they were slow", registry=self.registry
        )
        self.position = Gauge("proximity_stream_position", "Last position given to clients", registry=self.registry)


class Edge:
    def __init__(self, app: ASGIApp, measures: Measures, https: bool) -> None:
        self._app = app
        self._measures = measures
        self._headers = [*_HEADERS, *_OVER_TLS] if https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_head(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                headers += self._headers
                named = {name for name, _ in headers}
                headers += [header for header in (_POLICY, _NO_STORE) if header[0] not in named]
                message["headers"] = headers
                self._observe(scope, status, time.perf_counter() - began)
            await send(message)

        if refusal := _refuse_body(scope):
            await refusal.response()(scope, receive, send_head)
            return
        try:
            await self._app(scope, receive, send_head)
        except Exception:  # noqa: BLE001 - the last resort: logged by `unexpected`, answered if nothing was sent yet
            answer = problems.unexpected()
            if not status:
                await answer(scope, receive, send_head)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", "none")
        self._measures.requests.labels(path, scope["method"], f"{status // 100}xx").observe(seconds)
        if scope["path"] not in QUIET:
            log.info("request", method=scope["method"], route=path, status=status, ms=round(seconds * 1000, 1))


def _refuse_body(scope: Scope) -> Problem | None:
    """The server lets nobody send more than the length that was announced."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > MAX_BODY):
            return Problem("too_large", f"At most {MAX_BODY // 1024} KiB are taken.")
        if name == b"transfer-encoding":
            return Problem("length_required", "Send the body with a Content-Length.")
    return None
