"""A log line tells what went wrong and never what a secret was."""

import json

import pytest
import structlog

from proximity.logs import to_json_lines


@pytest.fixture(autouse=True)
def _restored() -> object:
    yield
    structlog.reset_defaults()


def test_a_traceback_shows_no_local_variable(capfd: pytest.CaptureFixture[str]) -> None:
    to_json_lines("info")
    password = "canary-4711"
    try:
        int(password)
    except ValueError as error:
        error.args = ("not a number",)
        structlog.get_logger().exception("a request failed")
    line = capfd.readouterr().err
    assert json.loads(line)["event"] == "a request failed"
    assert "ValueError" in line
    assert password not in line
