"""The built pages as a browser gets them."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from proximity_api.edge import Edge, Measures
from proximity_api.pages import Pages
from proximity_api.problems import Problem

PAGE = """<!doctype html><html><head>
<meta http-equiv="content-security-policy" content="default-src 'self'; script-src 'self' 'sha256-x'">
</head></html>"""
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    immutable = tmp_path / "_app" / "immutable"
    immutable.mkdir(parents=True)
    for path, text in ((tmp_path / "index.html", PAGE), (immutable / "start.abc.js", "start()")):
        path.write_text(text)
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "icon.svg").write_text("<svg/>")
    return tmp_path


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await Problem("not_found").response()(scope, receive, send)


def _browser(folder: Path) -> httpx2.AsyncClient:
    app = Edge(Pages(folder, _nothing), Measures(), https=False)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://prox.lan")


@pytest.fixture
async def browser(build: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with _browser(build) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/rack", "/apps/5d0d3c5e/history", "/nodes/pve1.lan", "/index.html"])
async def test_every_page_is_the_one_page_and_asked_for_each_time(browser: httpx2.AsyncClient, path: str) -> None:
    answer = await browser.get(path, headers=HTML)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/_app/immutable/start.abc.js"])
async def test_its_policy_is_that_of_the_build_and_nobody_may_frame_it(browser: httpx2.AsyncClient, path: str) -> None:
    """Also a script's, which may be a worker's."""
    policies = (await browser.get(path, headers=HTML)).headers.get_list("content-security-policy")
    assert policies == ["default-src 'self'; script-src 'self' 'sha256-x'; frame-ancestors 'none'"]


async def test_what_is_named_by_its_content_is_kept_for_good(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/_app/immutable/start.abc.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate", "gzip"), ("br;q=1.0, gzip;q=0.8", "gzip"), ("gzip;q=0", None), ("identity", None), ("", None)],
)
async def test_compressed_for_who_accepts_it(browser: httpx2.AsyncClient, accepted: str, encoding: str | None) -> None:
    answer = await browser.get("/_app/immutable/start.abc.js", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.text == "start()"


async def test_what_is_still_the_same_is_not_sent_again(browser: httpx2.AsyncClient) -> None:
    etag = (await browser.get("/", headers=HTML)).headers["etag"]
    again = await browser.get("/", headers=HTML | {"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert "frame-ancestors" in again.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/_app/immutable/gone.js", "*/*"), ("/favicon.ico", "image/png,*/*;q=0.8"), ("/api/v1/nothing", "text/html")],
)
async def test_no_page_stands_in_for_what_is_none(browser: httpx2.AsyncClient, path: str, accept: str) -> None:
    answer = await browser.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_page_takes_no_writes(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post("/rack", headers=HTML)).status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/_app/../../secret", "/%2e%2e/secret"])
async def test_nothing_outside_the_build_is_read(build: Path, path: str) -> None:
    (build.parent / "secret").write_text("canary")
    async with _browser(build) as browser:
        assert "canary" not in (await browser.get(path)).text


async def test_without_a_build_it_says_what_to_install(tmp_path: Path) -> None:
    async with _browser(tmp_path / "nothing") as browser:
        answer = await browser.get("/setup", headers=HTML)
        assert answer.status_code == 503
        assert "Node.js 20.19" in answer.text
        assert (await browser.get("/api/v1/nothing")).status_code == 404
