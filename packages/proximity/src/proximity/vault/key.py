"""The master key: 32 bytes as base64 in a file that only its owner may read."""

import base64
import binascii
import hmac
import os
import secrets
import stat
from pathlib import Path

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be used. Says why, never what is in it."""


def read_key(path: Path) -> bytes:
    """Raises KeyFileError: not there, readable by others, not a key."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise KeyFileError(f"the master key {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise KeyFileError(f"the master key {path} may be read by others (mode {mode:04o}): make it 0600")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise KeyFileError(f"the master key {path} is not base64") from error
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"the master key {path} has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def create_key(path: Path) -> None:
    """Makes a new key in a file of mode 0600. Never overwrites one: everything sealed with it would be lost.

    Raises FileExistsError.
    """
    write_key(path, encoded(secrets.token_bytes(KEY_BYTES)))


def encoded(key: bytes) -> bytes:
    """What its file holds."""
    return base64.b64encode(key) + b"\n"


def write_key(path: Path, text: bytes) -> None:
    """A key that was made before, as its file had it. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def fingerprint(key: bytes) -> str:
    """Tells one key from another and says nothing else of it."""
    return hmac.digest(key, b"which key it is", "sha256").hex()[:32]
