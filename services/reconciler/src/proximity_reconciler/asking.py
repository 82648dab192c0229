"""What a cluster is asked as a whole: its rights, members, resources, tasks. What is not answered is not known."""

from collections.abc import Callable
from datetime import datetime

import structlog

from proximity.proxmox.errors import ProxmoxError, RightsMissingError
from proximity.proxmox.observe import Membership, Observer, Resources, Task
from proximity_reconciler.budget import Budget
from proximity_reconciler.picture import Picture

log = structlog.get_logger(__name__)


class Asker:
    """Keeps rights and quorum of the picture. `clock`: the log's. `is_named`: whether the cluster has that name: what
    another one says of its quorum and its members is not about this one.
    """

    def __init__(self, cluster_id: str, picture: Picture, budget: Budget, clock: Callable[[], datetime]) -> None:
        self.picture = picture
        self._cluster_id = cluster_id
        self._budget = budget
        self._clock = clock
        self.is_named: Callable[[str | None], bool] = lambda name: True

    async def rights(self, proxmox: Observer) -> None:
        rights = self.picture.rights
        try:
            if not self._budget.take():
                rights.asked = False
                return
            rights.take(await proxmox.permissions())
            if not rights.sees_all:
                self.picture.quorate = self.picture.members = None
        except ProxmoxError as error:
            rights.asked = False
            self._not_answered("rights", error)
        self._budget.tasks_wanted = rights.sees_all

    async def members(self, proxmox: Observer, *, paid: bool = False) -> bool:
        """Whether the cluster is known to have its quorum now. Asked whatever rights are known, for they may be others
        by now. `paid`: the request was taken from the budget already. If none is left, the picture stays as it is: that
        nobody could ask says nothing of the cluster.
        """
        picture = self.picture
        if not (self._budget.leads() if paid else self._budget.take()):
            return False
        seen: Membership | None = None
        refused = False
        try:
            seen = await proxmox.membership()
        except RightsMissingError:
            refused = True
        except ProxmoxError as error:
            self._not_answered("members", error)
        if (refused or seen is not None) and refused == picture.rights.sees_all:
            # the rights are not what they were
            picture.rights.asked = False
        if seen is not None and not self.is_named(seen.name):
            log.warning("another cluster answers", cluster=self._cluster_id, name=seen.name)
            seen = None
        picture.quorate = None if refused else seen is not None and seen.quorate
        picture.members = seen.nodes if seen and seen.quorate and seen.name else None
        return picture.has_quorum

    async def resources(self, proxmox: Observer) -> tuple[datetime, Resources] | None:
        """The list and when it was asked for; None: no request is left. When it lacks something that the one before
        had, rights and quorum are looked at before it is believed. Raises ProxmoxError.
        """
        if not self._budget.take():
            return None
        at = self._clock()
        seen = await proxmox.resources()
        rights = self.picture.rights
        if not rights.asked or rights.blind or self.picture.shrinks(seen):
            await self.rights(proxmox)
            await self.members(proxmox)
        return at, seen

    async def tasks(self, proxmox: Observer) -> list[Task] | None:
        """None: nothing is known. The request was taken from the budget already."""
        try:
            return await proxmox.cluster_tasks()
        except ProxmoxError as error:
            self._not_answered("tasks", error)
            return None

    def _not_answered(self, what: str, error: ProxmoxError) -> None:
        log.warning("not answered", cluster=self._cluster_id, what=what, error=str(error))
