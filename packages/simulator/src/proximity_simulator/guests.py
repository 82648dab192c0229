"""Containers: what create, start and destroy really do, step by step, and what they refuse."""

import asyncio
import re
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from fakepve.model import PveError, TaskError

from . import worker_logs
from .base import Base, Body, Values, refuse
from .calls import current_task, log, warn
from .tasks import DIED

CREATE_SECONDS = 3.6
"""Of a small container on a real node; the first 5/6 of it under the config lock `create`."""
START_SECONDS, STOP_SECONDS, SHUTDOWN_SECONDS = 1.5, 0.9, 1.5
OTHER_SECONDS = {"create": 0.0, "clone": 4.9, "destroy": 0.4, "snapshot": 0.3, "delsnapshot": 0.2, "rollback": 0.3,
                 "template": 0.5, "resize": 0.5, "migrate": 5.0}  # fmt: skip
LAST_WRITTEN = ("swap", "memory", "hostname")
"""Defaults that Proxmox adds only in the last write of a create: their absence shows one that was not finished."""
SYSTEMD = {"debian": 252, "ubuntu": 255}
BRIDGES = ("vmbr0",)
ARBITRARY_PATH = "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651."
SSH_KEY = re.compile(r"(?:[^\s#]+ )?(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\S+|sk-\S+) +[A-Za-z0-9+/=]{20,}(?: .*)?")
VOLUME = re.compile(r"\d+(\.\d+)?|\S*/\S+|(vm|base|subvol)-\S+")
IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")

asked_for: ContextVar[Values | None] = ContextVar("asked_for", default=None)
"""The parameters of the create or destroy whose worker is about to start."""


