"""`python -m proximity.backup save FILE [--with-vault-key]`, `python -m proximity.backup restore FILE`.

FILE `-` is standard output or input, as whoever runs it in a container wants it. Both read PROXIMITY_NATS_URL,
PROXIMITY_NATS_USER (`admin` if unset), PROXIMITY_NATS_PASSWORD_FILE and PROXIMITY_VAULT_KEY_FILE; `restore` reads
PROXIMITY_NATS_REPLICAS, too. What there is to say goes to standard error. What is on its way to or from `-` lies in
TMPDIR meanwhile; what a killed one left there is removed by the next.
"""

import argparse
import asyncio
import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from proximity.backup.archive import ArchiveError
from proximity.backup.restoring import FAILURES, restore
from proximity.backup.taking import back_up
from proximity.messaging.bootstrap import replicas_wanted
from proximity.messaging.permissions import ADMIN

_PREFIX = "proximity-backup-"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proximity.backup", description="Back up or restore Proximity.")
    parser.add_argument("what", choices=("save", "restore"))
    parser.add_argument("file", type=Path, help="The file; - for standard output or input.")
    parser.add_argument("--with-vault-key", action="store_true", help="Put the vault's key into the backup, too.")
    asked = parser.parse_args()
    # ends in order, with what is on its way removed; the first process of a container would not end at all
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    streamed = str(asked.file) == "-"
    try:
        with _on_its_way() if streamed else nullcontext(asked.file) as file:
            said = _save(file, asked.with_vault_key, streamed) if asked.what == "save" else _restore(file, streamed)
    except (*FAILURES, ValueError) as error:
        sys.exit(f"{asked.what} failed: {error}")
    sys.stderr.write(said + "\n")


@contextmanager
def _on_its_way() -> Iterator[Path]:
    """One at a time, so that what lies there is of one that was killed. Raises ArchiveError."""
    place = Path(tempfile.gettempdir())
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveError(f"another backup is on its way in {place}") from error
        for left in place.glob(f"{_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
            yield Path(folder) / "backup"
    finally:
        os.close(descriptor)


def _save(file: Path, with_key: bool, streamed: bool) -> str:
    url, user, password, key_file = _place()
    manifest = asyncio.run(back_up(file, url, user, password, key_file, with_key=with_key))
    if streamed:
        with file.open("rb") as saved:
            shutil.copyfileobj(saved, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return f"saved up to position {manifest.position}, {_about(manifest.holds_key)}"


def _restore(file: Path, streamed: bool) -> str:
    if streamed:
        with file.open("wb") as given:
            shutil.copyfileobj(sys.stdin.buffer, given)
    done = asyncio.run(restore(file, *_place(), replicas_wanted()))
    return f"restored up to position {done.position}"


def _place() -> tuple[str, str, str, Path]:
    environment = os.environ
    password = Path(environment["PROXIMITY_NATS_PASSWORD_FILE"]).read_text().strip()
    user = environment.get("PROXIMITY_NATS_USER", ADMIN)
    return environment["PROXIMITY_NATS_URL"], user, password, Path(environment["PROXIMITY_VAULT_KEY_FILE"])


def _about(holds_key: bool) -> str:
    return "with the vault's key: whoever has it has every secret" if holds_key else "without the vault's key"


if __name__ == "__main__":
    main()
