"""The document that programs are written against: complete, whatever route is added."""

from collections.abc import Iterator
from typing import Any

import pytest

from proximity_api import app, openapi


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return app.bare().openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


EXPECTED = {
    ("post", "/setup"),
    ("get", "/setup"),
    ("post", "/session"),
    ("delete", "/session"),
    ("get", "/me"),
    ("get", "/users"),
    ("get", "/catalog"),
    ("get", "/catalog/{slug}"),
    ("post", "/clusters/probe"),
    ("post", "/clusters"),
    ("get", "/clusters"),
    ("get", "/clusters/{cluster_id}"),
    ("delete", "/clusters/{cluster_id}"),
    ("post", "/clusters/{cluster_id}/check"),
    ("get", "/nodes"),
    ("get", "/storages"),
    ("put", "/me/password"),
    ("post", "/applications"),
    ("post", "/applications/preflight"),
    ("get", "/applications"),
    ("get", "/applications/{application_id}"),
    ("delete", "/applications/{application_id}"),
    ("get", "/applications/{application_id}/history"),
    *(("post", f"/applications/{{application_id}}/{verb}") for verb in ("start", "shutdown", "stop", "restart")),
    ("post", "/applications/{application_id}/release"),
    ("get", "/applications/{application_id}/metrics"),
    ("get", "/guests"),
    ("get", "/guests/{guest_id}"),
    ("get", "/guests/{guest_id}/metrics"),
    *(("post", f"/guests/{verb}") for verb in ("adopt", "ignore", "notice")),
    ("post", "/applications/release"),
    *(("post", f"/guests/{{guest_id}}/{verb}") for verb in ("adopt", "ignore", "notice")),
    ("get", "/nodes/{cluster_id}/{node}/metrics"),
    ("get", "/storages/{cluster_id}/{node}/{storage}/metrics"),
    ("get", "/findings"),
    ("post", "/applications/{application_id}/findings/{key}/accept"),
    ("get", "/operations"),
    ("get", "/operations/{operation_id}"),
    ("post", "/operations/{operation_id}/cancel"),
    ("post", "/operations/{operation_id}/resolve"),
    ("get", "/activity"),
    ("get", "/snapshot"),
    ("get", "/stream"),
    ("get", "/events"),
    ("get", "/events/stream"),
}


def test_the_routes_are_those_of_the_design(document: dict[str, Any]) -> None:
    assert {(method, path.removeprefix("/api/v1")) for method, path, _ in operations(document)} == EXPECTED


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation.get("description") or path.endswith("/me"), f"{method} {path}"
        assert set(operation["tags"]) <= tags, path


def test_every_operation_says_who_may_and_how_it_fails(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if (method, path) in openapi.OPEN:
            assert operation["security"] == []
        else:
            assert {"bearer": []} in operation["security"]
            assert "401" in operation["responses"], path
        for status, response in operation["responses"].items():
            if status[0] in "45" or status == "default":
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ProblemDetails"}, f"{path} {status}"


def test_every_command_says_where_its_operation_is(document: dict[str, Any]) -> None:
    commands = {o["operationId"]: o for _, _, o in operations(document) if "202" in o["responses"]}
    assert len(commands) == 20
    for several in ("adoptGuests", "ignoreGuests", "noticeGuests", "releaseApplications"):
        names = {parameter["name"] for parameter in commands.pop(several)["parameters"]}
        assert names == {"Idempotency-Key", "reason"}
    for operation in commands.values():
        assert {"Location", "Preference-Applied"} <= set(operation["responses"]["202"]["headers"])
        names = {parameter["name"].lower() for parameter in operation["parameters"]}
        assert {"idempotency-key", "prefer", "reason"} <= names


def test_bodies_have_examples(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        if body := operation.get("requestBody"):
            reference = body["content"]["application/json"]["schema"]["$ref"]
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            assert schema["examples"], path
            assert schema["additionalProperties"] is False, path


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    for reference in references(document):
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


def test_the_document_says_whose_it_is(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert document["servers"]
    assert set(document["components"]["securitySchemes"]) == {"session", "csrf", "bearer"}
