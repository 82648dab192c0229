"""The HTTP layer of pveproxy: what it refuses, how it answers errors, and the faults on calls."""

import asyncio
import hmac
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

import fakepve.schema
from aiohttp import web
from fakepve.model import PveError

from . import chance, parameters
from .base import Base
from .calls import API, call_of, current_call, result_attributes
from .chance import current_chance
from .faults import Fault

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
METHODS = ("GET", "POST", "PUT", "DELETE")
CONTENT_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "multipart/form-data")
LINE = 1 << 16
"""Bytes of a request's first line."""
REFUSAL_SECONDS = 3.0
"""How long pveproxy lets wait who it does not know."""
LOOKUP_SECONDS = 6.0
NO_CREDENTIALS = ("No ticket", "Authentication failed!", "permission denied - invalid PVE ticket",
                  "Permission denied - invalid csrf token")  # fmt: skip
UNCHECKED = ("/version", "/cluster/resources")
"""Paths whose parameters fakepve does not check."""


class Bare(web.Response):
    """Without a content type, as pveproxy answers what it refuses itself."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Content-Type", None)


class Wire(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parameters.install()
        chance.install()
        self.late: set[asyncio.Task[Any]] = set()

    def _build_app(self) -> web.Application:
        app: web.Application = super()._build_app()
        app.middlewares.insert(0, self._wire)
        return app

    @web.middleware
    async def _wire(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return self._headed(request, await self._met(request, handler))

    def _headed(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """Calls which pveproxy hands on to pvedaemon end their connection, and say both that they do and do not."""
        if response.prepared:
            return response
        headers = response.headers
        headers.update({"Cache-Control": "max-age=0", "Pragma": "no-cache", "Server": "pve-api-daemon/3.0"})
        if headers.get("Content-Type", "").startswith("application/json"):
            headers["Content-Type"] = "application/json;charset=UTF-8"
        protected = response.status < 400 and self._protected(request)
        if response.status >= 400 or protected:
            response.force_close()
            headers["Connection"] = "close"
        if response.status < 400:
            headers.add("Connection", "Keep-Alive")
        return response

    @staticmethod
    def _protected(request: web.Request) -> bool:
        resource = request.match_info.route.resource
        template = API.sub("", resource.canonical) if resource is not None else ""
        methods = fakepve.schema.load().paths.get(template) or {}
        if not methods:
            match = fakepve.schema.load().match(API.sub("", request.path))
            methods = match.methods if match else {}
        return bool(methods.get(request.method, {}).get("protected"))

    async def _met(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        current_chance.set(self.random)
        body = await request.read()
        refusal = _refused(request, body)
        if refusal is not None:
            return refusal
        call = call_of(request.method, request.path, await parameters.params(request))
        current_call.set(call)
        fault = self.faults.on_call(call)
        if fault is None:
            return await self._answered(request, handler)
        if fault.kind == "drop_before" or (fault.kind == "596" and not fault.effect):
            self._record(request, body)  # it came in, although nothing will be done
        return await self._faulty(fault, request, handler)

    async def start(self, certfile: str, keyfile: str) -> None:
        """As fakepve, with room for long lines."""
        self.context = context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.own_certificate = (certfile, keyfile)
        context.load_cert_chain(certfile, keyfile)
        self.runner = web.AppRunner(self._build_app(), max_line_size=LINE, max_field_size=LINE)
        await self.runner.setup()
        await web.TCPSite(self.runner, self.host, self.port, ssl_context=context).start()
        if not self.port:
            self.port = self.runner.addresses[0][1]

    @web.middleware
    async def _extjs(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The status of refused parameters is a string there; attributes stand beside the data."""
        response: web.StreamResponse = await super()._extjs(request, handler)
        if request.path.startswith("/api2/extjs") and isinstance(response, web.Response) and response.text:
            body = json.loads(response.text)
            if body.get("errors") and "status" in body:
                response.text = json.dumps(body | {"status": str(body["status"])})
        if (attributes := result_attributes.get()) and isinstance(response, web.Response) and response.text:
            response.text = json.dumps(json.loads(response.text) | attributes)
        return response

    async def _generic(self, request: web.Request) -> web.Response:
        match = self.resolve(request, "/api2/json")
        if match is None or request.method not in match.methods:
            return _error(501, f"Method '{request.method} {API.sub('', request.path) or '/'}' not implemented")
        response: web.Response = await super()._generic(request)
        return response

    async def _faulty(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        """`seconds` are real ones here: they are about clocks of the client."""
        if fault.kind == "late":
            task = asyncio.create_task(self._afterwards(fault.seconds or 0, request, handler))
            self.late.add(task)
            task.add_done_callback(self.late.discard)
            return _cut(request)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds or 0)
            return await self._answered(request, handler)
        if fault.kind == "drop_after" or (fault.kind == "596" and fault.effect):
            await self._answered(request, handler)
        if fault.kind == "596":
            await asyncio.sleep(fault.seconds or 0)
            return Bare(status=596, reason="Connection timed out")
        return _cut(request)

    async def _answer(self, request: web.Request, handler: Handler, generic: Any, path_node: str | None) -> Any:
        """The node that is asked finds no way to one that is off, nor to the daemon that does not run."""
        if path_node in self.nodes and self.faults.holds("node_offline", node=path_node):
            return web.Response(status=595, reason="No route to host")
        if self._protected(request) and self.faults.holds("pvedaemon_down", node=path_node):
            return web.Response(status=595, reason="Connection refused")
        return await super()._answer(request, handler, generic, path_node)

    async def _afterwards(self, seconds: float, request: web.Request, handler: Handler) -> None:
        await asyncio.sleep(seconds)
        await self._answered(request, handler)

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = _unchecked_parameters(request) or await handler(request)
        except web.HTTPNotFound:
            response = _error(501, "")
        if response.status in (404, 501):
            path = API.sub("", request.path) or "/"
            response = _error(501, f"Method '{request.method} {path}' not implemented")
        elif response.status == 401:
            await self.pause(REFUSAL_SECONDS)
            if response.reason in NO_CREDENTIALS:
                response = Bare(status=401, reason=response.reason)
        elif response.status in (595, 596):
            response = Bare(status=response.status, reason=response.reason)
        elif (response.reason or "").startswith("hostname lookup"):
            await self.pause(LOOKUP_SECONDS)
        if request.method != "GET":
            self.changed()
        return response

    def _authenticate(self, request: web.Request) -> str | None:
        if request.path.endswith("/access/ticket") and request.method == "POST":
            return None
        found = re.match(r"PVEAPIToken[ =](.*)$", request.headers.get("Authorization", ""))
        if found:
            token, _, secret = found.group(1).partition("=")
            known = str(self.apitokens.get(token, ""))
            revoked = self.faults.holds("token_revoked", token=token)
            if (
                not known
                or revoked
                or not self.valid(token)
                or not hmac.compare_digest(known.encode(), secret.encode())
            ):
                raise PveError(401, "Authentication failed!")
            return token
        match = self.resolve(request, "/api2/json")
        if self.is_world(match, request.method):
            return None
        ticket = urllib.parse.unquote(request.cookies.get("PVEAuthCookie") or "")
        if not ticket:
            raise PveError(401, "No ticket")
        session = self.tickets.get(ticket)
        if session is None or session["expires"] < time.time():
            raise PveError(401, "permission denied - invalid PVE ticket")
        if request.method != "GET" and request.headers.get("CSRFPreventionToken") != session["csrf"]:
            raise PveError(401, "Permission denied - invalid csrf token")
        return str(session["user"])


