"""What lies in the storages: on each node for itself, unless the storage is shared."""

import time
from collections.abc import Iterator, MutableMapping
from typing import Any

from . import figures
from .base import Base
from .calls import current_call, on_node

Volume = dict[str, Any]
DISKS = ("images", "rootdir")
"""Contents that belong to guests."""


class PerNode(MutableMapping[str, Volume]):
    """The volumes of a storage that is not shared: those of the node that the running call is about."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Volume]] = {}

    def _here(self) -> dict[str, Volume]:
        return self.nodes.setdefault(current_call.get().node or "", {})

    def __getitem__(self, name: str) -> Volume:
        return self._here()[name]

    def __setitem__(self, name: str, volume: Volume) -> None:
        self._here()[name] = volume

    def __delitem__(self, name: str) -> None:
        del self._here()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())


class Storages(Base):
    def add_storage(self, name: str, type: str, content: str, total: int, used: int, **options: Any) -> None:
        """`total`, `used`: bytes; used by what the simulator does not show."""
        volumes: MutableMapping[str, Volume] = {} if options.get("shared") else PerNode()
        self.storages[name] = {"type": type, "content": content, "active": 1, "files": set(), "volumes": volumes,
                               **options}  # fmt: skip
        self.sizes[name] = (total, used)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sizes: dict[str, tuple[int, int]] = {}

    def storage_full(self, storage: str, node: str) -> bool:
        return self.faults.holds("storage_full", storage=storage, node=node)

    def _volumes(self, name: str) -> dict[str, Volume]:
        """Without the disks of other nodes' guests."""
        volumes: dict[str, Volume] = super()._volumes(name)
        node = current_call.get().node
        if self.storages[name].get("shared") or node is None:
            return volumes
        here = {guest.vmid for guest in (*self.cts, *self.vms) if guest.node == node}
        kept = self.storages[name]["volumes"]
        return {key: volume for key, volume in volumes.items() if key in kept or volume.get("vmid") in here}

    def volume_exists(self, volid: str) -> bool | None:
        storage, colon, name = str(volid).partition(":")
        if not colon or storage not in self.storages:
            return None
        return name in self._volumes(storage)

    def _space(self, store: dict[str, Any]) -> tuple[int, int, int]:
        """total, used, available: the disks count as far as they are written."""
        name = next(name for name, other in self.storages.items() if other is store)
        total, used = self.sizes.get(name, (100 << 30, 0))
        node = current_call.get().node or ""
        if self.storage_full(name, node):
            return total, total, 0
        sizes = sum(int(volume.get("size") or 0) for volume in store["volumes"].values())
        volumes = self._volumes(name)
        disks = sum(int(volume.get("size") or 0) for volume in volumes.values() if volume["content"] in DISKS)
        moving = int((1 << 28) * figures.wave(time.time(), len(name) + len(node), 1800))
        used = min(total, used + sizes + disks // 4 + moving)
        return total, used, total - used

    def _storage_resource(self, node: str, name: str) -> dict[str, Any] | None:
        with on_node(node):
            entry: dict[str, Any] | None = super()._storage_resource(node, name)
            if entry is None:
                return None
            total, used, _ = self._space(self.storages[name])
        known = {} if self.online(node) else {"status": "unknown"}
        return entry | {"disk": used, "maxdisk": total} | known
