"""Faults a test asks for: which there are, what they strike, how often.

A fault on *calls* strikes API calls as they come in, one on *forks* as they start a worker task, one on *tasks* the
worker itself, and a *view* what is told of it. A *state* holds from the moment it is asked for.
"""

import asyncio
import itertools
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .calls import NO_CALL, Call, Record

CALLS = ("slow", "drop_before", "drop_after", "late", "596")
FORKS = ("task_lost",)
TASKS = ("task_error", "task_killed", "task_held")
VIEWS = ("task_log_gone",)
STATES = ("lock", "node_offline", "quorum_lost", "token_revoked", "storage_full", "storage_away", "pvedaemon_down",
          "time_skew", "certificate", "old_version", "no_skopeo", "no_dhcp")  # fmt: skip
KINDS = CALLS + FORKS + TASKS + VIEWS + STATES
STAGES = ("early", "late")
LASTING = (*VIEWS, *STATES, "task_held")
"""Not used up by striking: they are over when they are removed, or after their seconds."""

late_fault: ContextVar["Fault | None"] = ContextVar("late_fault", default=None)
"""What the worker that runs has to meet shortly before its end."""


class UnknownFaultError(ValueError):
    """No such kind of fault, or it lacks what it needs."""


@dataclass(frozen=True)
class Match:
    """What is struck; None matches everything. `path`: a regular expression searched in the path without /api2/json.

    `type`: a task's type, such as vzcreate.
    """

    method: str | None = None
    path: str | None = None
    node: str | None = None
    vmid: int | None = None
    type: str | None = None

    def strikes(self, call: Call) -> bool:
        return (
            self.type is None
            and self.method in (None, call.method)
            and (self.path is None or re.search(self.path, call.path) is not None)
            and self.node in (None, call.node)
            and self.vmid in (None, call.vmid)
        )

    def strikes_task(self, record: Record, call: Call) -> bool:
        return (
            self.type in (None, record["type"])
            and self.node in (None, record["node"])
            and (self.vmid is None or record["id"] == str(self.vmid))
            and self.method in (None, call.method)
            and (self.path is None or re.search(self.path, call.path) is not None)
        )


@dataclass(eq=False)
class Fault:
    """`times`: how many more strikes (None: until removed). `seconds`: real seconds, what for depends on the kind.

    `text`: exit status of a task, or an old version. `effect`: whether what was asked for happens all the same.
    `stage`: at which point a worker is killed or held. `lock`, `storage`, `token`: what a state is about. `skew`: how
    many seconds a clock is ahead.
    """

    id: int
    kind: str
    match: Match = field(default_factory=Match)
    times: int | None = 1
    seconds: float | None = None
    text: str = "simulated failure"
    effect: bool = False
    stage: str = "early"
    lock: str = "backup"
    storage: str | None = None
    token: str | None = None
    skew: float = 0.0
    struck: int = field(default=0, init=False)
    over: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def strike(self) -> None:
        self.struck += 1
        if self.times is not None:
            self.times -= 1

    @property
    def spent(self) -> bool:
        return self.times is not None and self.times <= 0


class Faults:
    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self.all: list[Fault] = []

    def add(self, kind: str, match: dict[str, Any] | None = None, **what: Any) -> Fault:
        if kind not in KINDS:
            raise UnknownFaultError(f"unknown fault {kind!r}, one of: {', '.join(KINDS)}")
        if kind in LASTING:
            what.setdefault("times", None)
        try:
            fault = Fault(next(self._ids), kind, Match(**(match or {})), **what)
            re.compile(fault.match.path or "")
            STAGES.index(fault.stage)
        except (TypeError, ValueError, re.error) as error:
            raise UnknownFaultError(str(error)) from error
        self.all.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        fault.over.set()
        if fault in self.all:
            self.all.remove(fault)

    def on_call(self, call: Call) -> Fault | None:
        """The first fault that strikes this call, struck."""
        return self._strike(f for f in self.all if f.kind in CALLS and f.match.strikes(call))

    def on_fork(self, record: Record, call: Call) -> Fault | None:
        """What strikes between the last thing that a call does itself and its worker."""
        return self._strike(f for f in self.all if f.kind in FORKS and f.match.strikes_task(record, call))

    def on_task(self, record: Record, call: Call) -> Fault | None:
        return self._strike(f for f in self.all if f.kind in TASKS and f.match.strikes_task(record, call))

    def log_gone(self, record: Record) -> bool:
        """Whether this task's log was rotated away: its status is then unknown, while the list still has the result."""
        ended = record["status"] == "stopped"
        gone = (f for f in self.all if f.kind == "task_log_gone" and ended and f.match.strikes_task(record, NO_CALL))
        return self._strike(gone) is not None

    def holds(self, kind: str, **about: Any) -> bool:
        """Whether a state holds, for this node (`node=`), storage or token."""
        return self.held(kind, **about) is not None

    def held(self, kind: str, **about: Any) -> Fault | None:
        for fault in self.all:
            node = fault.match.node
            if fault.kind == kind and (node is None or node == about.get("node", node)):
                if "storage" in about and fault.storage not in (None, about["storage"]):
                    continue
                if "token" in about and fault.token not in (None, about["token"]):
                    continue
                return fault
        return None

    def _strike(self, candidates: Any) -> Fault | None:
        fault: Fault | None = next((f for f in candidates if not f.spent), None)
        if fault is not None:
            fault.strike()
            if fault.spent:
                self.all.remove(fault)
        return fault
