"""The data folder: who holds it, where its parts lie, and the secrets, made once and only ever read from files."""

import base64
import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proximity_launcher.failure import Exit, Failure


def password() -> str:
    """256 random bits that need no quoting in a URL, a configuration file or SQL."""
    return secrets.token_urlsafe(32)


def key() -> str:
    """A 256-bit key in base64, the form in which the vault reads its master key."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class DataFolder:
    root: Path

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def simulator(self) -> Path:
        return self.root / "simulator"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def processes(self) -> Path:
        return self.root / "processes.json"

    @property
    def running(self) -> Path:
        """How to reach what runs; holds names of files, no secrets."""
        return self.root / "running.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Makes the folder and its parts, for this user alone."""
        try:
            for folder in (self.root, self.nats, self.simulator, self.logs, self.secrets):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise Failure(
                f"The data folder {self.root} cannot be made: {error.strerror}. Set PROXIMITY_DATA to another.",
                code="data_folder_unusable",
            ) from error

    def secret(self, name: str, make: Callable[[], str] = password) -> Path:
        """The 0600 file of that secret; made on first use, never changed, not even by two who make it at once."""
        file = self.secrets / name
        if not file.exists():
            with suppress(FileExistsError):
                write_private(file, make(), replace=False)
        return file

    def is_held(self) -> bool:
        try:
            with self.held():
                return False
        except (Failure, OSError):
            return (self.root / "lock").exists()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else runs on this folder meanwhile. The kernel lets go of it however this process ends."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(descriptor, 32).decode().strip() or "unknown"
                raise Failure(
                    f"Proximity already runs on {self.root} (process {holder}). Stop it with Ctrl-C,"
                    " or set PROXIMITY_DATA to another folder.",
                    code="already_running",
                    status=Exit.CONFLICT,
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)


def write_private(file: Path, text: str, *, mode: int = 0o600, replace: bool = True) -> None:
    """Whole or not at all, never readable by more than `mode` says, on the disk when it returns.

    Raises FileExistsError if it is there and is not to be replaced.
    """
    # not named by our process id: two containers may have the same one
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        if replace:
            unfinished.replace(file)
        else:
            os.link(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    """Its list of names as well: a file that was used must not be gone after a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
