"""Disks of containers: making, growing and moving them."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from fakepve.lxc import MOUNT_KEY, mount_type, parse_mount
from fakepve.lxc import format_size as size_text
from fakepve.lxc import parse_size as bytes_of
from fakepve.model import PveError, TaskError

from . import disk_logs, spelling
from .base import Base, Values, refuse
from .calls import log
from .spelling import print_mount
from .tasks import DIED

COPY_SECONDS = 3.3
MISSING = "property is missing and it is not optional"
DEFAULT_SIZE = 4 << 30


def mounts_of(config: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Key and parsed value of every volume in use, rootfs first; neither bind mounts nor unused disks."""
    keys = sorted((k for k in config if MOUNT_KEY.match(k) and "unused" not in k), key=lambda k: (k != "rootfs", k))
    found = [(key, parse_mount(config[key])) for key in keys]
    return [(key, mount) for key, mount in found if mount_type(mount.get("volume", "")) == "volume"]


def size_of(mount: dict[str, Any]) -> int:
    return bytes_of(mount.get("size", "")) or DEFAULT_SIZE


class Disks(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spelling.install()

    def _routes_a_disks(self) -> list[Any]:
        return [("POST", "/nodes/{node}/lxc/{vmid}/move_volume", self._move_volume)]

    def _realise(self, vmid: int, key: str, value: str, taken: set[str], default_storage: Any = None) -> str:
        """A disk has whole MiB: `local:0.1` makes 102 of them."""
        mount = parse_mount(super()._realise(vmid, key, value, taken, default_storage))
        size = bytes_of(mount.get("size", ""))
        if size:
            mount["size"] = size_text(size >> 20 << 20)
        return print_mount(mount, key == "rootfs")

    def log_disks(self, mounts: Iterable[dict[str, Any]]) -> None:
        """The lines of making these disks."""
        for mount in mounts:
            storage, _, name = mount["volume"].partition(":")
            log(*disk_logs.made(self.storages[storage], self._base_path(storage), name, size_of(mount), self.random))

    def log_new_disks(self, container: Any, values: Values) -> None:
        """Of a create, whose disks have their names only after it."""
        storage, taken = values.get("storage") or "local", self._taken_volumes()
        keys = sorted((k for k in values if re.fullmatch(r"mp\d+", k)), key=lambda k: int(k[2:]))
        wanted = {"rootfs": values.get("rootfs") or f"{storage}:4"} | {key: values[key] for key in keys}
        made = [parse_mount(self._realise(container.vmid, key, value, taken)) for key, value in wanted.items()]
        self.log_disks(m for m in made if mount_type(m["volume"]) == "volume" and m.get("size") != "0")

    async def fill_disk(self, mount: dict[str, Any], node: str) -> None:
        """Make this disk and copy another's files into it."""
        self.log_disks([mount])
        await self.pause(COPY_SECONDS)
        if self.storage_full(mount["volume"].partition(":")[0], node):
            raise TaskError("rsync: [receiver] write failed: No space left on device (28)")
        log(*disk_logs.copied(self.random))

    # ----------------------------------------------------------------- resize

    async def _lxc_resize(self, user: str, v: Values) -> str:
        container = self._find_ct(v["node"], v["vmid"])
        key = v["disk"]
        if key not in container.config and not container.lock:
            raise PveError(500, "format error", {"volume": MISSING} | ({"mp": MISSING} if key != "rootfs" else {}))
        upid: str = await super()._lxc_resize(user, v)
        mount = parse_mount(container.config[key])
        asked = bytes_of(str(v["size"]).lstrip("+"))
        grown = size_of(mount) + asked if str(v["size"]).startswith("+") else asked
        storage, _, name = mount["volume"].partition(":")
        path = self._volume_path(storage, name, "images")
        self.tasks[upid]["log"] += disk_logs.grown(path, size_of(mount), grown)
        return upid

    # ------------------------------------------------------------------- move

    async def _move_volume(self, v: Values, user: str) -> str:
        if ("storage" in v) == ("target-vmid" in v):
            raise refuse(**{"target-vmid": "either set storage or target-vmid, but not both"})
        container, key = self._find_ct(v["node"], v["vmid"]), v["volume"]
        self._ct_check_lock(container)
        if key not in container.config:
            raise PveError(500, "format error", {"volume": MISSING, "mp": MISSING})
        if container.status == "running":
            raise PveError(500, "cannot move volumes of a running container")
        if "target-vmid" in v:
            return await self._reassign(container, v, user)
        self._storage_for(v["storage"], user, container.vmid)
        container.lock = "disk"

        async def body() -> None:
            await self._move(container, key, v["storage"], bool(v.get("delete")))

        return str(await self.task(v["node"], "move_volume", container.vmid, user, body, vm=container))

    async def _move(self, container: Any, key: str, storage: str, delete: bool) -> None:
        try:
            mount = parse_mount(container.config[key])
            moved = mount | {"volume": self._allocate(container.vmid, storage, self._taken_volumes())}
            await self.fill_disk(moved, container.node)
            await self.meet_fault()
        except (TaskError, asyncio.CancelledError) as error:
            if str(error) != DIED:
                container.lock = None
            raise
        container.config[key] = print_mount(moved, key == "rootfs")
        if not delete:
            container.config[self._unused_key(container.config)] = mount["volume"]
        container.lock = None

    async def _reassign(self, container: Any, v: Values, user: str) -> str:
        """Give the disk, under a new name, to another stopped container of this node."""
        target, key = self._find_ct(v["node"], v["target-vmid"]), v["volume"]
        place = v.get("target-volume") or key
        self._vm_perm(user, target.vmid, self._pool_of(target.vmid), "VM.Config.Disk")
        self._ct_check_lock(target)
        if key == "rootfs" and target.vmid != container.vmid:
            raise PveError(500, "cannot reassign rootfs")
        if place in target.config:
            raise PveError(500, f"The key '{place}' is already in use for target CT '{target.vmid}'")

        async def body() -> None:
            mount = parse_mount(container.config[key])
            storage = mount["volume"].partition(":")[0]
            mount["volume"] = self._allocate(target.vmid, storage, self._taken_volumes())
            target.config[place] = mount["volume"] if place.startswith("unused") else print_mount(mount)
            log(f"moving volume '{key}' from CT '{container.vmid}' to '{target.vmid}'")
            del container.config[key]

        return str(await self.task(v["node"], "move_volume", f"{container.vmid}-{target.vmid}", user, body))
