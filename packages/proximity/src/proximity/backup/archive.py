"""The file of a backup: a tar, for its owner only, whose last member is a manifest that says what must be in it.

It holds the log, the commands that are not decided, the vault's sealed values and the password hashes; the vault's key
only if that was asked for. Without the key no sealed value can be opened.
"""

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from proximity.domain.model import Json

_MANIFEST = "manifest.json"


class ArchiveError(Exception):
    """The file cannot be written, or is no whole backup. Says why."""


class Manifest(BaseModel):
    """`position`: the log reaches at least there; `config`, `state`: how the server describes it. `digest`: SHA-256 of
    all members before this one. `key_fingerprint` "": which key it is was not known.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    backup_id: str
    installation_id: str
    taken_at: datetime
    position: int
    config: Json
    state: Json
    key_fingerprint: str
    holds_key: bool
    digest: str


class Writer:
    """`with Writer(file) as archive`: the file has its name once it is closed with a manifest, else nothing is left."""

    def __init__(self, file: Path) -> None:
        """Raises ArchiveError."""
        if file.exists():
            raise ArchiveError(f"{file} is there already")
        self._file = file
        self._unfinished = file.with_name(f".{file.name}.unfinished")
        try:
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise ArchiveError(f"{file} cannot be written: {error.strerror}") from error
        os.fchmod(descriptor, 0o600)
        self._stream = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._stream, mode="w")  # noqa: SIM115 - closed in __exit__
        self._digest = sha256()

    def __enter__(self) -> "Writer":
        return self

    def add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))
        self._digest.update(name.encode() + b"\n" + data)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def close(self, manifest: Manifest) -> None:
        """Whole, on the disk, under its name."""
        self.add(_MANIFEST, manifest.model_dump_json(indent=2).encode())
        self._tar.close()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._unfinished.rename(self._file)
        folder = os.open(self._file.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        with contextlib.suppress(FileNotFoundError):
            self._unfinished.unlink()


class Reader:
    """A backup that was looked through: it is whole."""

    def __init__(self, file: Path) -> None:
        """Raises ArchiveError."""
        self._file = file
        digest, last = sha256(), b""
        try:
            with tarfile.open(file) as tar:
                for member in tar:
                    last = _content(tar, member)
                    if member.name == _MANIFEST:
                        break
                    digest.update(member.name.encode() + b"\n" + last)
            self.manifest = Manifest.model_validate_json(last)
        except (OSError, tarfile.TarError, ValidationError) as error:
            raise ArchiveError(f"{file} is no whole backup: {type(error).__name__}") from error
        if digest.hexdigest() != self.manifest.digest:
            raise ArchiveError(f"{file} is damaged: what is in it is not what was put in")

    def member(self, name: str) -> bytes:
        return next(self.members(name))

    def members(self, prefix: str) -> Iterator[bytes]:
        """Those whose name begins like that, in their order."""
        with tarfile.open(self._file) as tar:
            for member in tar:
                if member.name.startswith(prefix):
                    yield _content(tar, member)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    if stream is None:
        raise tarfile.TarError(f"{member.name} is not a file")
    return stream.read()
