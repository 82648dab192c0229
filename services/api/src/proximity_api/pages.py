"""The pages, as `frontend/build` has them: read once at the start, answered compressed, kept by browsers for good.

There is one page: whatever path is nobody's is answered with it, and its script knows the rest. Without a build there
is a page that says how to get one.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from proximity_api.problems import CODES, Problem

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

INDEX = "/index.html"
# named by their content
_FOR_GOOD = "/_app/immutable/"
# `frame-ancestors` holds in a header only, so the build cannot say it in its <meta>
_POLICY = re.compile(r'<meta http-equiv="content-security-policy" content="([^"]*)"')
# not those of the machine: browsers run no script and take no font of another type
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# the first that is accepted is taken
_ENCODINGS = {"br": ".br", "gzip": ".gz"}

_NO_BUILD = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Proximity</title>
<h1>The pages are not built</h1>
<p>They are built by <code>make up</code>, which needs Node.js 20.19 or newer and npm:</p>
<pre>sudo apt-get install nodejs npm</pre>
<p>Where that is older, take Node.js from <a href="https://nodejs.org/en/download">nodejs.org</a>.
Then stop Proximity and start it again with <code>make up</code>.</p>
<p>Everything else works: the command line (<code>proximity --help</code>) and the API at <code>/api/v1</code>.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class File:
    """`contents`: by encoding, "" for as it is."""

    contents: Mapping[str, bytes]
    headers: Mapping[str, str]
    etag: str

    def answer(self, asked: Headers) -> Response:
        if self.etag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers={**self.headers, "etag": self.etag})
        accepted = _accepted(asked.get("accept-encoding", ""))
        encoding = next((name for name in _ENCODINGS if name in accepted and name in self.contents), "")
        headers = {**self.headers, "etag": self.etag}
        if encoding:
            headers["content-encoding"] = encoding
        return Response(self.contents[encoding], headers=headers)


class Pages:
    """What answers when no route does."""

    def __init__(self, folder: Path, otherwise: ASGIApp) -> None:
        """`otherwise` answers what is no page either."""
        self._otherwise = otherwise
        self._files = _read(folder)
        if not self._files:
            log.warning("the pages are not built", folder=str(folder))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        await (answer or self._otherwise)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        path, asked = scope["path"], Headers(scope=scope)
        found = self._files.get(path)
        if found is None and _is_page(path, asked.get("accept", "*/*")):
            found = self._files.get(INDEX)
            if found is None:
                return Response(_NO_BUILD, 503, {"cache-control": "no-store"}, media_type="text/html")
        return found.answer(asked) if found else None


@router.get("/problems/{code}")
async def problem(code: str) -> Response:
    """Where the `type` of a problem leads."""
    if code not in CODES:
        raise Problem("not_found", "There is no such problem.")
    status, title = CODES[code]
    return PlainTextResponse(f"{code}\n\n{title}. Answered with status {status}.\n")


def _is_page(path: str, accept: str) -> bool:
    """A script or picture that is missing is missing: a page in its place would be taken for it."""
    return not path.startswith(("/api/", "/_app/")) and (accept == "*/*" or "text/html" in accept)


def _accepted(header: str) -> set[str]:
    """`gzip;q=0` refuses it."""
    wanted = (part.replace(" ", "").lower().partition(";") for part in header.split(","))
    return {name for name, _, quality in wanted if quality not in ("q=0", "q=0.0", "q=0.00", "q=0.000")}


def _read(folder: Path) -> dict[str, File]:
    index = folder / INDEX.lstrip("/")
    if not index.is_file():
        return {}
    policy = _POLICY.search(index.read_text())
    # a worker's own answer says what it may do, not the page that started it
    common = {"vary": "accept-encoding"} | (
        {"content-security-policy": f"{policy[1]}; frame-ancestors 'none'"} if policy else {}
    )
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in _ENCODINGS.values()]
    return {name: _file(name, path, common) for path in paths if (name := f"/{path.relative_to(folder).as_posix()}")}


def _file(name: str, path: Path, common: Mapping[str, str]) -> File:
    contents = {"": path.read_bytes()}
    for encoding, suffix in _ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            contents[encoding] = compressed.read_bytes()
    headers = {
        "content-type": _TYPES.get(path.suffix, "application/octet-stream"),
        "cache-control": "public, max-age=31536000, immutable" if name.startswith(_FOR_GOOD) else "no-cache",
    }
    return File(contents, {**headers, **common}, f'"{hashlib.sha256(contents[""]).hexdigest()[:32]}"')
