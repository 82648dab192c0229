"""What may be asked of a cluster connection."""

from typing import ClassVar

from pydantic import Field

from proximity.domain.model import Command

FIRST_VMID = 20000
LAST_VMID = 29999


class ConnectCluster(Command):
    """`endpoints`: `https://host:8006`, nodes of the cluster. Trust is `fingerprint` (SHA-256 of the certificate, hex
    with colons) or `ca` (PEM). `token_secret` is the id of the sealed value in the vault.
    """

    TYPE: ClassVar[str] = "cluster.connect.v1"
    cluster_id: str
    name: str
    endpoints: tuple[str, ...]
    token_id: str
    token_secret: str
    fingerprint: str | None = None
    ca: str | None = None
    first_vmid: int = Field(default=FIRST_VMID, ge=100, le=999_999_999)
    last_vmid: int = Field(default=LAST_VMID, ge=100, le=999_999_999)
    simulator: bool = False


class CheckCluster(Command):
    """Look again at version and rights."""

    TYPE: ClassVar[str] = "cluster.check.v1"
    cluster_id: str


class RemoveCluster(Command):
    TYPE: ClassVar[str] = "cluster.remove.v1"
    cluster_id: str


ClusterCommand = ConnectCluster | CheckCluster | RemoveCluster
COMMANDS: tuple[type[Command], ...] = (ConnectCluster, CheckCluster, RemoveCluster)
