"""Backups: vzdump jobs, one at a time on each node, and the archives they leave."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from fakepve.lxc import SNAPSHOT_STORAGE
from fakepve.model import PveError, TaskError
from fakepve.routing import split_list

from .archives import (
    MEBIBYTE,
    Archive,
    archive_of,
    config_text,
    is_container,
    mount_lines,
    notes_from,
    sync_lines,
    volume_of,
    written,
)
from .base import Base, Values, refuse
from .calls import log
from .tasks import DIED

BACKUP_SECONDS = {"zstd": 3.0, "gzip": 12.0, "1": 5.0, "lzo": 5.0, "0": 2.0}
"""How packed -> how long a small guest takes."""
NO_SPACE = "exit code 1: No space left on device"


@dataclass(frozen=True)
class Job:
    user: str
    node: str
    storage: str
    values: Values


class Backups(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dumping: dict[str, asyncio.Lock] = {}

    def _routes_a_backups(self) -> list[Any]:
        return [
            ("POST", "/nodes/{node}/vzdump", self._vzdump),
            ("GET", "/nodes/{node}/vzdump/extractconfig", self._extract_config),
        ]

    async def _vzdump(self, v: Values, user: str) -> str:
        vmids = split_list(v.get("vmid"))
        if not vmids and not v.get("all") and not v.get("pool"):
            raise refuse(vmid="property is missing")
        job = Job(user, v["node"], v.get("storage") or "local", v)
        self.require(user, f"/storage/{job.storage}", "Datastore.AllocateSpace")
        if "prune-backups" in v:
            self.require(user, f"/storage/{job.storage}", "Datastore.Allocate")
        if "bwlimit" in v:
            self.require(user, "/", "Sys.Modify")

        async def body() -> None:
            await self._dump_all(job)

        return str(await self.task(job.node, "vzdump", vmids[0] if len(vmids) == 1 else "", user, body))

    async def _extract_config(self, v: Values, user: str) -> str:
        sid, name, volid, _, kind, owner, _ = self._volume_target({"volume": v["volume"]})
        self._check_access(user, sid, kind, owner, volid)
        volume = self._find_volume(sid, name)
        if volume is None:
            raise PveError(500, f"volume '{volid}' does not exist")
        return config_text(volume["config"])

    # -------------------------------------------------------------------- job

    async def _dump_all(self, job: Job) -> None:
        self._check_target(job)
        wanted = self._wanted(job)
        lock = self.dumping.setdefault(job.node, asyncio.Lock())
        if lock.locked():
            log("INFO: trying to get global lock - waiting...")
        async with lock:
            options = (f"--{key} {value}" for key, value in job.values.items() if key != "vmid")
            log(" ".join(["INFO: starting new backup job: vzdump", *map(str, wanted), *options]))
            elsewhere = [vmid for vmid in wanted if (guest := self.guest(vmid)) and guest.node != job.node]
            if elsewhere:
                log(f"INFO: skip external VMs: {', '.join(map(str, elsewhere))}")
            good = True
            for vmid in (vmid for vmid in wanted if vmid not in elsewhere):
                good = await self._dump_one(job, vmid) and good
            log(f"INFO: Backup job finished {'successfully' if good else 'with errors'}")
        if not good:
            raise TaskError("job errors")

    def _check_target(self, job: Job) -> None:
        name, why = job.storage, ""
        try:
            store = self._active_store(name, job.node)
        except PveError as error:
            why = error.message
            raise TaskError(
                f"could not activate storage '{name}': {why} could not get storage information for '{name}': {why}"
            ) from error
        if "backup" not in split_list(store["content"]):
            why = f"can't use storage '{name}' for backups - wrong content type"
            raise TaskError(f"could not get storage information for '{name}': {why}")

    def _wanted(self, job: Job) -> list[int]:
        """Guests to save. A right that is missing ends the job before the first; `all` skips that guest silently."""
        given = [int(vmid) for vmid in split_list(job.values.get("vmid"))]
        for vmid in given:
            if not self.allowed(job.user, f"/vms/{vmid}", "VM.Backup"):
                raise TaskError(f"403 Permission check failed (/vms/{vmid}, VM.Backup)")
        if given:
            return given
        excluded = {int(vmid) for vmid in split_list(job.values.get("exclude"))}
        members = self.pools.get(job.values.get("pool"), set()) if job.values.get("pool") else None
        guests = [guest for guest in (*self.cts, *self.vms) if guest.node == job.node and guest.vmid not in excluded]
        chosen = [guest.vmid for guest in guests if members is None or guest.vmid in members]
        return sorted(vmid for vmid in chosen if self.allowed(job.user, f"/vms/{vmid}", "VM.Backup"))

    # ------------------------------------------------------------------ guest

    async def _dump_one(self, job: Job, vmid: int) -> bool:
        guest, begin = self.guest(vmid), time.monotonic()
        try:
            await self._dump(job, vmid, guest)
        except TaskError as error:
            if str(error) == DIED:
                raise
            log(f"ERROR: Backup of VM {vmid} failed - {error}", f"INFO: Failed at {_now()}")
            return False
        seconds = round((time.monotonic() - begin) / self.time_scale)
        log(f"INFO: Finished Backup of VM {vmid} (00:{seconds // 60:02d}:{seconds % 60:02d})")
        log(f"INFO: Backup finished at {_now()}")
        return True

    async def _dump(self, job: Job, vmid: int, guest: Any) -> None:
        """Under the lock `backup`, which a worker that dies leaves behind for ever."""
        if guest is None:
            raise TaskError(f"unable to find VM '{vmid}'")
        log(f"INFO: Starting Backup of VM {vmid} ({'lxc' if is_container(guest) else 'qemu'})")
        log(f"INFO: Backup started at {_now()}", f"INFO: status = {guest.status}")
        if guest.lock:
            raise TaskError(f"{'CT' if is_container(guest) else 'VM'} is locked ({guest.lock})")
        self._set_lock(guest, "backup")
        try:
            await self.meet_fault()
            await self._write(job, guest)
        except (TaskError, asyncio.CancelledError) as error:
            if str(error) != DIED:
                self._set_lock(guest, None)
            raise
        self._set_lock(guest, None)
        if job.values.get("prune-backups"):
            self.prune_after(job.storage, guest.vmid, job.values["prune-backups"])

    def _set_lock(self, guest: Any, lock: str | None) -> None:
        guest.lock = lock
        self.changed()

    async def _write(self, job: Job, guest: Any) -> None:
        mode = self._mode(job, guest)
        archive = self._archive(job, guest)
        stopped_for_it = mode == "stop" and guest.status == "running" and is_container(guest)
        if stopped_for_it:
            log("INFO: stopping virtual guest")
            guest.status, guest.pid = "stopped", None
        elif mode == "suspend":
            log(*sync_lines(guest, archive))
        elif mode == "snapshot" and is_container(guest):
            log("INFO: create storage snapshot 'vzdump'")
        log(f"INFO: creating vzdump archive '{archive.path}'")
        try:
            await self._fill(job, archive)
            self._keep(job, guest, archive)
        finally:
            if stopped_for_it:
                log("INFO: restarting vm")
                guest.status, guest.pid, guest.started_at = "running", next(self._ct_pids), time.time()
                log(f"INFO: guest is online again after {round(_seconds(job))} seconds")
            elif mode == "snapshot" and is_container(guest):
                log("INFO: cleanup temporary 'vzdump' snapshot")

    def _mode(self, job: Job, guest: Any) -> str:
        """The mode it comes to, and the lines that say how."""
        mode, names = "stop", mount_lines(guest)
        if guest.status == "running":
            mode = job.values.get("mode") or "snapshot"
        chosen = [f"INFO: backup mode: {mode}", "INFO: ionice priority: 7"]
        if mode != "snapshot":
            log(*chosen, *names)
        elif not is_container(guest) or self.can_snapshot(guest):
            log(*names, *chosen)
        else:
            mode = "suspend"
            log(*names, "INFO: mode failure - some volumes do not support snapshots")
            log("INFO: trying 'suspend' mode instead", "INFO: backup mode: suspend", chosen[1], *names)
        return mode

    def can_snapshot(self, container: Any) -> bool:
        """Whether all its volumes lie where a snapshot can be taken."""
        names = [mount["volume"].split(":")[0] for _, mount in container.volumes()]
        return all(self.storages.get(name, {}).get("type") in SNAPSHOT_STORAGE for name in names)

    def _archive(self, job: Job, guest: Any) -> Archive:
        folder, compress = self._base_path(job.storage), str(job.values.get("compress", "0"))
        plain, made_at = self.random.randrange(185, 232) * MEBIBYTE, int(time.time())
        while True:  # names tell seconds: where time is scaled two could meet
            archive = archive_of(guest, folder, compress, made_at, plain)
            if not self.volume_exists(f"{job.storage}:backup/{archive.name}"):
                return archive
            made_at += 1

    async def _fill(self, job: Job, archive: Archive) -> None:
        try:
            await self.pause(_seconds(job))
        except asyncio.CancelledError:
            raise TaskError(archive.failure("interrupted by signal")) from None
        if self.storage_full(job.storage, job.node):
            raise TaskError(archive.failure(NO_SPACE))

    def _keep(self, job: Job, guest: Any, archive: Archive) -> None:
        notes = notes_from(str(job.values.get("notes-template") or ""), guest, self.cluster_name)
        protected = bool(job.values.get("protected"))
        volume = volume_of(archive, guest, notes, protected)
        self.storages[job.storage]["volumes"][f"backup/{archive.name}"] = volume
        log(*written(archive, is_container(guest), round(_seconds(job))))
        if notes:
            log("INFO: adding notes to backup")
        if protected:
            log("INFO: marking backup as protected")


def _seconds(job: Job) -> float:
    return BACKUP_SECONDS[str(job.values.get("compress", "0"))]


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
