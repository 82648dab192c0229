"""One client for each cluster, kept as long as its connection stays the same."""

from collections.abc import Callable
from typing import Generic, TypeVar

from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.connection import Connection

C = TypeVar("C", bound=ProxmoxClient)


class Clients(Generic[C]):
    """`make`: ProxmoxClient or ProxmoxHypervisor. Belongs to one event loop."""

    def __init__(self, make: Callable[[Connection], C]) -> None:
        self._make = make
        self._clients: dict[str, C] = {}

    def get(self, cluster_id: str, connection: Connection) -> C:
        """A changed connection (endpoints, token, secret, trust, timeouts) closes the old client and makes another."""
        client = self._clients.get(cluster_id)
        if client is None or client.connection != connection:
            self.forget(cluster_id)
            client = self._clients[cluster_id] = self._make(connection)
        return client

    def forget(self, cluster_id: str) -> None:
        client = self._clients.pop(cluster_id, None)
        if client is not None:
            client.close()

    def close(self) -> None:
        for cluster_id in list(self._clients):
            self.forget(cluster_id)
