"""Where an answer differs from the recorded one."""

import re
from typing import Any

from .recording import Outcome

WHOLE = {
    "<int>": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "<number>": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "<string>": lambda value: isinstance(value, str),
    "<numeric string>": lambda value: isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None,
    "<bool>": lambda value: isinstance(value, bool),
    "<0 or 1, string or number>": lambda value: value in (0, 1, "0", "1"),
}
PARTS = {
    "<pid>": "[0-9A-F]{8}", "<pstart>": "[0-9A-F]{8,9}", "<time>": "[0-9A-F]{8}", "<n>": r"\d[^\n]*", "<type>": r"\w+",
    "<MAC>": "[0-9A-F:]{17}", "<mac>": "[0-9a-f:]{17}", "<fe80>": "fe80:[0-9a-f:]+", "<uuid>": "[0-9a-f-]{36}",
    "<fingerprint>": "[A-Za-z0-9:+/]+", "<date>": r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d",
    "<datetime>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<hms>": r"\d\d:\d\d:\d\d", "<ticket>": r"\S+", "<kernel>": r"\S+",
    "<digest>": "[0-9a-f]+",
}  # fmt: skip
PLACEHOLDER = re.compile("|".join(map(re.escape, PARTS)) + r"|<path of (\w+)>")
ANY_ORDER_BY = ("id", "key", "name", "volid", "storage", "userid", "tokenid", "roleid", "path", "subdir", "cmd")
RANDOM_RIGHT = "which of the two is named is random"
OF_THE_KIND = {"number": "<number>", "string": "<string>"}
SHORTEST_REFUSAL = 0.9
NEVER_STALE = ("id", "type", "node", "vmid", "pool", "tags", "lock")
"""What cluster/resources tells of a guest at once; the rest is as old as the last look at it."""


def differences(entry: dict[str, Any], outcome: Outcome, time_scale: float) -> list[str]:
    """Of everything that is compared, the status code first; empty: as recorded."""
    expected = entry.get("expect", {})
    found: list[str] = []
    if expected.get("status", outcome.status) != outcome.status:
        found.append(f"status {expected['status']} | {outcome.status} {outcome.reason}")
    note = expected.get("note", "")
    if "status" in expected and expected["status"] != 101:
        found += _head(expected, outcome, time_scale, note)
        found += _body(expected, outcome, note)
    if "first_frame" in expected and not matches(expected["first_frame"], outcome.first_frame):
        found.append(f"first frame {expected['first_frame']!r} | {outcome.first_frame!r}")
    return found + _task(entry.get("task"), outcome.task)


def _head(expected: dict[str, Any], outcome: Outcome, time_scale: float, note: str) -> list[str]:
    found = []
    reason = outcome.reason
    if RANDOM_RIGHT not in note and "resolver" not in note and not matches(expected["reason"], reason):
        found.append(f"reason {expected['reason']!r} | {reason!r}")
    if "connection" in expected and sorted(expected["connection"]) != sorted(outcome.connection):
        found.append(f"connection {expected['connection']} | {outcome.connection}")
    if "content_type" in expected and expected["content_type"] != outcome.content_type:
        found.append(f"content type {expected['content_type']} | {outcome.content_type}")
    if outcome.seconds < expected.get("delay_s", 0) * time_scale * SHORTEST_REFUSAL:
        found.append(f"after {expected['delay_s'] * time_scale} s | {outcome.seconds:.3f} s")
    return found


def _body(expected: dict[str, Any], outcome: Outcome, note: str) -> list[str]:
    if "text" in expected:
        same = matches(expected["text"], outcome.text)
        return [] if same else [f"text {expected['text']!r} | {(outcome.text or '')[:200]!r}"]
    if "body" not in expected:
        return []
    body, actual = expected["body"], outcome.body
    if RANDOM_RIGHT in note or "resolver" in note:
        body, actual = ({**side, "message": ""} if isinstance(side, dict) else side for side in (body, actual))
    if "10 s refresh" in note:
        body = _lenient(body, actual)
    if "only the types" in note:
        return shape_differences(body, actual, "")
    return json_differences(body, actual, "", trimmed="trimmed" in note, more="more paths" in note)


def _lenient(expected: Any, actual: Any) -> Any:
    """What is expected, where it depends on when the figures of a guest were taken last, or whether they were."""
    if isinstance(expected, list) and isinstance(actual, list):
        by_id = {one.get("id"): one for one in actual if isinstance(one, dict)}
        return [_lenient(one, by_id.get(one.get("id"))) if isinstance(one, dict) else one for one in expected]
    if not isinstance(expected, dict) or not isinstance(actual, dict):
        return expected
    if expected.get("type") not in ("lxc", "qemu"):
        return {key: _lenient(value, actual.get(key)) for key, value in expected.items()}
    fresh = {key: value for key, value in expected.items() if key in NEVER_STALE}
    seen = actual if "unknown" in (expected.get("status"), actual.get("status")) else expected
    measured = {key: value for key, value in seen.items() if key not in NEVER_STALE}
    return fresh | {key: _any_such(value) for key, value in measured.items()}


