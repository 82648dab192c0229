"""Which backups a retention keeps, and the calls that ask or remove."""

import time
from typing import Any

from fakepve.model import PveError
from fakepve.routing import split_list

from .base import Base, Values
from .calls import log

PERIODS = {"hourly": "%Y%m%d%H", "daily": "%Y%m%d", "weekly": "%G%V", "monthly": "%Y%m", "yearly": "%Y"}


def marks(backups: list[dict[str, Any]], retention: str) -> dict[str, str]:
    """volid -> keep, remove or protected, for the backups of one guest, `retention` as in `prune-backups`.

    The rules are asked in turn, each from the newest backup on; a period in which an earlier rule kept one is full.
    """
    parts = [rule.removeprefix("keep-").partition("=") for rule in split_list(retention)]
    rules = {name: int(count) for name, _, count in parts}
    newest = sorted(backups, key=lambda backup: -backup["ctime"])
    marked = {backup["volid"]: "protected" for backup in newest if backup.get("protected")}
    open_ = [backup for backup in newest if backup["volid"] not in marked]
    if rules.get("all") or not any(rules.values()):
        return marked | {backup["volid"]: "keep" for backup in open_}
    marked |= {backup["volid"]: "keep" for backup in open_[: rules.get("last", 0)]}
    for name, form in PERIODS.items():
        kept = [backup for backup in open_ if marked.get(backup["volid"]) == "keep"]
        full, left = {_period(backup, form) for backup in kept}, rules.get(name, 0)
        for backup in open_:
            if left and backup["volid"] not in marked and _period(backup, form) not in full:
                marked[backup["volid"]] = "keep"
                full.add(_period(backup, form))
                left -= 1
    return {backup["volid"]: "remove" for backup in open_} | marked


def _period(backup: dict[str, Any], form: str) -> str:
    return time.strftime(form, time.localtime(backup["ctime"]))


class Pruning(Base):
    def _routes_a_pruning(self) -> list[Any]:
        path = "/nodes/{node}/storage/{storage}/prunebackups"
        return [("GET", path, self._prune_preview), ("DELETE", path, self._prune)]

    async def _prune_preview(self, v: Values, user: str) -> list[dict[str, Any]]:
        self._active_store(v["storage"], v["node"])
        return self._marked(v["storage"], self._retention(v), v.get("vmid"), v.get("type"))

    async def _prune(self, v: Values, user: str) -> str:
        storage, vmid = v["storage"], v.get("vmid")
        if vmid is None:
            self.require(user, f"/storage/{storage}", "Datastore.Allocate")
        else:
            self.require(user, f"/storage/{storage}", "Datastore.AllocateSpace")
            self.require(user, f"/vms/{vmid}", "VM.Backup")
        retention = self._retention(v)

        async def body() -> None:
            self._remove(storage, self._marked(storage, retention, vmid, v.get("type")))

        ident = f"{vmid}@{storage}" if vmid is not None else storage
        return str(await self.task(v["node"], "prunebackups", ident, user, body))

    def prune_after(self, storage: str, vmid: int, retention: str) -> None:
        """At the end of a guest's backup, within its job."""
        log(f"INFO: prune older backups with retention: {retention}")
        removed = self._remove(storage, self._marked(storage, retention, vmid, None), "INFO: ")
        log(f"INFO: pruned {removed} backup(s) not covered by keep-retention policy")

    def _retention(self, v: Values) -> str:
        retention = v.get("prune-backups") or self._store(v["storage"]).get("prune-backups")
        if not retention:
            raise PveError(500, f"no prune-backups options configured for storage '{v['storage']}'")
        return str(retention)

    def _marked(self, storage: str, retention: str, vmid: int | None, kind: str | None) -> list[dict[str, Any]]:
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for name, volume in self._volumes(storage).items():
            if volume["content"] != "backup" or vmid not in (None, volume["vmid"]):
                continue
            if kind in (None, volume["subtype"]):
                backup = volume | {"volid": f"{storage}:{name}"}
                groups.setdefault((volume["subtype"], volume["vmid"]), []).append(backup)
        found = []
        for group in groups.values():
            marked = marks(group, retention)
            found += [
                {"ctime": backup["ctime"], "mark": marked[backup["volid"]], "type": backup["subtype"],
                 "vmid": backup["vmid"], "volid": backup["volid"]}
                for backup in group
            ]  # fmt: skip
        return sorted(found, key=lambda backup: (backup["vmid"], backup["ctime"]))

    def _remove(self, storage: str, marked: list[dict[str, Any]], prefix: str = "") -> int:
        removed = [backup["volid"] for backup in marked if backup["mark"] == "remove"]
        for volid in removed:
            log(f"{prefix}removing backup '{volid}'")
            del self.storages[storage]["volumes"][volid.partition(":")[2]]
        return len(removed)
