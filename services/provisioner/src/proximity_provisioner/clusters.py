"""The way to each Proxmox cluster: one client per connection, its secret opened from the vault."""

from proximity.domain.cluster.state import Cluster
from proximity.proxmox.connection import Connection
from proximity.proxmox.connections import Clients
from proximity.proxmox.errors import InvalidRequestError
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from proximity.vault.vault import Vault
from proximity_provisioner.sealed import open_secret


class Clusters:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clients = Clients(ProxmoxHypervisor)
        self._secrets: dict[str, str] = {}

    async def hypervisor(self, cluster_id: str, cluster: Cluster) -> ProxmoxHypervisor:
        """Raises SecretLostError, InvalidRequestError."""
        # write-once: what was opened under an id never changes
        if cluster.token_secret not in self._secrets:
            self._secrets[cluster.token_secret] = await open_secret(self._vault, cluster.token_secret)
        secret = self._secrets[cluster.token_secret]
        try:
            connection = Connection(cluster.endpoints, cluster.token_id, secret, cluster.fingerprint, cluster.ca)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from error
        return self._clients.get(cluster_id, connection)

    def close(self) -> None:
        self._clients.close()
