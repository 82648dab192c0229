"""Snapshots: what fakepve's lack, and what a worker that dies in one leaves."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fakepve.model import TaskError

from .base import Base, Body, Values
from .calls import current_task
from .spelling import described, shown
from .tasks import DIED

SNAPSHOT_PATH = "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}"
LOCKS = {"vzsnapshot": "snapshot", "vzdelsnapshot": "snapshot-delete", "vzrollback": "rollback"}
"""Task type -> the lock it works under."""


class Snapshots(Base):
    def _routes_a_snapshots(self) -> list[Any]:
        return [
            ("GET", SNAPSHOT_PATH, self._snapshot_index),
            ("GET", "/nodes/{node}/lxc/{vmid}/feature", self._feature),
        ]

    async def _snapshot_index(self, v: Values, user: str) -> list[dict[str, str]]:
        return [{"cmd": "rollback"}, {"cmd": "config"}]

    async def _feature(self, v: Values, user: str) -> dict[str, int]:
        container = self._find_ct(v["node"], v["vmid"])
        known = {"snapshot": self.can_snapshot, "clone": self.can_link, "copy": lambda container: True}
        return {"hasFeature": int(known[v["feature"]](container))}

    async def task(
        self, node: str, ttype: str, tid: Any, user: str, body: Body,
        vm: Any = None, lock: bool = True, log: Sequence[str] = (),
    ) -> str:  # fmt: skip
        if ttype in LOCKS and vm is not None:
            body = partial(_leaving_lock, vm, LOCKS[ttype], body)
        upid: str = await super().task(node, ttype, tid, user, body, vm, lock, log)
        return upid

    async def pause(self, secs: float) -> None:
        """The only pause of these tasks lies within their lock: there one that is to die does."""
        await super().pause(secs)
        if (current_task.get() or {}).get("type") in LOCKS:
            await self.meet_fault()

    async def _lxc_snapshot(self, user: str, v: Values) -> str:
        if "description" in v:
            v = v | {"description": described(v["description"])}
        return await self._or_fail_in_task("vzsnapshot", super()._lxc_snapshot, user, v)

    async def _lxc_snapshot_delete(self, user: str, v: Values) -> str:
        return await self._or_fail_in_task("vzdelsnapshot", super()._lxc_snapshot_delete, user, v)

    async def _lxc_rollback(self, user: str, v: Values) -> str:
        return await self._or_fail_in_task("vzrollback", super()._lxc_rollback, user, v)

    async def _or_fail_in_task(self, ttype: str, call: Any, user: str, v: Values) -> str:
        """That the guest is not there is only found by the worker."""
        if self._here(v) is not None or v["snapname"] in ("current", "vzdump"):
            return str(await call(user, v))

        async def missing() -> None:
            self._find_ct(v["node"], v["vmid"])

        return str(await self.task(v["node"], ttype, v["vmid"], user, missing))

    async def _lxc_snapshot_config_get(self, user: str, v: Values) -> dict[str, Any]:
        return shown(await super()._lxc_snapshot_config_get(user, v))

    async def _lxc_snapshot_config_put(self, user: str, v: Values) -> None:
        if "description" in v:
            v = v | {"description": described(v["description"])}
        await super()._lxc_snapshot_config_put(user, v)


async def _leaving_lock(container: Any, lock: str, body: Body) -> str | None:
    try:
        return await body()
    except TaskError as error:
        if str(error) == DIED:
            container.lock = lock
        raise