def _any_such(value: Any) -> Any:
    return value if value in WHOLE else OF_THE_KIND.get(_kind(value), value)


def shape_differences(expected: Any, actual: Any, at: str) -> list[str]:
    """A list may have any number of entries, each like one that is shown."""
    if isinstance(expected, list) and isinstance(actual, list) and expected:
        odd = [one for one in actual if all(shape_differences(shape, one, "") for shape in expected)]
        return [f"{at}[] unlike those recorded: {_short(one)}" for one in odd] or ([] if actual else [f"{at} empty"])
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = [f"{at}.{key} missing" for key in expected.keys() - actual.keys()]
        found += [f"{at}.{key} added" for key in actual.keys() - expected.keys()]
        for key in expected.keys() & actual.keys():
            found += shape_differences(expected[key], actual[key], f"{at}.{key}")
        return sorted(found)
    return json_differences(expected, actual, at)


def json_differences(expected: Any, actual: Any, at: str, trimmed: bool = False, more: bool = False) -> list[str]:
    """`trimmed`: the lists show only some of the entries; `more`: keys may be added."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{at or '.'} {_kind(expected)} | {_kind(actual)}"]
        found = [f"{at}.{key} missing" for key in expected.keys() - actual.keys()]
        if not more:
            found += [f"{at}.{key} added" for key in actual.keys() - expected.keys()]
        for key in sorted(expected.keys() & actual.keys()):
            found += json_differences(expected[key], actual[key], f"{at}.{key}", trimmed, more)
        return sorted(found)
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return [f"{at or '.'} {_kind(expected)} | {_kind(actual)}"]
        return _list_differences(expected, actual, at, trimmed)
    if isinstance(expected, str) and isinstance(actual, str) and at.endswith(".content"):
        return [] if sorted(expected.split(",")) == sorted(actual.split(",")) else [f"{at} {expected} | {actual}"]
    return [] if matches(expected, actual) else [f"{at} {expected!r} | {actual!r}"]


def _list_differences(expected: list[Any], actual: list[Any], at: str, trimmed: bool) -> list[str]:
    left, unmatched = list(actual), []
    if not _ordered(expected):
        for wanted in expected:
            found = next((one for one in left if not json_differences(wanted, one, "")), None)
            if found is None:
                unmatched.append(wanted)
            else:
                left.remove(found)
    else:
        unmatched = list(expected)
    differing: list[str] = []
    for wanted in unmatched:
        partner = _partner(wanted, left)
        if partner is None:
            differing.append(f"{at}[] missing {_short(wanted)}")
            continue
        left.remove(partner)
        differing += json_differences(wanted, partner, f"{at}[]")
    return differing + ([] if trimmed else [f"{at}[] added {_short(one)}" for one in left])


def _ordered(items: list[Any]) -> bool:
    """Tasks are listed newest first; other lists have no order that means anything."""
    return bool(items) and isinstance(items[0], dict) and "upid" in items[0]


def _partner(wanted: Any, left: list[Any]) -> Any:
    if isinstance(wanted, dict):
        for name in ANY_ORDER_BY:
            if isinstance(wanted.get(name), str) and "upid" not in wanted:
                return next(
                    (one for one in left if isinstance(one, dict) and matches(wanted[name], one.get(name))), None
                )
    return left[0] if left else None


def matches(expected: Any, actual: Any) -> bool:
    """A literal, or a placeholder of the file's format."""
    if not isinstance(expected, str):
        return bool(expected == actual) and _kind(expected) == _kind(actual)
    if expected in WHOLE:
        return bool(WHOLE[expected](actual))
    if not isinstance(actual, str):
        return False
    pieces, end = [], 0
    for found in PLACEHOLDER.finditer(expected):
        pieces += [re.escape(expected[end : found.start()]), PARTS.get(found.group(), r"\S+")]
        end = found.end()
    return re.fullmatch("".join([*pieces, re.escape(expected[end:])]), actual, re.DOTALL) is not None


def _task(expected: dict[str, Any] | None, actual: dict[str, Any] | None) -> list[str]:
    """The outcome; lines before the last depend on tools such as tar."""
    if expected is None:
        return []
    if actual is None:
        return ["task: none was started"]
    found = [
        f"task {key} {expected.get(key)!r} | {actual.get(key)!r}"
        for key in ("type", "id", "user", "tokenid", "exitstatus")
        if not matches(expected.get(key), actual.get(key))
    ]
    if expected.get("log") and not matches(expected["log"][-1], (actual.get("log") or [""])[-1]):
        found.append(f"task log {expected['log'][-1]!r} | {(actual.get('log') or [''])[-1]!r}")
    return found


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:157]}..."
