"""What is known of one cluster by its answers: the list, the members, the rights, direct looks. Pure."""

from collections.abc import Collection
from datetime import datetime

from proximity.domain.drift import Desired, Listed, Look, View, locked, missing, powers
from proximity.domain.drift.history import Power
from proximity.domain.drift.suspects import power_contradicts
from proximity.proxmox.observe import GuestSeen, Resources
from proximity_reconciler.rights import Rights

# The tag that containers of ours have, for people. It proves nothing.
TAG = "proximity"


class Picture:
    """`quorate` None: not asked for, or the token may not see it. `members`: the nodes of a quorate cluster, None: not
    known, or no cluster. `looked_before`: when a guest was seen there by the look before the last one. `powers`: since
    when the lists say that a guest runs, or does not.
    """

    def __init__(self) -> None:
        self.rights = Rights()
        self.listed: dict[int, GuestSeen] = {}
        self.nodes: frozenset[str] = frozenset()
        self.away: frozenset[str] = frozenset()
        self.quorate: bool | None = None
        self.members: frozenset[str] | None = None
        self.looks: dict[int, Look] = {}
        self.looked_before: dict[int, datetime] = {}
        self.powers: dict[int, Power] = {}
        self._managed: frozenset[int] = frozenset()
        self._guests: dict[int, Listed] = {}
        self._missing: dict[int, tuple[datetime, ...]] = {}
        self._locked: dict[int, tuple[str, datetime]] = {}

    @property
    def has_quorum(self) -> bool:
        """A cluster whose nodes all answer has it; else it has to be said."""
        if self.quorate is None:
            return bool(self.nodes) and not self.away and not self.rights.sees_all
        return self.quorate

    @property
    def complete(self) -> bool:
        return self.has_quorum and bool(self.nodes) and not self.away and self.rights.asked and not self.rights.untold

    def shrinks(self, seen: Resources) -> bool:
        """Whether the new list lacks something that the last one had: then rights and quorum are looked at first."""
        online = {node.node for node in seen.nodes if node.online}
        if not (self.nodes - self.away) <= online:
            return True
        now = {guest.vmid: guest.pool for guest in seen.guests}
        if self.listed.keys() - now.keys():
            return True
        return any(guest.pool is not None and now[vmid] is None for vmid, guest in self.listed.items())

    def take(self, at: datetime, seen: Resources, managed: Collection[int], strangers: Collection[int]) -> None:
        """A new list. `strangers`: guests of nobody that may be ours."""
        self.nodes = frozenset(node.node for node in seen.nodes)
        self.away = frozenset(node.node for node in seen.nodes if not node.online)
        self.listed = {guest.vmid: guest for guest in seen.guests}
        relevant = (*managed, *strangers)
        self._guests = {vmid: _listed(self.listed[vmid]) for vmid in relevant if vmid in self.listed}
        self._missing = missing(self._missing, at, self.complete, self._guests, managed)
        self._locked = locked(self._locked, at, self._guests)
        self.powers = powers(self.powers, at, self._guests, self.away)
        # what was seen of a guest while it was somebody else's is not what it is judged by now
        keep = (self._guests.keys() | set(managed)) - (self._managed ^ set(managed))
        self._managed = frozenset(managed)
        self.looks = {vmid: look for vmid, look in self.looks.items() if vmid in keep}
        self.looked_before = {vmid: at for vmid, at in self.looked_before.items() if vmid in keep}

    def looked(self, vmid: int, look: Look) -> None:
        before = self.looks.get(vmid)
        if before is not None and before.state == "there":
            self.looked_before[vmid] = before.at
        self.looks[vmid] = look

    def interrupted(self) -> None:
        """Nothing answered: what was missing in lists before and after was not missing in a row."""
        self._missing = {}

    def view(self, at: datetime) -> View:
        return View(
            at=at,
            complete=self.complete,
            quorate=self.has_quorum,
            away=self.away,
            guests=self._guests,
            looks=self.looks,
            missing=self._missing,
            locked=self._locked,
        )

    def has_turned(self, app: Desired) -> bool:
        """The lists say otherwise than the log whether it runs, since its last look, and on the same node."""
        listed, power, look = self._guests.get(app.vmid), self.powers.get(app.vmid), self.looks.get(app.vmid)
        if listed is None or power is None or self.listed[app.vmid].type != "lxc":
            return False
        if power.node != app.node or not power_contradicts(app, listed):
            return False
        return look is None or (look.at < power.since and (look.state, look.node) == ("there", power.node))

    def node_of(self, vmid: int, otherwise: str | None) -> str | None:
        """Where to look at it; None: nowhere, or on a node that does not answer. If its own is proven to be no member
        any more, another one: that one knows whether the guest is gone, too.
        """
        listed = self.listed.get(vmid)
        node = listed.node if listed else otherwise
        if node is None or node in self.away:
            return None
        if self.nodes and node not in self.nodes:
            # asking for a node that the cluster does not have takes seconds and tells nothing
            has_left = self.members is not None and node not in self.members
            return min(self.nodes - self.away, default=None) if has_left else None
        return node


def _listed(guest: GuestSeen) -> Listed:
    running = {"running": True, "stopped": False}.get(guest.status)
    return Listed(guest.vmid, guest.node, guest.name, running, guest.lock)


def strangers_of_interest(seen: Resources, managed: Collection[int], first: int, last: int) -> set[int]:
    """Containers of nobody that may be orphans or copies of ours: they have our tag, or a number for ours."""
    return {
        guest.vmid
        for guest in seen.guests
        if guest.type == "lxc" and (first <= guest.vmid <= last or TAG in guest.tags) and guest.vmid not in managed
    }
