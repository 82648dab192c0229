"""How a request travels: proxmoxer on a requests session that trusts one certificate and never sends anything twice."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from proxmoxer.backends.https import Backend
from proxmoxer.core import ProxmoxResource
from pydantic_core import from_json
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from proximity.proxmox.certificate import fingerprint_of
from proximity.proxmox.connection import Connection, Endpoint
from proximity.proxmox.errors import (
    ConnectionLostError,
    InvalidRequestError,
    ProxmoxError,
    UnansweredError,
    UnreachableError,
    UntrustedCertificateError,
)
from proximity.proxmox.translation import error_for

SHORTEST_SECRET = 6  # characters; to hide shorter ones would only garble words


class _Line(HTTPSConnection):
    """Whatever fails in `connect` failed before the first byte of a request: that tells "not sent" from "lost"."""

    def __init__(self, *args: Any, assert_fingerprint: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pinned = assert_fingerprint

    def connect(self) -> None:
        where = f"{self.host}:{self.port}"
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise UntrustedCertificateError(f"{where}: {error.verify_message}") from None
        except (OSError, HTTPError) as error:
            self.close()
            raise UnreachableError(f"{where}: {_reason(error)}") from None
        if self._pinned is not None:
            self._compare(where, self._pinned)

    def _compare(self, where: str, pinned: str) -> None:
        der = self.sock.getpeercert(binary_form=True) if isinstance(self.sock, ssl.SSLSocket) else None
        shown = fingerprint_of(der) if der else None
        if shown != pinned:
            self.close()
            raise UntrustedCertificateError(f"{where}: the certificate is not the one that was trusted", seen=shown)
        self.is_verified = True


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Line


class _Adapter(HTTPAdapter):
    """Trust comes from the context and the fingerprint alone: not from the environment, not from a `verify` flag."""

    def __init__(self, context: ssl.SSLContext, fingerprint: str | None) -> None:
        self._trust: dict[str, Any] = {"ssl_context": context, "assert_fingerprint": fingerprint}
        super().__init__(pool_connections=1, pool_maxsize=8, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **options, **self._trust)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        url = urlsplit(str(request.url))
        return {"scheme": url.scheme, "host": url.hostname, "port": url.port}, {}


class _Json:
    """What proxmoxer reads answers with; errors are read by `_refuse_errors`. Several times as fast as its own, which
    counts where thousands of guests are listed.
    """

    def loads(self, response: requests.Response) -> Any:
        try:
            return from_json(response.content, cache_strings="keys")["data"]
        except (ValueError, KeyError, TypeError):
            raise UnansweredError("the answer is not one of Proxmox VE") from None


class Api:
    """One endpoint. `call` blocks, may be used from several threads, sends once and raises ProxmoxError only."""

    def __init__(self, connection: Connection, endpoint: Endpoint, context: ssl.SSLContext, pinned: str | None) -> None:
        user, _, name = connection.token_id.rpartition("!")
        self._endpoint = endpoint
        self._secret = connection.token_secret
        self._read_timeout = connection.read_timeout
        backend = Backend(
            endpoint.url_host,
            port=endpoint.port,
            path_prefix=endpoint.path or None,
            user=user,
            token_name=name,
            token_value=connection.token_secret,
            timeout=(connection.connect_timeout, connection.read_timeout),
        )
        self._session: requests.Session = backend.get_session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", _Adapter(context, pinned))
        self._session.hooks["response"].append(_refuse_errors)
        self._root = ProxmoxResource(base_url=backend.get_base_url(), session=self._session, serializer=_Json())

    def call(self, method: str, path: Sequence[str | int], values: Mapping[str, Any]) -> Any:
        resource = self._root([_segment(part) for part in path])
        try:
            return getattr(resource, method)(**values)
        except ProxmoxError as error:
            error.hide(self._secret, values.get("password"), *_sensitive(values.get("env")))
            raise
        except requests.Timeout:
            raise UnansweredError(f"{self._endpoint}: no answer within {self._read_timeout:g} s") from None
        except (OSError, HTTPError, HTTPException):
            raise ConnectionLostError(f"{self._endpoint}: the connection ended before the answer") from None

    def close(self) -> None:
        self._session.close()


def _sensitive(environment: str | None) -> Iterator[str]:
    """What of a container's environment must not come back in an error: its entries, and what could be a secret."""
    for entry in str(environment or "").split("\0"):
        yield entry
        value = entry.partition("=")[2]
        if len(value) >= SHORTEST_SECRET:
            yield value


def _segment(part: str | int) -> str:
    text = str(part)
    if text in ("", ".", ".."):
        raise InvalidRequestError(f"{text!r} is no name of anything on Proxmox")
    return quote(text, safe="")


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, TimeoutError):
        return "no connection in time"
    return str(getattr(cause, "strerror", None) or cause)


def _refuse_errors(response: requests.Response, **_: Any) -> None:
    """Runs before requests would follow a redirect and before proxmoxer would drop all but the reason phrase."""
    if response.status_code == 200:
        if not response.headers.get("Content-Type", "").startswith("application/json"):
            raise UnansweredError("the answer is not one of Proxmox VE", 200)
        return
    message, errors = _told(response)
    error = error_for(response.status_code, message or _phrase(response), errors)
    error.answered_at = _date(response)
    raise error


def _told(response: requests.Response) -> tuple[str, dict[str, str]]:
    """Proxmox says it in the body too, where no reverse proxy rewrites it; a 401 and a 595 have an empty body."""
    try:
        body = response.json()
    except ValueError:
        return "", {}
    if not isinstance(body, dict):
        return "", {}
    errors = body.get("errors")
    told = {str(name): str(text) for name, text in errors.items()} if isinstance(errors, dict) else {}
    return str(body.get("message") or "").strip(), told


def _phrase(response: requests.Response) -> str:
    phrase = response.reason or ""
    try:
        return phrase.encode("latin-1").decode()  # UTF-8 on the wire, whatever HTTP says of a status line
    except UnicodeError:
        return phrase


def _date(response: requests.Response) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers["Date"]).timestamp())
    except (KeyError, ValueError):
        return None
