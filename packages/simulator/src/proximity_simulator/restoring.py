"""Restore of containers: from what a backup holds, onto a new id or over a stopped guest."""

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import Any

from fakepve.lxc import CREATE_ONLY, NEW_DISK, FakeCt, normalise, parse_mount, split_props
from fakepve.model import PveError, TaskError

from .base import Base, Values
from .calls import current_task, log, warn
from .disks import mounts_of
from .guests import ARBITRARY_PATH, pace
from .spelling import described, print_mount
from .tasks import DIED

RESTORE_SECONDS = 2.0
MEBIBYTE = 1 << 20


class Restoring(Base):
    async def _lxc_create(self, user: str, v: Values) -> str:
        if not v.get("restore"):
            return str(await super()._lxc_create(user, v))
        node, vmid = v["node"], int(v["vmid"])
        if self.faults.holds("quorum_lost"):
            self.need_quorum()
        over = self._overwritten(v)
        self._check_restore_rights(user, v, over)
        container = over or FakeCt(vmid, node=node, defaults=False)
        before = dict(container.config)
        container.lock = "create"
        if over is None:
            pace(container)
            self.cts.append(container)
        body = partial(self._restore_worker, user, container, v, before if over else None)
        upid = str(await self.task(node, "vzrestore", vmid, user, body, vm=container))
        if v.get("start"):
            self.jobs[f"start after {upid}"] = asyncio.create_task(self._start_after(upid, container, user))
        return upid

    def _overwritten(self, v: Values) -> Any:
        """The guest that `force` replaces. Without it, or on another node, the id must be free."""
        existing = self._here(v)
        if existing is None or not v.get("force"):
            self._check_vmid_unused(int(v["vmid"]))
            return None
        if existing.status == "running":
            raise PveError(500, "can't overwrite running container")
        self._check_protection(existing, f"unable to restore CT {existing.vmid}")
        self._ct_check_lock(existing)
        return existing

    def _check_restore_rights(self, user: str, v: Values, over: Any) -> None:
        vmid, pool = int(v["vmid"]), v.get("pool")
        if pool and pool not in self.pools:
            raise PveError(403, f"Permission check failed (pool '{pool}' does not exist)")
        paths = [f"/vms/{vmid}", *([f"/pool/{pool}"] if pool else [])]
        if not any(self.allowed(user, path, "VM.Allocate") for path in paths) and not (
            over is not None and self.allowed(user, f"/vms/{vmid}", "VM.Backup")
        ):
            raise PveError(403, "Permission check failed")
        if ":" not in v["ostemplate"]:
            raise PveError(500, ARBITRARY_PATH)
        self._check_template(user, v["ostemplate"], True)
        owner = re.search(r"vzdump-lxc-(\d+)-", v["ostemplate"])
        if owner and int(owner.group(1)) != vmid:  # nobody is asked for a right on his own backups
            self.require(user, f"/storage/{v['ostemplate'].partition(':')[0]}", "Datastore.AllocateSpace")
            self.require(user, f"/vms/{owner.group(1)}", "VM.Backup")
        given = {key: value for key, value in v.items() if key not in CREATE_ONLY}
        self._check_modify_perm(user, vmid, pool, None, given, [], unprivileged=True)
        storages = {parse_mount(given[key])["volume"].partition(":")[0] for key in _mount_keys(given)}
        for storage in storages | ({v["storage"]} if v.get("storage") else set()):
            self._storage_for(storage, user, vmid)

    # ----------------------------------------------------------------- worker

    async def _restore_worker(self, user: str, container: Any, v: Values, before: dict[str, Any] | None) -> None:
        """`before`: the config of the guest that is replaced, which stays where this fails."""
        try:
            config = await self._restored(user, container, v)
            await self.meet_fault()
        except (TaskError, PveError, asyncio.CancelledError) as error:
            why = "received interrupt" if isinstance(error, asyncio.CancelledError) else _text(error)
            if why == DIED:
                raise
            if before is None:
                self._drop(container)
            else:
                container.config = before
            raise TaskError(f"unable to restore CT {container.vmid} - {why}") from None
        upid = (current_task.get() or {}).get("upid", "")
        if before is not None:
            self.journal.add("destroy", container.node, container.vmid, before, upid)
        container.config, container.pending, container.snapshots = config, {}, {}
        self.journal.add("create", container.node, container.vmid, config, upid)
        if v.get("pool"):
            with suppress(PveError):
                self._pool_leave(container.vmid)
            self._pool_join(v["pool"], container.vmid)

    async def _restored(self, user: str, container: Any, v: Values) -> dict[str, Any]:
        """The new configuration, after its disks were made and filled."""
        volid = v["ostemplate"]
        log(f"recovering backed-up configuration from '{volid}'")
        storage, _, name = volid.partition(":")
        volume = self._find_volume(storage, name)
        if volume is None:
            raise TaskError(f"volume '{volid}' does not exist")
        saved = dict(volume["config"])
        for key, value in saved.items():
            if re.fullmatch(r"net\d+", key) and key not in v:
                self._check_bridge(user, value)
        if not saved.get("unprivileged"):
            self.require(user, "/", "Sys.Modify")
        disks = self._new_disks(container.vmid, saved, v)
        self.log_disks(disks.values())
        log(f"restoring '{volid}' now..", f"extracting archive '{self._volume_path(storage, name, 'backup')}'")
        await self.pause(RESTORE_SECONDS)
        for mount in disks.values():
            if self.storage_full(mount["volume"].partition(":")[0], container.node):
                raise TaskError("command 'tar xpf -' failed: exit code 2: No space left on device")
        size = self.random.randrange(190, 230)
        log(f"Total bytes read: {size * MEBIBYTE} ({size}MiB, {size - 20}MiB/s)")
        log("merging backed-up and given configuration..")
        return self._merged(user, saved, disks, v)

    def _new_disks(self, vmid: int, saved: dict[str, Any], v: Values) -> dict[str, dict[str, Any]]:
        """Key -> mount: those of the request if it names any, else those of the backup, all on `storage` if given."""
        given = {key: v[key] for key in _mount_keys(v)}
        disks, taken = {}, self._taken_volumes()
        for key, mount in mounts_of(given or saved):
            if NEW_DISK.match(mount["volume"]):
                disks[key] = parse_mount(self._realise(vmid, key, v[key], taken))
            else:
                storage = v.get("storage") or mount["volume"].partition(":")[0]
                disks[key] = mount | {"volume": self._allocate(vmid, storage, taken)}
        return disks

    def _merged(self, user: str, saved: dict[str, Any], disks: dict[str, Any], v: Values) -> dict[str, Any]:
        config = {key: value for key, value in saved.items() if not re.match(r"(rootfs|mp\d+|unused\d+)$", key)}
        raw = config.pop("lxc", None)
        if raw and user == "root@pam":  # root's tokens are not root
            config["lxc"] = raw
        elif raw:
            warn("skipping custom lxc options, restore manually as root:")
            log("--------------------------------", *(f"{name}: {value}" for name, value in raw))
        if v.get("unique"):
            for key in [key for key in config if re.fullmatch(r"net\d+", key)]:
                card = ",".join(f"{k}={x}" for k, x in split_props(config[key])[1].items() if k != "hwaddr")
                config[key] = normalise(key, card)
        for key, value in v.items():
            if key not in CREATE_ONLY and key not in _mount_keys(v):
                config[key] = described(value) if key == "description" else normalise(key, value)
        return config | {key: print_mount(mount, key == "rootfs") for key, mount in disks.items()}


def _mount_keys(values: dict[str, Any]) -> list[str]:
    return [key for key in values if re.fullmatch(r"rootfs|mp\d+", key)]


def _text(error: BaseException) -> str:
    """A right that is missing is told by a worker with the number in front."""
    return f"403 {error}" if isinstance(error, PveError) and error.status == 403 else str(error)
