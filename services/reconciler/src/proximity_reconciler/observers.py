"""The way to each Proxmox cluster, for looking only: one client per connection, its secret opened from the vault."""

from collections.abc import Callable
from typing import Protocol

from proximity.domain.cluster.state import Cluster
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection
from proximity.proxmox.connections import Clients
from proximity.proxmox.observe import History, Observer
from proximity.vault.vault import Vault

# A look that takes longer has failed: seconds.
PATIENCE = 20.0


class Lookout(Observer, History, Protocol):
    """How a cluster is, and how it was."""


class Observers:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clients = Clients(ProxmoxClient)
        # a sealed value never changes, so it is opened once
        self._secrets: dict[str, str] = {}

    async def of(self, cluster_id: str, cluster: Cluster, again: Callable[[], bool]) -> Lookout:
        """`again`: whether a read may send a request beyond its first. Raises VaultError, TimeoutError."""
        secret = self._secrets.get(cluster.token_secret)
        if secret is None:
            secret = self._secrets[cluster.token_secret] = await self._vault.open(cluster.token_secret)
        connection = Connection(
            cluster.endpoints,
            cluster.token_id,
            secret,
            cluster.fingerprint,
            cluster.ca,
            read_timeout=PATIENCE,
        )
        client = self._clients.get(cluster_id, connection)
        client.allows = lambda repeated: not repeated or again()
        return client

    def forget(self, cluster_id: str) -> None:
        self._clients.forget(cluster_id)

    def close(self) -> None:
        self._clients.close()
