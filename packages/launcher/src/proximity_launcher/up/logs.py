"""The programs' log files: bounded in size, and quoted when a program ends."""

import json
import shutil
from pathlib import Path

LIMIT = 20 * 1024 * 1024


def rotate(log: Path, limit: int = LIMIT) -> None:
    """Keeps one older file beside the current one. The writer appends, so the file may be cut under it."""
    if log.exists() and log.stat().st_size > limit:
        older = log.with_suffix(log.suffix + ".1")
        shutil.copyfile(log, older)
        older.chmod(0o600)
        with log.open("r+") as stream:
            stream.truncate(0)


def last_words(log: Path, window: int = 4096) -> str:
    """The last line that says something, shortened; of a JSON line its event and error."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - window))
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    spoken = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return _plain(spoken)[:300]


def _plain(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    said = [str(entry[part]) for part in ("event", "error", "reason", "exception") if entry.get(part)]
    return ": ".join(said) or line
