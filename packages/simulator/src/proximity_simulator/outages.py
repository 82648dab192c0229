"""What goes away or astray around the guests: a storage, the daemon behind the proxy, a node's clock, a certificate."""

import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

from fakepve.model import PveError, TaskError

from . import certificate
from .base import Base

NO_SPACE = ("total", "used", "avail")


class Outages(Base):
    context: ssl.SSLContext
    own_certificate: tuple[str, str]

    # ---------------------------------------------------------------- storage

    def storage_away(self, storage: str, node: str) -> bool:
        return self.faults.holds("storage_away", storage=storage, node=node)

    def need_storage(self, storage: str, node: str) -> None:
        """TaskError: a worker cannot activate it."""
        if self.storage_away(storage, node):
            raise TaskError(f"storage '{storage}' is not online")

    def _active_store(self, name: str, node: str) -> dict[str, Any]:
        store: dict[str, Any] = super()._active_store(name, node)
        if self.storage_away(name, node):
            raise PveError(500, f"storage '{name}' is not online")
        return store

    def _status_item(self, name: str, node: str, formats: bool = False) -> dict[str, Any]:
        item: dict[str, Any] = super()._status_item(name, node, formats)
        return item | {"active": 0, **dict.fromkeys(NO_SPACE, 0)} if self.storage_away(name, node) else item

    def _storage_resource(self, node: str, name: str) -> dict[str, Any] | None:
        entry: dict[str, Any] | None = super()._storage_resource(node, name)
        if entry is None or not self.storage_away(name, node):
            return entry
        known = {key: value for key, value in entry.items() if key not in ("disk", "maxdisk")}
        return known | {"status": "unknown"}

    # ------------------------------------------------------------------ clock

    def clock(self, node: str) -> float:
        """The time as this node has it."""
        fault = self.faults.held("time_skew", node=node)
        return time.time() + (fault.skew if fault else 0.0)

    # ------------------------------------------------------------ certificate

    def replace_certificate(self) -> None:
        """Serve one that another authority signed, from the next connection on."""
        with tempfile.TemporaryDirectory() as folder:
            _, pem, key = certificate.make(Path(folder), "replaced", sorted(self.nodes), self.host)
            self.context.load_cert_chain(pem, key)
            self.fingerprint = certificate.fingerprint(pem)

    def restore_certificate(self) -> None:
        self.context.load_cert_chain(*self.own_certificate)
        self.fingerprint = certificate.fingerprint(Path(self.own_certificate[0]))
