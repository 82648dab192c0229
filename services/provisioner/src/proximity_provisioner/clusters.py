"""The way to each Proxmox cluster: one client per connection, its secret opened from the vault."""

from proximity.domain.cluster.state import Cluster
from proximity.proxmox.connection import Connection
from proximity.proxmox.connections import Clients
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from proximity.vault.vault import Vault


class Clusters:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clients = Clients(ProxmoxHypervisor)
        self._secrets: dict[str, str] = {}

    async def hypervisor(self, cluster_id: str, cluster: Cluster) -> ProxmoxHypervisor:
        """Raises what the vault raises when the secret is not there."""
        # write-once: what was opened under an id never changes
        if cluster.token_secret not in self._secrets:
            self._secrets[cluster.token_secret] = await self._vault.open(cluster.token_secret)
        connection = Connection(
            cluster.endpoints,
            cluster.token_id,
            self._secrets[cluster.token_secret],
            cluster.fingerprint,
            cluster.ca,
        )
        return self._clients.get(cluster_id, connection)

    def close(self) -> None:
        self._clients.close()
