"""A person's program: HTTP through the proxy with its own authority, and with nothing but Python's standard library."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

Row = dict[str, Any]
PATIENCE = 60.0
_API = "/api/v1"


class Client:
    """Keeps the session's cookie, as a browser does; what can be sent again is, while something is away."""

    def __init__(self, address: str, authority: Path) -> None:
        self._address = address
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._authority = authority
        self._cookie = ""

    def protocol(self) -> str | None:
        """What it speaks when it may choose. None: it has no certificate yet."""
        try:
            context = self._tls()
            context.set_alpn_protocols(["h2", "http/1.1"])
            with (
                socket.create_connection((self._host, self._port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname=self._host) as encrypted,
            ):
                return encrypted.selected_alpn_protocol()
        except (FileNotFoundError, ssl.SSLError):
            return None

    def page(self, path: str) -> bytes:
        status, _, body = self._ask("GET", path, {"Accept": "text/html"})
        assert status == 200, f"{path}: {status}"
        return body

    def sign_in(self, path: str, body: Row) -> None:
        status, cookie, answer = self._ask("POST", _API + path, {"Content-Type": "application/json"}, body)
        assert status == 201, f"{path}: {status} {answer.decode()}"
        assert cookie.startswith("__Host-"), "the cookie is not bound to this host"
        assert "; Secure" in cookie, "the cookie would go out unencrypted"
        self._cookie = cookie.partition(";")[0]

    def get(self, path: str) -> Any:
        return self._persist("GET", path, {})

    def all(self, path: str) -> list[Row]:
        """Every page of a collection."""
        rows: list[Row] = []
        cursor = ""
        while True:
            page = self.get(f"{path}?limit=200{cursor}")
            rows += page["items"]
            if not page.get("next"):
                return rows
            cursor = f"&cursor={page['next']}"

    def order(self, method: str, path: str, body: Row | None = None) -> Row:
        """An accepted command: with its key it is done once, however often it is sent."""
        headers = {
            "Idempotency-Key": str(uuid4()),
            "X-Proximity-CSRF": "1",
            "Origin": self._address,
            "Content-Type": "application/json",
        }
        accepted: Row = self._persist(method, path, headers, body)
        return accepted

    @contextmanager
    def stream(self) -> Iterator[Iterator[Row]]:
        """The changes of rows from now on, as they come."""
        seen = self.get("/snapshot")
        with closing(
            http.client.HTTPSConnection(self._host, self._port, timeout=30, context=self._tls())
        ) as connection:
            headers = {"Cookie": self._cookie, "Last-Event-ID": f"{seen['epoch']}:{seen['position']}"}
            connection.request("GET", f"{_API}/stream", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            yield _changes(answer)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._authority))

    def _persist(self, method: str, path: str, headers: dict[str, str], body: Row | None = None) -> Any:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                status, _, answer = self._ask(method, _API + path, headers, body)
                trouble = f"{method} {path}: {status} {answer.decode(errors='replace')[:500]}"
            except (OSError, http.client.HTTPException) as error:
                status, answer, trouble = 599, b"", f"{method} {path}: {error!r}"
            if status < 500:
                assert status < 300, trouble
                return json.loads(answer)
            assert time.monotonic() < until, trouble
            time.sleep(0.2)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: Row | None = None) -> tuple[int, str, bytes]:
        """Status, cookie, body."""
        sent = headers | ({"Cookie": self._cookie} if self._cookie else {})
        with closing(
            http.client.HTTPSConnection(self._host, self._port, timeout=30, context=self._tls())
        ) as connection:
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Set-Cookie", ""), answer.read()


def _changes(answer: http.client.HTTPResponse) -> Iterator[Row]:
    for line in answer:
        if line.startswith(b"data:"):
            yield from json.loads(line.removeprefix(b"data:")).get("changes", ())
