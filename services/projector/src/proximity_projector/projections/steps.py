"""The steps of an operation as a person sees them: a list that is never changed in place."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

Step = dict[str, Any]
Steps = list[Step]

_CURRENT = ("running", "waiting")


def pending(name: str) -> Step:
    return {"name": name, "status": "pending", "started_at": None, "ended_at": None, "detail": ""}


def plan(names: Iterable[str], at: datetime) -> Steps:
    return advance([pending(name) for name in names], at)


def begun(steps: Steps, name: str, at: datetime) -> Steps:
    """It is being done, and nothing else is."""
    steps = [_again(s) if s["status"] in _CURRENT and s["name"] != name else s for s in steps]
    return [_on(s, "running", at, "") if s["name"] == name else s for s in _with(steps, name)]


def told(steps: Steps, name: str, at: datetime, detail: str, *, waiting: bool) -> Steps:
    """`detail`: what a person should know of it while it goes on."""
    status = "waiting" if waiting else "running"
    return [_on(s, status, at, detail) if s["name"] == name else s for s in _with(steps, name)]


def ended(steps: Steps, name: str, at: datetime, detail: str, *, failed: bool = False) -> Steps:
    end = {"status": "failed" if failed else "done", "ended_at": at.isoformat(), "detail": detail}
    return [
        s | end | {"started_at": s["started_at"] or at.isoformat()} if s["name"] == name else s
        for s in _with(steps, name)
    ]


def advance(steps: Steps, at: datetime) -> Steps:
    """With nothing being done, the first that is pending is what is done next."""
    if any(s["status"] in _CURRENT for s in steps):
        return steps
    following = next((s for s in steps if s["status"] == "pending"), None)
    return steps if following is None else [_on(s, "running", at, s["detail"]) if s is following else s for s in steps]


def back(steps: Steps, name: str, detail: str) -> Steps:
    """It and what came after it has to be done again."""
    first = next((i for i, s in enumerate(steps) if s["name"] == name), len(steps))
    again = [_again(s) for s in steps[first:]]
    return [*steps[:first], *(s | {"detail": detail} if s["name"] == name else s for s in again)]


def before(steps: Steps, name: str, names: Iterable[str]) -> Steps:
    """`names` have to be done first, whatever was done of them earlier."""
    names = tuple(names)
    rest = [s for s in steps if s["name"] not in names]
    place = next((i for i, s in enumerate(rest) if s["name"] == name), len(rest))
    return [*rest[:place], *map(pending, names), *rest[place:]]


def begun_once(steps: Steps, name: str) -> bool:
    return any(s["name"] == name and s["status"] != "pending" for s in steps)


def drop_pending(steps: Steps) -> Steps:
    return [s for s in steps if s["status"] != "pending"]


def over(steps: Steps, at: datetime, failure: str | None) -> Steps:
    """Nothing more will be done. What was being done has failed (`failure` says why), or was not needed."""
    steps = drop_pending(steps)
    if failure is None:
        return [s for s in steps if s["status"] not in _CURRENT]
    end = {"status": "failed", "ended_at": at.isoformat(), "detail": failure}
    return [s | end if s["status"] in _CURRENT else s for s in steps]


def _with(steps: Steps, name: str) -> Steps:
    """A step nobody planned comes before those that are still to be done."""
    if any(s["name"] == name for s in steps):
        return steps
    place = next((i for i, s in enumerate(steps) if s["status"] == "pending"), len(steps))
    return [*steps[:place], pending(name), *steps[place:]]


def _again(step: Step) -> Step:
    return pending(step["name"])


def _on(step: Step, status: str, at: datetime, detail: str) -> Step:
    return step | {
        "status": status,
        "started_at": step["started_at"] or at.isoformat(),
        "ended_at": None,
        "detail": detail,
    }