def _refused(request: web.Request, body: bytes) -> web.Response | None:
    """What pveproxy refuses before it looks at credentials."""
    method = request.method
    if method not in METHODS:
        return Bare(status=501, reason=f"method '{method}' not available")
    if method in ("GET", "DELETE") and body:
        return _plain(501, f"Unexpected content for method '{method}'")
    content_type = request.headers.get("Content-Type", "").split(";")[0].strip()
    if body and content_type not in CONTENT_TYPES:
        return _plain(506, f"upload 'Content-Type '{content_type}' not implemented")
    if content_type == "application/json" and method in ("POST", "PUT"):
        try:
            parsed = json.loads(body)
        except ValueError:
            end = len(body)
            return _plain(
                500,
                "malformed JSON string, neither tag, array, object, number, string or atom, at character "
                f'offset {end} (before "(end of string)") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.',
            )
        if not isinstance(parsed, dict):
            return _plain(500, "Not a HASH reference at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 978.")
    return None


def _unchecked_parameters(request: web.Request) -> web.StreamResponse | None:
    path = API.sub("", request.path)
    if request.method != "GET" or path not in UNCHECKED:
        return None
    schema = fakepve.schema.load().paths[path]["GET"].get("parameters")
    errors = parameters.validate(schema, dict(request.query))[1]
    return _error(400, "Parameter verification failed.", errors) if errors else None


def _error(status: int, message: str, errors: dict[str, str] | None = None) -> web.Response:
    body = {"data": None, "message": message + ("\n" if errors else "")}
    return web.json_response(body | ({"errors": errors} if errors else {}), status=status, reason=message)


def _plain(status: int, text: str) -> web.Response:
    return Bare(status=status, reason=text, text=text + ("\n" if status == 500 else ""))


def _cut(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
