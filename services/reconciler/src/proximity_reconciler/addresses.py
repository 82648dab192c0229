"""Learns the addresses of containers that no application has: each is asked after its start, one at a time."""

import asyncio
from collections.abc import Callable, Container
from typing import NamedTuple

from proximity.messaging import addresses
from proximity.messaging.addresses import Learned
from proximity.messaging.connection import Bus
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import GuestSeen, Observer
from proximity_reconciler.budget import Budget
from proximity_reconciler.picture import Picture

# An answer that takes longer is none: the list and the tasks are waiting.
PATIENCE = 3.0
# Seconds until one that has no address yet is asked again; after the last time it is told that it has none.
RESTS = (15.0, 60.0, 300.0)


class Tried(NamedTuple):
    """`until`: not again before, by the monotonic clock."""

    times: int = 0
    until: float = 0.0


class Addresses:
    """What was told is read first: whoever takes a watch over asks only those that started since, or moved. Of these
    the latest to start comes first.
    """

    def __init__(self, cluster_id: str, bus: Bus, budget: Budget, monotonic: Callable[[], float]) -> None:
        self._cluster_id = cluster_id
        self._bus = bus
        self._budget = budget
        self._monotonic = monotonic
        self._known: dict[int, Learned] | None = None
        self._due: list[GuestSeen] = []
        self._tried: dict[int, Tried] = {}
        self._rests_until = 0.0

    async def listed(self, picture: Picture, managed: Container[int]) -> None:
        """With each new list. Raises TimeoutError."""
        if self._known is None:
            self._known = await addresses.told(self._bus, self._cluster_id)
        now = self._bus.clock.now().timestamp()
        self._due = [
            guest
            for vmid, guest in picture.listed.items()
            if guest.type == "lxc"
            and guest.status == "running"
            and guest.node not in picture.away
            and _is_new(guest, self._known.get(vmid), now)
            and vmid not in managed
        ]
        self._due.sort(key=lambda guest: guest.uptime or 0)
        due = {guest.vmid for guest in self._due}
        self._tried = {vmid: tried for vmid, tried in self._tried.items() if vmid in due}

    async def ask(self, proxmox: Observer) -> None:
        """One of those that wait, if there is a request left for it. Raises TimeoutError: it could not be told."""
        now = self._monotonic()
        if now < self._rests_until:
            return
        guest = next((one for one in self._due if self._tried.get(one.vmid, Tried()).until <= now), None)
        if guest is None or not self._budget.take_aside():
            return
        at = self._bus.clock.now().timestamp()
        found: list[str] | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                found = await proxmox.guest_addresses(guest.node, guest.vmid)
        except (ProxmoxError, TimeoutError):
            # the next one might take as long
            self._rests_until = now + RESTS[0]
        times = self._tried.get(guest.vmid, Tried()).times
        if not found and times < len(RESTS):
            self._tried[guest.vmid] = Tried(times + 1, now + RESTS[times])
            return
        await addresses.tell(self._bus, self._cluster_id, guest.vmid, guest.node, found)
        self._due.remove(guest)
        if self._known is not None:
            self._known[guest.vmid] = Learned(guest.node, at)


def _is_new(guest: GuestSeen, learned: Learned | None, now: float) -> bool:
    """Whether it started since, or is elsewhere. Its uptime is a little old, so it seems to have started later than it
    did: it may be asked once more, never once too few.
    """
    if learned is None or learned.node != guest.node:
        return True
    return bool(guest.uptime) and now - (guest.uptime or 0) > learned.at
