"""Opening what the vault holds, with an error that says what it means for a call."""

from proximity.proxmox.errors import NotExecutedError
from proximity.vault.vault import Vault, VaultError


class SecretLostError(NotExecutedError):
    """What the vault holds cannot be opened: nothing can be called with it."""


async def open_secret(vault: Vault, value_id: str) -> str:
    """Raises SecretLostError, TimeoutError."""
    try:
        return await vault.open(value_id)
    except VaultError as error:
        raise SecretLostError(str(error)) from error
