"""What is needed to talk to one Proxmox cluster."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

DEFAULT_PORT = 8006


@dataclass(frozen=True)
class Endpoint:
    """One node's API. `host` without brackets; `path`: the prefix of a reverse proxy, usually empty."""

    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """From `https://host:8006` or `host`, `host:port`, `[v6]:port`. ValueError: not an https address."""
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("an endpoint looks like https://host:8006")
        return cls(parts.hostname, parts.port or DEFAULT_PORT, parts.path.strip("/"))

    @property
    def url_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self.url_host}:{self.port}"


@dataclass(frozen=True)
class Connection:
    """`endpoints`: nodes of one cluster, tried in this order. `token_id`: `user@realm!name`. Trust is `fingerprint`
    (SHA-256 of the certificate) or else `ca` (PEM) or else the system's authorities; there is no way to trust without
    looking. `read_timeout`: the longest silence before an answer, in seconds; Proxmox itself gives up after 30 or more.
    """

    endpoints: tuple[str, ...]
    token_id: str
    token_secret: str = field(repr=False)
    fingerprint: str | None = None
    ca: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 60.0

    def __post_init__(self) -> None:
        user, _, name = self.token_id.rpartition("!")
        if not self.endpoints:
            raise ValueError("a connection needs an endpoint")
        if "@" not in user or not name:
            raise ValueError("a token id looks like user@realm!name")
        for endpoint in self.endpoints:
            Endpoint.parse(endpoint)
