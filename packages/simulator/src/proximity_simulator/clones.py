"""Clones and templates."""

import asyncio
import re
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from fakepve.model import PveError, TaskError

from .base import Base, Body, Values
from .calls import current_task, log
from .disks import mounts_of
from .guests import pace
from .spelling import print_mount
from .tasks import DIED

LINK_SECONDS = 0.4
BASED = ("lvmthin", "zfspool", "rbd")
"""Storage types whose linked clones name their base."""

BASE = re.compile("base(vol)?-")
"""Begins the name of a template's volume."""

cloning: ContextVar[Values | None] = ContextVar("cloning", default=None)
"""The parameters of the clone whose worker is about to start."""


class Clones(Base):
    async def task(
        self, node: str, ttype: str, tid: Any, user: str, body: Body,
        vm: Any = None, lock: bool = True, log: Sequence[str] = (),
    ) -> str:  # fmt: skip
        values = cloning.get()
        if ttype == "vzclone" and values is not None:
            pace(vm)
            body = partial(self._clone_worker, vm, values)
        elif ttype == "vzdestroy" and vm is not None:
            body = partial(self._destroy_unless_base, vm, body)
        upid: str = await super().task(node, ttype, tid, user, body, vm, lock, log)
        return upid

    # ------------------------------------------------------------------ clone

    async def _lxc_clone(self, user: str, v: Values) -> str:
        source = self._here(v)
        if source is not None and not source.lock and not self._full(source, v) and self.ct(int(v["newid"])) is None:
            self._check_linkable(source, v)
        cloning.set(v)
        upid: str = await super()._lxc_clone(user, v)
        return upid

    @staticmethod
    def _full(source: Any, v: Values) -> bool:
        return bool(v["full"]) if v.get("full") is not None else not source.template

    def _check_linkable(self, source: Any, v: Values) -> None:
        for _, mount in mounts_of(source.snapshots.get(v.get("snapname"), source.config)):
            if not self._linkable(mount["volume"]):
                raise PveError(500, f"Linked clone feature for '{mount['volume']}' is not available")

    def _linkable(self, volume: str) -> bool:
        """On btrfs every disk can be shared, elsewhere a template's only, and never where disks are raw files."""
        kind = self.storages.get(volume.partition(":")[0], {}).get("type")
        return bool(kind == "btrfs" or (kind in BASED and BASE.match(volume.rpartition("/")[2].rpartition(":")[2])))

    def can_link(self, container: Any) -> bool:
        return all(self._linkable(mount["volume"]) for _, mount in mounts_of(container.config))

    async def _clone_worker(self, new: Any, v: Values) -> None:
        """Under `disk` on the source and `create` on the new one; both stay for ever where the worker dies."""
        source = self.ct(int(v["vmid"]))
        try:
            await self._clone_disks(source, new, v)
            await self.meet_fault()
        except asyncio.CancelledError:
            self._clone_failed(source, new)
            raise TaskError("clone failed: received interrupt") from None
        except TaskError as error:
            if str(error) == DIED:
                raise
            self._clone_failed(source, new)
            raise TaskError(f"clone failed: {error}") from error
        if v.get("pool"):
            self._pool_join(v["pool"], new.vmid)
        new.node = v.get("target") or new.node
        new.lock = source.lock = None
        upid = (current_task.get() or {}).get("upid", "")
        self.journal.add("create", new.node, new.vmid, new.config, upid)

    def _clone_failed(self, source: Any, new: Any) -> None:
        self._drop(new)
        if source.lock == "disk":
            source.lock = None

    async def _clone_disks(self, source: Any, new: Any, v: Values) -> None:
        full, taken = self._full(source, v), self._taken_volumes()
        config = source.snapshots[v["snapname"]] if v.get("snapname") else source.config
        for key, mount in mounts_of(config):
            volume = mount["volume"]
            storage = v.get("storage") or volume.partition(":")[0]
            made = mount | {"volume": self._allocate(new.vmid, storage, taken)}
            if full:
                log(f"create full clone of mountpoint {key} ({volume})")
                await self.fill_disk(made, new.node)
            else:
                log(f"create linked clone of mount point {key} ({volume})")
                await self.pause(LINK_SECONDS)
                if self.storages[storage]["type"] in BASED:
                    made["volume"] = f"{volume}/{made['volume'].partition(':')[2]}"
            new.config[key] = print_mount(made, key == "rootfs")

    async def _destroy_unless_base(self, container: Any, body: Body) -> str | None:
        used = [volume for guest in self.cts for _, mount in guest.volumes() if "/" in (volume := mount["volume"])]
        for _, mount in container.volumes():
            if any(volume.startswith(f"{mount['volume']}/") for volume in used):
                raise TaskError(f"base volume '{mount['volume']}' is still in use by linked clones")
        return await body()

    # --------------------------------------------------------------- template

    async def _lxc_template(self, user: str, v: Values) -> None:
        """Answers nothing; the task goes on behind it."""
        await super()._lxc_template(user, v)
