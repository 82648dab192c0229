"""`proximity findings`: what is shown, and what is accepted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from proximity_launcher.cli import commands, guests
from proximity_launcher.failure import Failure

APP = {"id": "a1", "name": "Wiki", "slug": "wiki"}


def finding(key: str) -> dict[str, Any]:
    return {
        "id": f"application/a1/{key}",
        "kind": key.partition(":")[0],
        "subject_name": "Wiki",
        "opened_at": "2026-03-01T12:00:00Z",
        "explained": None,
        "message": f"about {key}",
    }


class Fake:
    def __init__(self) -> None:
        self.findings = [
            finding(key)
            for key in ("stopped_outside", "configuration_changed:memory", "configuration_changed:env.TOKEN")
        ]
        self.posted: list[str] = []

    def all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        return self.findings if path == "/findings" else [APP]

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        self.posted.append(path)
        return {"operation_id": f"op-{len(self.posted)}"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()

    @contextmanager
    def connected(context: Any) -> Iterator[Fake]:
        yield fake

    def ended(api: Fake, operation_id: str, timeout: float, *, machine: bool) -> dict[str, Any]:
        return {"id": operation_id, "status": "succeeded"}

    monkeypatch.setattr(guests, "server", connected)
    monkeypatch.setattr(guests, "watch", ended)
    return fake


def path(field: str) -> str:
    return f"/applications/a1/findings/configuration_changed%3A{field}/accept"


def test_without_a_command_all_are_shown(server: Fake) -> None:
    said = CliRunner().invoke(commands, ["findings"]).output
    assert all(row["message"] in said for row in server.findings)


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [(["memory"], ["memory"]), (["env.TOKEN"], ["env.TOKEN"]), ([], ["memory", "env.TOKEN"])],
)
def test_a_changed_setting_is_accepted_or_all_are(server: Fake, arguments: list[str], accepted: list[str]) -> None:
    said = CliRunner().invoke(commands, ["findings", "accept", "wiki", *arguments])
    assert (said.exit_code, said.output.strip()) == (0, f"Accepted: {', '.join(accepted)}.")
    assert server.posted == [path(field) for field in accepted]


def test_what_nobody_changed_is_not_accepted(server: Fake) -> None:
    failed = CliRunner().invoke(commands, ["findings", "accept", "wiki", "cores"])
    assert isinstance(failed.exception, Failure)
    assert failed.exception.code == "not_found"
    assert server.posted == []
