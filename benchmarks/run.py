"""`make bench`: every benchmark, one table. Each module's `figures()` measures and returns its figures."""

import logging
import sys
from importlib import import_module
from pathlib import Path

import structlog

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

MODULES = (
    "whole",
    "api_commands",
    "projector",
    "simulator",
    "reconcile",
    "outside_changes",
    "takeover",
    "deployments",
    "outages",
)


def main(wanted: list[str]) -> int:
    from figures import show  # noqa: PLC0415 - found by the path above

    # what is measured does not tell its whole story here
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    measured = []
    for name in wanted or MODULES:
        sys.stderr.write(f"measuring: {name}\n")
        measured += import_module(name).figures()
    show(measured)
    return 0 if all(figure.kept for figure in measured) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