class Guests(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ct_secs.update(OTHER_SECONDS)

    async def task(
        self, node: str, ttype: str, tid: Any, user: str, body: Body,
        vm: Any = None, lock: bool = True, log: Sequence[str] = (),
    ) -> str:  # fmt: skip
        values = asked_for.get()
        if values is not None and ttype == "vzcreate":
            body = partial(self._create_worker, vm, values, body)
        elif values is not None and ttype == "vzdestroy":
            body = partial(self._destroy_worker, vm, values, body)
        upid: str = await super().task(node, ttype, tid, user, body, vm, lock, log)
        return upid

    # ----------------------------------------------------------------- create

    async def _lxc_create(self, user: str, v: Values) -> str:
        values = {key: value for key, value in v.items() if key != "start"}
        self._check_create(user, values)
        if values.get("description"):
            values["description"] = _described(values["description"])
        asked_for.set(values)
        upid: str = await super()._lxc_create(user, values)
        container = self.ct(int(values["vmid"]))
        pace(container)
        if v.get("start"):
            self.jobs[f"start after {upid}"] = asyncio.create_task(self._start_after(upid, container, user))
        return upid

    def _check_create(self, user: str, values: Values) -> None:
        """What fakepve lets pass. Everything else is checked there."""
        if ":" not in values["ostemplate"] or re.fullmatch(r"\d+(\.\d+)?", str(values.get("rootfs", ""))):
            raise PveError(500, ARBITRARY_PATH)
        _check_values(values)
        _, colon, volume = str(values.get("rootfs", "")).split(",")[0].partition(":")
        if colon and not VOLUME.fullmatch(volume):
            raise PveError(500, f"unable to parse directory volume name '{volume}'")
        if values.get("tags"):
            self.require(user, f"/vms/{values['vmid']}", "VM.Config.Options")  # a right on the pool does not count

    async def _create_worker(self, container: Any, values: Values, body: Body) -> str | None:
        """fakepve's body writes the whole config at once; here it shows in the order of a real one."""
        try:
            return await self._create_steps(container, values, body)
        except asyncio.CancelledError:
            self._drop(container)
            if not container.lock:
                self._note_in_journal("destroy", container)
            raise TaskError(f"unable to create CT {container.vmid} - received interrupt") from None
        except TaskError as error:
            if str(error) != DIED:
                self._drop(container)
            raise

    async def _create_steps(self, container: Any, values: Values, body: Body) -> str | None:
        storage = str(values.get("rootfs") or values.get("storage") or "local").partition(":")[0]
        await self.pause(CREATE_SECONDS / 6)
        for place in (values["ostemplate"].partition(":")[0], storage):
            if self.storage_away(place, container.node):
                raise TaskError(f"unable to create CT {container.vmid} - storage '{place}' is not online")
        self.log_new_disks(container, values)
        if self.volume_exists(values["ostemplate"]):
            log(f"extracting archive '{worker_logs.template_path(values['ostemplate'])}'")
            if self.storage_full(storage, container.node):
                log(*worker_logs.NO_SPACE)
                raise TaskError(f"unable to create CT {container.vmid} - {worker_logs.UNPACK_FAILED}")
            await self.pause(CREATE_SECONDS * 4 / 6)
        else:
            log(f"volume '{values['ostemplate']}' does not exist")
        note = await body()
        held = {key: container.config.pop(key) for key in LAST_WRITTEN if key not in values}
        self._note_in_journal("create", container)
        self.changed()
        log(*worker_logs.unpacked(container, self.random))
        self._warn_of_systemd(container)
        await self.meet_fault()
        await self.pause(CREATE_SECONDS / 6)
        container.config.update(held)
        return note

    def _note_in_journal(self, action: Any, guest: Any) -> None:
        self.journal.add(action, guest.node, guest.vmid, guest.config, (current_task.get() or {}).get("upid", ""))

    @staticmethod
    def _warn_of_systemd(container: Any) -> None:
        systemd = SYSTEMD.get(container.config.get("ostype", ""))
        own_program = "entrypoint" in container.config  # what an image starts is rarely systemd
        if systemd and not own_program and "nesting=1" not in container.config.get("features", ""):
            warn(f"Systemd {systemd} detected. You may need to enable nesting.")

    async def _start_after(self, upid: str, container: Any, user: str) -> None:
        """start=1: a second task, after the first."""
        try:
            if upid in self.jobs:
                await asyncio.wait({self.jobs[upid]})
        finally:
            self.jobs.pop(f"start after {upid}", None)
        good = self.tasks[upid]["exitstatus"].startswith(("OK", "WARNINGS"))
        if good and self.ct(container.vmid) is container:
            await self._lxc_start(user, {"node": container.node, "vmid": container.vmid})

    # ---------------------------------------------------------- start, config

    async def _start_steps(self, ct: Any, user: str, skiplock: bool = False) -> None:
        for key in sorted(k for k in ct.config if re.fullmatch(r"net\d+", k)):
            bridge = re.search(r"bridge=([^,]+)", ct.config[key])
            if bridge and bridge.group(1) not in BRIDGES:
                log(f"bridge '{bridge.group(1)}' does not exist")
                raise TaskError(f"startup for container '{ct.vmid}' failed")
        self.need_storage(str(ct.config.get("rootfs", "")).partition(":")[0], ct.node)
        self._warn_of_systemd(ct)
        await super()._start_steps(ct, user, skiplock)

    async def _lxc_config_get(self, user: str, v: Values) -> dict[str, Any]:
        config: dict[str, Any] = await super()._lxc_config_get(user, v)
        if "env" in config:
            self._vm_perm(user, v["vmid"], self._pool_of(int(v["vmid"])), "VM.Config.Options")
        if "cpulimit" in config:
            config["cpulimit"] = f"{float(config['cpulimit']):g}"
        return config

    async def _lxc_pending(self, user: str, v: Values) -> list[dict[str, Any]]:
        pending: list[dict[str, Any]] = await super()._lxc_pending(user, v)
        for entry in pending:
            for side in ("value", "pending"):
                if entry["key"] == "cpulimit" and side in entry:
                    entry[side] = f"{float(entry[side]):g}"
        return [*pending, {"key": "digest", "value": self.ct(int(v["vmid"])).digest()}]

    async def _lxc_config_put(self, user: str, v: Values) -> None:
        values = dict(v)
        if self.faults.holds("quorum_lost"):
            raise PveError(500, self._read_only(values["node"], values["vmid"]))
        _check_values(values)
        if "description" in values:
            text = values.pop("description")
            if text.strip("\n"):
                values["description"] = _described(text)
            else:
                values["delete"] = ",".join(filter(None, [values.get("delete"), "description"]))
        await super()._lxc_config_put(user, values)
        container = self.ct(int(values["vmid"]))
        if container.config.get("tags") == "":
            container.config["tags"] = " "

    def _read_only(self, node: str, vmid: int) -> str:
        """What writing to the cluster's file system says while there is no quorum."""
        return f"unable to open file '/etc/pve/nodes/{node}/lxc/{vmid}.conf.tmp.{next(self._pids)}' - Permission denied"

    # ---------------------------------------------------------------- destroy

    async def _lxc_destroy(self, user: str, v: Values) -> str:
        asked_for.set(v)
        upid: str = await super()._lxc_destroy(user, v)
        return upid

    async def _destroy_worker(self, container: Any, values: Values, body: Body) -> str | None:
        if self.faults.holds("quorum_lost"):
            raise TaskError(self._read_only(container.node, container.vmid))
        note = await body()
        if values.get("purge"):
            log(f"purging CT {container.vmid} from related configurations..")
        self._note_in_journal("destroy", container)
        return note


def pace(container: Any) -> None:
    """Give it the durations of a real one."""
    container.start_secs, container.stop_secs = START_SECONDS, STOP_SECONDS
    container.shutdown_secs = SHUTDOWN_SECONDS


def _described(text: str) -> str:
    """A description comes back with one trailing newline."""
    return text.rstrip("\n") + "\n"


def _check_values(values: Values) -> None:
    for key, value in values.items():
        folder = re.search(r"(?:^|,)mp=([^,]*)", str(value)) if re.fullmatch(r"mp\d+", key) else None
        if folder and re.search(r"(^|/)\.\.?(/|$)", folder.group(1)):
            text = f"invalid format - {folder.group(1)} contains illegal character sequences\n"
            raise refuse(**{key: f"invalid format - format error\n{key}.mp: {text}\n"})
    keys = [line for line in str(values.get("ssh-public-keys") or "").splitlines() if line.strip()]
    if not all(SSH_KEY.fullmatch(line.strip()) for line in keys if not line.startswith("#")):
        raise PveError(500, "SSH public key validation error")
    for server in re.split(r"[,;\s]+", str(values.get("nameserver") or "")):
        if server and not IPV4.fullmatch(server) and ":" not in server:
            raise refuse(nameserver="invalid format - value does not look like a valid IP address\n")
    zone = str(values.get("timezone") or "host")
    if zone != "host" and zone not in available_timezones():
        raise refuse(timezone=f"invalid format - invalid time zone '{zone}'\n")
