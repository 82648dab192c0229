"""Secrets at rest: AES-256-GCM under a master key that never reaches NATS. Events name only a sealed value's id."""

import secrets
from typing import Protocol
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = b"\x01"
_NONCE = 12


class Values(Protocol):
    """Where sealed values lie: written once, never changed."""

    async def create(self, key: str, value: bytes) -> int | None:
        """None if the key is there already."""

    async def value(self, key: str) -> bytes | None: ...


class VaultError(Exception):
    """The sealed value is not there, was tampered with, or was sealed with another key. Names the id only."""


class Vault:
    def __init__(self, values: Values, key: bytes) -> None:
        self._values = values
        self._cipher = AESGCM(key)

    async def seal(self, plaintext: str) -> str:
        """The id under which it can be opened. Raises what the store raises; then nothing names the value."""
        value_id = str(uuid4())
        nonce = secrets.token_bytes(_NONCE)
        sealed = _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext.encode(), value_id.encode())
        if await self._values.create(value_id, sealed) is None:
            raise VaultError(f"the sealed value {value_id} exists already")
        return value_id

    async def open(self, value_id: str) -> str:
        """Raises VaultError, and what the store raises."""
        sealed = await self._values.value(value_id)
        if sealed is None:
            raise VaultError(f"there is no sealed value {value_id}")
        if sealed[:1] != _FORMAT:
            raise VaultError(f"the sealed value {value_id} has an unknown format")
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            # the id is authenticated with it: a value copied to another id does not open
            return self._cipher.decrypt(nonce, ciphertext, value_id.encode()).decode()
        except InvalidTag as error:
            raise VaultError(f"the sealed value {value_id} does not open with this key") from error
