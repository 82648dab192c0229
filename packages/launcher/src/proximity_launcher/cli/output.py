"""What the person sees: tables and steps, or with --json exactly what the server said."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proximity_launcher.cli.server import Row
from proximity_launcher.failure import Failure

# a program that reads our tables wants one line per row
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 300)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_MARK = {"pending": "·", "running": "▸", "waiting": "…", "done": "✓", "failed": "✗"}
_COLOUR = {
    "running": "green",
    "connected": "green",
    "succeeded": "green",
    "done": "green",
    "failed": "red",
    "rejected": "red",
    "unreachable": "red",
    "undecided": "yellow",
    "waiting": "yellow",
    "parked": "yellow",
}


def as_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(sentence: str) -> None:
    out.print(sentence, markup=False)


def failure(error: Failure, *, machine: bool) -> None:
    if machine:
        as_json({"error": {"code": error.code, "message": error.message}})
    else:
        err.print(error.message, markup=False, style="red")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*(coloured(cell) for cell in row))
    out.print(drawn)


def coloured(value: Any) -> Text:
    text = "-" if value is None or value == "" else str(value)
    return Text(text, style=_COLOUR.get(text, ""))


class Steps:
    """The steps of an operation as they happen: redrawn in place on a terminal, one line each elsewhere."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._live = Live(console=out, refresh_per_second=8, transient=True) if out.is_terminal else None

    def shown(self) -> AbstractContextManager[Any]:
        return self._live or nullcontext()

    def update(self, operation: Row) -> None:
        if self._live is not None:
            self._live.update(_steps(operation))
        for step in operation.get("steps") or ():
            if self._told.get(step["name"]) == step["status"]:
                continue
            self._told[step["name"]] = step["status"]
            if step["status"] in ("done", "failed") or (self._live is None and step["status"] != "pending"):
                self._print(_line(step))

    def _print(self, line: Text) -> None:
        (self._live.console if self._live is not None else out).print(line)


def _steps(operation: Row) -> Table:
    drawn = Table.grid()
    for step in operation.get("steps") or ():
        if step["status"] not in ("done", "failed"):
            drawn.add_row(_line(step))
    return drawn


def _line(step: Row) -> Text:
    detail = f"  {step['detail']}" if step.get("detail") else ""
    words = step["name"].replace("_", " ")
    return Text(f"  {_MARK.get(step['status'], '·')} {words}{detail}", style=_COLOUR.get(step["status"], "dim"))


def ending(operation: Row, describe: Callable[[], str]) -> Failure | None:
    """The last word on an operation: says what was done, or returns what went wrong."""
    if operation["status"] == "succeeded":
        say(describe())
        return None
    return went_wrong(operation)


def went_wrong(operation: Row) -> Failure | None:
    status = operation["status"]
    if status == "succeeded":
        return None
    cause = operation.get("cause") or {}
    words = " ".join(part for part in (cause.get("message"), cause.get("proxmox")) if part)
    message = f"{operation['kind']} of {operation.get('target_name') or operation['target']} {_ENDING[status]}. {words}"
    if command := operation.get("resolve_command"):
        message += f" On the node, run: {command} (then it goes on by itself, or tell with `proximity resolve`)"
    return Failure(message.strip(), code=cause.get("code") or status)


_ENDING = {
    "failed": "failed",
    "rejected": "was rejected",
    "cancelled": "was cancelled",
    "undecided": "is undecided: nobody can know what became of the last call",
}
