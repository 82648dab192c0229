"""How much was tried, at the end of the session."""

from collections import Counter
from collections.abc import Callable

import pytest

from sweep.runs import Outcome

Note = Callable[[Outcome], None]
_WHAT = ("points", "runs", "virtual hours")


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """To be called with the outcome of each run."""

    def noted(outcome: Outcome) -> None:
        figures = (len(outcome.points.reached), 1, outcome.seconds / 3600)
        for what, figure in zip(_WHAT, figures, strict=True):
            record_property(what, figure)

    return noted


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    totals, seconds = Counter[str](), 0.0
    for report in (*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])):
        noted = [(what, float(figure)) for what, figure in report.user_properties if what in _WHAT]
        seconds += report.duration if noted and report.when == "call" else 0.0
        for what, figure in noted:
            totals[what] += figure  # type: ignore[assignment]  # a Counter of hours
    if totals:
        told = ", ".join(f"{totals[what]:.0f} {what}" for what in _WHAT)
        terminalreporter.write_line(f"sweep: {told}, {seconds:.0f} s of tests")
