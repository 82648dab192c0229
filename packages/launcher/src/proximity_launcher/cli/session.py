"""The sessions of this person's command line: one per server, in a file that nobody else can read."""

import json
import os
from pathlib import Path

from proximity_launcher.up.data import write_private

Cookies = dict[str, str]


def session_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "proximity" / "sessions.json"


def load(url: str) -> Cookies:
    return _all().get(url, {})


def save(url: str, cookies: Cookies) -> None:
    """Empty cookies: the session is forgotten."""
    sessions = _all()
    sessions.pop(url, None)
    if cookies:
        sessions[url] = cookies
    file = session_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(file, json.dumps(sessions))


def _all() -> dict[str, Cookies]:
    try:
        kept: dict[str, Cookies] = json.loads(session_file().read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return kept
