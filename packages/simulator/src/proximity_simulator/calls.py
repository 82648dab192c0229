"""What the code that is running was asked for: the API call, and the worker task within it.

Both are context variables: a worker started by a call inherits them, so that the code deep inside fakepve need not
hand them on.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

API = re.compile(r"^/api2/(?:json|extjs)(?=/|$)")
NODE = re.compile(r"^/nodes/([^/]+)")
GUEST = re.compile(r"^/nodes/[^/]+/(?:lxc|qemu)/(\d+)")

Record = dict[str, Any]
"""A task as fakepve keeps it: upid, node, pid, pstart, starttime, type, id, user, status, log; when done exitstatus and
endtime."""


@dataclass(frozen=True)
class Call:
    """`path` without the /api2/json prefix; `vmid` from the path, or from the parameters of a create."""

    method: str = ""
    path: str = ""
    node: str | None = None
    vmid: int | None = None


NO_CALL = Call()
current_call: ContextVar[Call] = ContextVar("current_call", default=NO_CALL)
current_task: ContextVar[Record | None] = ContextVar("current_task", default=None)


result_attributes: ContextVar[dict[str, Any] | None] = ContextVar("result_attributes", default=None)
"""What the answer of the running call has beside its data."""


def call_of(method: str, path: str, parameters: dict[str, Any]) -> Call:
    path = API.sub("", path)
    node, guest = NODE.match(path), GUEST.match(path)
    given = guest.group(1) if guest else str(parameters.get("vmid", ""))
    return Call(method, path, node.group(1) if node else None, int(given) if given.isdecimal() else None)


@contextmanager
def on_node(node: str) -> Iterator[None]:
    """Everything within sees the storages of this node."""
    token = current_call.set(replace(current_call.get(), node=node))
    try:
        yield
    finally:
        current_call.reset(token)


def log(*lines: str) -> None:
    """Add lines to the log of the task that is running."""
    record = current_task.get()
    if record is not None:
        record["log"].extend(lines)


def warn(text: str) -> None:
    """A warning in the task's log: the task will end with `WARNINGS: n`."""
    record = current_task.get()
    if record is not None:
        record["log"].append(f"WARN: {text}")
        record["warnings"] += 1
