"""argon2id, in threads: it takes a tenth of a second and 64 MiB, so at most two at a time."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
MAX_LENGTH = 256

_hasher = PasswordHasher()


class Passwords:
    def __init__(self, at_once: int = 2) -> None:
        self._slots = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """`hashed` None: there is no such user; takes as long and says no."""
        async with self._slots:
            matches = await asyncio.to_thread(_matches, hashed, password)
        return matches and hashed is not None


def outdated(hashed: str) -> bool:
    """Made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(hashed)


@cache
def _nobody() -> str:
    """The hash of a password that cannot be sent: an unknown user costs as much time as a known one."""
    return _hasher.hash("")


def _matches(hashed: str | None, password: str) -> bool:
    try:
        return _hasher.verify(_nobody() if hashed is None else hashed, password)
    except (VerificationError, InvalidHashError):
        return False
