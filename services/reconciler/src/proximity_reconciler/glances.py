"""Whom to look at directly, one after the other, as far as the budget goes."""

import asyncio
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from proximity.domain.drift import Desired, Look
from proximity.domain.drift.suspects import UNLISTED
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import GuestStatus, Observer
from proximity.vault.hashes import ConfigurationHash
from proximity_reconciler.asking import Asker
from proximity_reconciler.budget import Budget
from proximity_reconciler.comparing import Comparison
from proximity_reconciler.knowledge import Knowledge
from proximity_reconciler.looking import PATIENCE, PROOF, REQUESTS, Looker
from proximity_reconciler.publishing import Publisher

# A look that said nothing is not repeated at once, nor is the question whether a number is in use.
REST, PROOF_REST = 15.0, 300.0
# So long a configuration counts as known when only the power can be another.
CONFIGURATION_LASTS = timedelta(minutes=5)
# Of a guest that no application has the list tells as much after so many seconds.
STRANGERS_WAIT = 10.0


class Asked(NamedTuple):
    """For a look. `power_only`: nothing but its power can be another; `at`: by the monotonic clock."""

    power_only: bool
    at: float


class Glances:
    """First applications whose foreign task ended, then the suspects, then guests of nobody whose task ended, then the
    numbers that guests may have left.

    `waiting`: the budget did not suffice.
    """

    def __init__(
        self,
        cluster_id: str,
        asker: Asker,
        budget: Budget,
        publisher: Publisher,
        hashes: ConfigurationHash,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._cluster_id = cluster_id
        self._asker = asker
        self._picture = asker.picture
        self._budget = budget
        self._publisher = publisher
        self._hashes = hashes
        self._clock = clock
        self._monotonic = monotonic
        self.waiting = False
        self._asked_for: dict[int, Asked] = {}
        # when the configuration of a guest was read
        self._read: dict[int, datetime] = {}
        self._rests: dict[int, float] = {}

    def wanted_by_tasks(self, finished: Mapping[int, bool]) -> None:
        """Their tasks have just ended, True: and only power can be another. It is known before the list knows."""
        for vmid, power_only in finished.items():
            before = self._asked_for.get(vmid)
            so_far = before is None or before.power_only
            self._asked_for[vmid] = Asked(power_only and so_far, self._monotonic())
            self._rests.pop(vmid, None)

    async def take(
        self, proxmox: Observer, comparison: Comparison, knowledge: Knowledge, enough: Callable[[], bool]
    ) -> bool:
        """Whether anything was learned. `enough`: something more important is due. Raises TimeoutError."""
        self._rests = {vmid: until for vmid, until in self._rests.items() if until > self._monotonic()}
        self._read = {vmid: at for vmid, at in self._read.items() if vmid in self._picture.looks}
        self.waiting = False
        desired = {app.vmid: app for app in knowledge.desired(self._cluster_id)}
        learned = False
        urgent, others = self._asked(desired)
        turned = [vmid for vmid in comparison.suspects if vmid in desired and self._picture.has_turned(desired[vmid])]
        for vmid in dict.fromkeys([*urgent, *turned, *comparison.suspects, *others]):
            if vmid in self._rests:
                continue
            if enough() and vmid not in urgent:
                self.waiting = True
                break
            if vmid in desired:
                outcome = await self._look_at_application(proxmox, desired[vmid], urgent=vmid in urgent)
            elif vmid in comparison.suspects:
                outcome = await self._look(proxmox, vmid, None, urgent=False)
            else:
                outcome = await self._state_of_stranger(proxmox, vmid)
            if outcome is None:
                self.waiting = True
                break
            self._asked_for.pop(vmid, None)
            learned |= outcome
        if self.waiting:
            believed = [vmid for vmid in turned if self._believe_lists(desired[vmid])]
            learned |= bool(believed)
        await self._prove_gone(proxmox, comparison, enough)
        return learned

    def _asked(self, desired: Container[int]) -> tuple[list[int], list[int]]:
        """Whom to look at because of a task: those that an application has, and the others."""
        oldest = self._monotonic() - STRANGERS_WAIT
        self._asked_for = {
            vmid: asked for vmid, asked in self._asked_for.items() if vmid in desired or asked.at >= oldest
        }
        urgent = [vmid for vmid in self._asked_for if vmid in desired]
        return urgent, [vmid for vmid in self._asked_for if vmid not in desired]

    async def _look_at_application(self, proxmox: Observer, app: Desired, *, urgent: bool) -> bool | None:
        """`urgent`: a task has just ended."""
        vmid = app.vmid
        if vmid in self._picture.listed and self._is_only_power_asked(vmid):
            return await self._look_at_power(proxmox, vmid, self._known(vmid, app))
        if self._picture.has_turned(app) and not urgent:
            outcome = await self._look_at_power(proxmox, vmid, self._known(vmid, app))
            if outcome is not False:
                return outcome
        return await self._look(proxmox, vmid, app, urgent=urgent)

    def _believe_lists(self, app: Desired) -> bool:
        """Many went down or came up at once, and not all can be looked at soon: whether lists tell it of this one."""
        power, before = self._picture.powers.get(app.vmid), self._picture.looks.get(app.vmid)
        look = power.as_look(app.since, before) if power else None
        if look is not None:
            self._picture.looked(app.vmid, look)
        return look is not None

    async def _look(self, proxmox: Observer, vmid: int, app: Desired | None, *, urgent: bool) -> bool | None:
        """Whether something was learned; None: no request is left."""
        listed = self._picture.listed.get(vmid)
        if listed is not None and listed.type == "qemu":
            # a virtual machine has the number: that comes from its configuration and is never old
            self._picture.looked(vmid, Look(self._clock(), "there", listed.node, values={"type": "qemu"}))
            return True
        managed = app is not None
        node = self._picture.node_of(vmid, app.node if app else None)
        if node is None:
            self._rests[vmid] = self._monotonic() + REST
            return False
        # a proof that is broken off for want of a request has cost all the others for nothing
        proves = listed is None
        requests = (REQUESTS if managed else 1) + (PROOF if proves else 0)
        told = app is not None and app.open.keys() & UNLISTED
        if not self._budget.take_look(requests, urgent=urgent or (proves and not told)):
            return None
        looker = Looker(
            proxmox,
            self._hashes,
            self._budget.leads if proves else self._budget.take_look,
            lambda: self._asker.members(proxmox, paid=proves),
        )
        look = await looker.at(node, vmid, self._clock(), power=managed)
        if look is None:
            self._rests[vmid] = self._monotonic() + REST
            return False
        self._picture.looked(vmid, look)
        self._read[vmid] = look.at
        if look.running is not None:
            self._publisher.saw(vmid, look.at, look.running)
        return True

    def _is_only_power_asked(self, vmid: int) -> bool:
        asked = self._asked_for.get(vmid)
        return asked is not None and asked.power_only

    def _known(self, vmid: int, desired: Desired) -> Look | None:
        """The look that read its configuration lately: nothing but the power can be another since. None: there is none,
        and it has to be read again, but that can wait.
        """
        look, read = self._picture.looks.get(vmid), self._read.get(vmid)
        if look is None or read is None or not look.values or look.state != "there":
            return None
        return look if read > desired.since and self._clock() - read < CONFIGURATION_LASTS else None

    async def _look_at_power(self, proxmox: Observer, vmid: int, known: Look | None) -> bool | None:
        """Its state as it is now costs one request, and tells what has just happened."""
        at = self._clock()
        status = await self._status(proxmox, vmid, urgent=True)
        if not isinstance(status, GuestStatus):
            return status
        before = known or Look(at, "there", self._picture.listed[vmid].node, whole=False)
        running = status.status == "running"
        self._picture.looked(vmid, replace(before, at=at, running=running, lock=status.lock))
        self._publisher.saw(vmid, at, running)
        return True

    async def _state_of_stranger(self, proxmox: Observer, vmid: int) -> bool | None:
        """Of one that no application has only the figures are of interest."""
        at = self._clock()
        status = await self._status(proxmox, vmid, urgent=False)
        if isinstance(status, GuestStatus):
            self._publisher.saw(vmid, at, status.status == "running")
            return True
        return status

    async def _status(self, proxmox: Observer, vmid: int, *, urgent: bool) -> GuestStatus | Literal[False] | None:
        """Of a container. False: nothing was learned; None: no request is left."""
        listed = self._picture.listed.get(vmid)
        if listed is None or listed.type != "lxc" or listed.node in self._picture.away:
            return False
        if not self._budget.take_look(urgent=urgent):
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await proxmox.guest_status(listed.node, vmid)
        except (ProxmoxError, TimeoutError):
            return False

    async def _prove_gone(self, proxmox: Observer, comparison: Comparison, enough: Callable[[], bool]) -> None:
        """Guests that complete lists in a row did not have: gone if a cluster with quorum has their numbers free."""
        missed = [vmid for vmid in comparison.strangers.to_prove_gone() if vmid not in self._rests]
        if not missed or not self._picture.complete or not await self._asker.members(proxmox):
            return
        for vmid in missed:
            if enough() or not self._budget.take_look():
                self.waiting = True
                return
            self._rests[vmid] = self._monotonic() + PROOF_REST
            try:
                async with asyncio.timeout(PATIENCE):
                    free = not await proxmox.vmid_in_use(vmid)
            except (ProxmoxError, TimeoutError):
                continue
            if free:
                await comparison.proven_gone(vmid)
