"""The comparison sees what differs, and nothing else."""

from typing import Any

import pytest

from .compare import differences, json_differences, matches
from .recording import Outcome


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("<int>", 5, True), ("<int>", "5", False), ("<int>", True, False), ("<number>", -0.5, True),
        ("<numeric string>", "1.5", True), ("<numeric string>", 1.5, False), (1, "1", False), (1, 1.0, True),
        (None, 0, False), ("<0 or 1, string or number>", "1", True), ("size=<n>", "size=12", True),
        ("UPID:pve:<pid>:", "UPID:pve:0000A1B2:", True), ("UPID:pve:<pid>:", "UPID:pve:xyz:", False),
        ("a.b", "acb", False), ("hwaddr=<MAC>,x", "hwaddr=BC:24:11:00:00:01,x", True),
    ],
)  # fmt: skip
def test_values(expected: Any, actual: Any, same: bool) -> None:
    assert matches(expected, actual) is same


def test_keys_and_entries_that_are_missing_or_added() -> None:
    assert json_differences({"a": 1}, {"b": 1}, "") == [".a missing", ".b added"]
    assert json_differences([{"id": "x"}], [{"id": "x"}, {"id": "y"}], "") == ["[] added {'id': 'y'}"]
    assert json_differences([{"id": "x"}, {"id": "y"}], [{"id": "y"}], "") == ["[] missing {'id': 'x'}"]
    assert json_differences([{"id": "x"}, {"id": "y"}], [{"id": "y"}, {"id": "x"}], "") == []
    assert json_differences([{"id": "x"}], [{"id": "x"}, {"id": "y"}], "", trimmed=True) == []


def test_tasks_have_an_order() -> None:
    first, second = ({"upid": "UPID:a", "status": "OK"}, {"upid": "UPID:b", "status": "OK"})
    assert json_differences([first, second], [first, second], "") == []
    assert json_differences([first, second], [second, first], "") != []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": 500}, "status 200"), ({"reason": "Fine"}, "reason"), ({"connection": ["close"]}, "connection"),
        ({"body": {"data": 1}}, ".data"), ({"task": {"type": "vzstart", "id": "1"}}, "task exitstatus"),
        ({"task": None}, "task: none"),
    ],
)  # fmt: skip
def test_an_answer(change: dict[str, Any], told: str) -> None:
    entry = {
        "expect": {"status": 200, "reason": "OK", "connection": ["keep-alive"], "body": {"data": None}},
        "task": {"type": "vzstart", "id": "1", "exitstatus": "OK"},
    }
    good: dict[str, Any] = {
        "status": 200, "reason": "OK", "connection": ["keep-alive"], "body": {"data": None},
        "task": {"type": "vzstart", "id": "1", "exitstatus": "OK"},
    }  # fmt: skip
    assert differences(entry, Outcome(**good), 0.1) == []
    found = differences(entry, Outcome(**(good | change)), 0.1)
    assert found
    assert found[0].startswith(told)


def test_a_refusal_that_comes_too_early() -> None:
    entry = {"expect": {"status": 401, "reason": "No ticket", "delay_s": 3, "text": ""}}
    assert differences(entry, Outcome(status=401, reason="No ticket", text="", seconds=0.3), 0.1) == []
    assert differences(entry, Outcome(status=401, reason="No ticket", text="", seconds=0.1), 0.1) != []
