"""A file of recorded requests and answers, as far as replaying needs it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPEATED = re.compile(r"<(\d+) times the letter (.)>")
TOKEN = re.compile(r"token[ =](\w+@\w+!\w+)", re.IGNORECASE)
SECRET = re.compile(r"\b(secret_\w+)\)")
SPECIAL = {"nobody", "root-space", "bad-secret", "unknown-token", "malformed", "bearer", "ticket", "ticket-csrf"}
"""Credentials that are more, or less, than a token."""
CAPTURED = re.compile(r"\$\{(\w+)(:enc)?\}")


@dataclass(frozen=True)
class Recording:
    place: dict[str, Any]
    tokens: dict[str, tuple[str, str]]
    entries: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """ValueError: not a file of this format."""
        content = json.loads(path.read_text())
        if content.get("format") != 1:
            raise ValueError(f"{path}: recordings of format 1 are understood, this is {content.get('format')!r}")
        tokens = {}
        for name, text in content["auth"].items():
            token, secret = TOKEN.search(text), SECRET.search(text)
            if token:
                tokens[name] = (token.group(1), secret.group(1) if secret else "")
        used = {entry["auth"] for entry in content["requests"]} - tokens.keys() - SPECIAL
        if used:
            raise ValueError(f"{path}: it does not say which token these are: {', '.join(sorted(used))}")
        return cls(content["setup"], tokens, content["requests"])


@dataclass
class Outcome:
    """What was answered. `body`: parsed JSON; `task`: of the worker that was started and waited for."""

    status: int = 0
    reason: str = ""
    connection: list[str] = field(default_factory=list)
    content_type: str | None = None
    body: Any = None
    text: str | None = None
    seconds: float = 0.0
    task: dict[str, Any] | None = None
    first_frame: str | None = None


def expanded(value: Any) -> Any:
    """With the long values that the file only names."""
    if isinstance(value, dict):
        return {key: expanded(inner) for key, inner in value.items()}
    return REPEATED.sub(lambda found: found.group(2) * int(found.group(1)), value) if isinstance(value, str) else value
