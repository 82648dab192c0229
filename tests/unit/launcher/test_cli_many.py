"""Commands about several things: each is told under its name, and none keeps the others from being told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from proximity_launcher.cli import applications, commands, guests, operations, output
from proximity_launcher.failure import Exit, Failure

GUESTS = [{"id": f"c-{vmid}", "vmid": vmid, "name": name} for vmid, name in ((100, "pihole"), (101, None), (102, "db"))]
APPLICATIONS = [{"id": id_, "name": name, "slug": name.lower()} for id_, name in (("a1", "Wiki"), ("a2", "Films"))]


class Fake:
    """Refuses `refused`, and never ends `endless`."""

    def __init__(self, refused: str = "", endless: str = "") -> None:
        self.refused = refused
        self.endless = endless
        self.posted: list[Any] = []

    def all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        return GUESTS if path == "/guests" else APPLICATIONS

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        self.posted.append((path, body))
        ((what, ids),) = body.items()
        problem = {"code": "not_now", "detail": "Not now.", "errors": []}
        about = f"{what.removesuffix('s')}_id"
        return {
            "operations": [
                {about: id_, "problem": problem} if id_ == self.refused else {about: id_, "operation_id": f"op-{id_}"}
                for id_ in ids
            ]
        }

    def watch(self, _: "Fake", operation_id: str, timeout: float, *, machine: bool) -> dict[str, Any]:
        target = operation_id.removeprefix("op-")
        if target == self.endless:
            raise Failure("The operation still runs.", code="still_running", status=Exit.STILL_RUNNING)
        named = {row["id"]: row["name"] for row in APPLICATIONS}
        return {"id": operation_id, "status": "succeeded", "target": target, "target_name": named.get(target)}

    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
        @contextmanager
        def connected(context: Any) -> Iterator[Fake]:
            yield self

        for module in (applications, guests):
            monkeypatch.setattr(module, "server", connected)
        monkeypatch.setattr(operations, "watch", self.watch)
        # what went wrong is written there, to wherever the process began
        monkeypatch.setattr(output, "err", output.out)
        result = CliRunner().invoke(commands, list(arguments))
        return result.exit_code, result.output


def test_each_is_told_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Fake(refused="c-101")
    status, said = server.run(monkeypatch, "ignore", "100", "c-101", "db", "pihole")
    assert server.posted == [("/guests/ignore", {"guests": ["c-100", "c-101", "c-102"]})]
    assert (status, said.splitlines()) == (1, ["pihole is ignored.", "db is ignored.", "Guest 101: Not now."])


def test_one_that_still_runs_keeps_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = Fake(endless="a1").run(monkeypatch, "release", "wiki", "films")
    assert status == Exit.STILL_RUNNING
    assert said.splitlines() == [
        "Films is released: nothing of Proximity's is left on its container.",
        "The operation still runs.",
    ]
    status, said = Fake(endless="a1").run(monkeypatch, "release", "wiki", "films", "--json")
    assert status == Exit.STILL_RUNNING
    assert [row.get("operation_id") or row["id"] for row in json.loads(said)] == ["op-a1", "op-a2"]


def test_without_waiting_it_says_what_to_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = Fake().run(monkeypatch, "release", "wiki", "films", "--no-wait")
    assert (status, said.splitlines()) == (
        0,
        ["Wiki: accepted as operation op-a1.", "Films: accepted as operation op-a2."],
    )
