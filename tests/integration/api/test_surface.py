"""What holds for every route: problems, headers, limits, health, the pages."""

import socket
from typing import Any
from uuid import uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up
from proximity_api.problems import CODES


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("PUT", "/api/v1/applications", 405, "method_not_allowed"),
        ("GET", "/api/v1/applications/not-a-uuid", 422, "invalid_request"),
        ("GET", "/api/v1/applications?limit=0", 422, "invalid_request"),
        ("GET", "/api/v1/events?after=-1", 422, "invalid_request"),
        ("GET", "/api/v1/catalog/nothing", 404, "not_found"),
        ("GET", "/problems/nothing", 404, "not_found"),
    ],
)
async def test_every_error_is_a_problem(signed_in: Api, method: str, path: str, status: int, code: str) -> None:
    answer = await signed_in.http.request(method, path, headers=signed_in.writing)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"], problem["title"]) == (code, status, CODES[code][1])
    assert (await signed_in.http.get(problem["type"])).status_code == 200
    assert problem["instance"].startswith("urn:uuid:")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b'{"recipe": {"canary": 1}}'])
async def test_a_body_that_cannot_be_read_is_a_problem_and_not_repeated(signed_in: Api, body: bytes) -> None:
    headers = signed_in.writing | {"Content-Type": "application/json"}
    answer = await signed_in.http.post("/api/v1/applications", content=body, headers=headers)
    assert answer.status_code in (400, 415, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "canary" not in answer.text


async def test_a_large_body_is_refused_before_it_is_read(signed_in: Api) -> None:
    headers = signed_in.writing | {"Content-Type": "application/json"}
    answer = await signed_in.http.post("/api/v1/applications", content=b"x" * 300_000, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_of_unknown_length_is_refused(signed_in: Api) -> None:
    async def parts() -> Any:
        yield b"{}"

    answer = await signed_in.http.post("/api/v1/setup", content=parts())
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


async def test_an_unexpected_error_says_nothing_of_itself_but_where_to_look(
    signed_in: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("canary-secret-6")

    monkeypatch.setattr(signed_in.parts.store, "head", broken)
    answer = await signed_in.get("/events")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "canary-secret-6" not in answer.text
    assert answer.json()["instance"] in capsys.readouterr().out


async def test_every_answer_carries_the_security_headers(signed_in: Api) -> None:
    for path in ("/", "/rack", "/icon.svg", "/api/v1/me", "/api/v1/nothing", "/livez", "/_app/nothing.js"):
        headers = (await signed_in.http.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "cache-control" in headers
        assert "server" not in headers
    assert (await signed_in.get("/me")).headers["cache-control"] == "no-store"


async def test_ready_once_the_read_model_can_be_read(signed_in: Api, projector: None) -> None:
    answer = await signed_in.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert (await signed_in.http.get("/livez")).json() == {"status": "ok"}


async def test_metrics_name_routes_and_never_ids(signed_in: Api) -> None:
    application_id = uuid4()
    await signed_in.post(f"/applications/{application_id}/start")
    text = (await signed_in.http.get("/metrics")).text
    assert 'route="/api/v1/applications/{application_id}/start"' in text
    assert 'proximity_commands_accepted_total{type="application.start.v1"} 1.0' in text
    assert str(application_id) not in text


async def test_pages_follow_their_cursor_to_the_end(signed_in: Api, projector: None, log: Log) -> None:
    names = ["Zebra", "ant", "Bee", "cat", "Dog"]
    for name in names:
        await log.application(name, slug=name.lower())
    await caught_up(signed_in, await signed_in.parts.store.head())
    for path, found in (("/applications", "name"), ("/operations", "target_name"), ("/activity", "subject_name")):
        rows: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await signed_in.get(path, limit=2, **cursor)).json()
            assert len(page["items"]) <= 2
            assert page["position"] == await signed_in.parts.store.head()
            rows += [row[found] for row in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        expected = sorted(names, key=str.lower) if path == "/applications" else names[::-1]
        assert rows == expected, path
    foreign = (await signed_in.get("/operations", limit=1)).json()["next"]
    for cursor_text in (foreign, "x", "W10", "bnVsbA", "WyJhcHBsaWNhdGlvbnMuc2x1ZyxhcHBsaWNhdGlvbnMuaWQiLDEsMl0"):
        answer = await signed_in.get("/applications", cursor=cursor_text)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), cursor_text


async def test_every_list_answers(signed_in: Api, projector: None, log: Log) -> None:
    cluster_id = await log.cluster("Home")
    application_id, operation_id = await log.application("Blog", cluster_id=cluster_id)
    await caught_up(signed_in, await signed_in.parts.store.head())
    assert (await signed_in.get("/clusters")).json()["items"][0]["name"] == "Home"
    assert (await signed_in.get(f"/clusters/{cluster_id}")).json()["status"] == "connected"
    assert (await signed_in.get(f"/applications/{application_id}")).json()["operation_id"] == operation_id
    history = (await signed_in.get(f"/applications/{application_id}/history")).json()["items"]
    assert [entry["operation_id"] for entry in history] == [operation_id]
    for path in ("/nodes", "/storages", "/catalog"):
        assert (await signed_in.get(path)).status_code == 200, path
    one = await signed_in.get("/operations", status="running", target=application_id)
    assert [row["id"] for row in one.json()["items"]] == [operation_id]
    for path in ("/applications", "/clusters", "/operations"):
        assert (await signed_in.get(f"{path}/{uuid4()}")).status_code == 404, path


async def test_probing_a_port_where_nobody_listens(signed_in: Api) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = listener.getsockname()[1]
    answer = await signed_in.post("/clusters/probe", {"endpoint": f"https://127.0.0.1:{closed}"})
    assert (answer.status_code, answer.json()["code"]) == (502, "cluster_unreachable")
    for endpoint in ("ftp://x", "https://host:canary"):
        answer = await signed_in.post("/clusters/probe", {"endpoint": endpoint})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "endpoint")
        assert "canary" not in answer.text
