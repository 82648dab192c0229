"""The plain pages: what runs (`/`), setting up, signing in. Everything they need is served from here."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from proximity_api.problems import CODES, Problem

router = APIRouter(include_in_schema=False)

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGES = {"/": "index.html", "/setup": "setup.html", "/login": "login.html"}
ASSETS = ("page.css", "overview.js", "entry.js", "icon.svg")


def _file(name: str) -> Callable[[], Awaitable[Response]]:
    content = files("proximity_api").joinpath("pages", name).read_bytes()
    media_type = _TYPES[name[name.rindex(".") :]]

    async def serve() -> Response:
        # small and asked for once a visit: always the one of the running version
        return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})

    return serve


for _path, _name in PAGES.items():
    router.add_api_route(_path, _file(_name), methods=["GET", "HEAD"])
for _name in ASSETS:
    router.add_api_route(f"/assets/{_name}", _file(_name), methods=["GET", "HEAD"])


@router.get("/problems/{code}")
async def problem(code: str) -> Response:
    """Where the `type` of a problem leads."""
    if code not in CODES:
        raise Problem("not_found", "There is no such problem.")
    status, title = CODES[code]
    return PlainTextResponse(f"{code}\n\n{title}. Answered with status {status}.\n")
