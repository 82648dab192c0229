"""What the content list of a storage tells of disks and backups, and how a backup is deleted."""

from typing import Any

from .base import Base, Values
from .storages import Volume

FILES = ("dir", "nfs", "cifs", "cephfs", "btrfs")
"""Types of storage whose volumes are files."""


class Contents(Base):
    def _item(self, name: str, volname: str, vol: Volume) -> dict[str, Any]:
        item: dict[str, Any] = super()._item(name, volname, vol)
        content, owner = vol["content"], self.ct(vol.get("vmid"))
        if content == "backup":
            del item["used"]
            item["subtype"] = vol["subtype"]
            if not item.pop("protected", 0):
                return item
            return item | {"protected": 1}
        if content in ("rootdir", "images"):
            item["content"] = "rootdir" if owner is not None else content
            if self.storages[name]["type"] in FILES:
                item |= {"parent": None, "used": item["size"] // 4}
        return item

    async def _content_info(self, v: Values, user: str) -> dict[str, Any]:
        """Of everything that is not a disk this call knows the size, but not the format."""
        info: dict[str, Any] = await super()._content_info(v, user)
        _, _, _, _, kind, _, _ = self._volume_target(v)
        return info if kind == "images" else info | {"format": "raw"}

    async def _content_delete(self, v: Values, user: str) -> str | None:
        """Deleting what is not there is no error: a line in the log says that it was not."""
        storage, name, _, _, kind, _, _ = self._volume_target(v)
        missing = self._find_volume(storage, name) is None
        upid: str | None = await super()._content_delete(v, user)
        if upid and missing:
            path = self._volume_path(storage, name, kind)
            self.tasks[upid]["log"].append(f"disk image '{path}' does not exist")
        return upid
