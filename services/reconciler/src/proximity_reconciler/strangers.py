"""The guests that no application has: which appeared, changed, went or were adopted. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from proximity.domain.guest import events as ev
from proximity.domain.guest.events import Facts
from proximity.domain.guest.state import Guest
from proximity.proxmox.observe import GuestSeen
from proximity_reconciler.guessing import guess
from proximity_reconciler.knowledge import Guests, present
from proximity_reconciler.picture import Picture

# A guest appeared when so many lists in a row have it, and may be gone when as many complete ones do not.
SEEN, MISSED = 2, 3
# The size of a file system is a little less than that of its disk, and only the running guest tells the former.
SIZE_MATTERS = 0.1

Identity = tuple[Any, ...]


class Strangers:
    """`missed`: VMID -> number of complete lists in a row without it; from MISSED on it has to be proven gone."""

    def __init__(self, cluster_id: str) -> None:
        self._cluster_id = cluster_id
        self._seen: dict[int, int] = {}
        self._as_known: dict[int, Identity] = {}
        self.missed: dict[int, int] = {}

    def compare(
        self, picture: Picture, managed: Mapping[int, str | None], known: Guests
    ) -> Iterator[tuple[int, ev.Observed]]:
        """With each new list. `managed`: VMID -> the application that has the guest, None while that is not settled."""
        self._seen = {vmid: self._seen.get(vmid, 0) + 1 for vmid in picture.listed if vmid not in managed}
        self.missed = self._missing(picture, managed, known)
        for vmid, application_id in managed.items():
            if application_id is not None and present(known.get(vmid)):
                yield vmid, ev.GuestAdopted(application_id=application_id)
        for vmid, times in self._seen.items():
            guest = picture.listed[vmid]
            if times >= SEEN and guest.name is not None and guest.node not in picture.away:
                yield from self._there(vmid, guest, present(known.get(vmid)), picture)

    def _there(
        self, vmid: int, guest: GuestSeen, known: Guest | None, picture: Picture
    ) -> Iterator[tuple[int, ev.Observed]]:
        identity = _identity(guest)
        if known is None:
            yield vmid, ev.GuestAppeared(cluster_id=self._cluster_id, vmid=vmid, facts=_facts(guest, None))
            return
        if self._as_known.get(vmid) == identity:
            return
        facts = _facts(guest, known.facts)
        if facts.pool is None and any(right.endswith("Pool.Audit") for right in picture.rights.lost):
            facts = facts.model_copy(update={"pool": known.facts.pool})
        if facts == known.facts:
            self._as_known[vmid] = identity
        else:
            self._as_known.pop(vmid, None)
            yield vmid, ev.GuestReconfigured(facts=facts)

    def _missing(self, picture: Picture, managed: Mapping[int, str | None], known: Guests) -> dict[int, int]:
        if not picture.complete:
            return {}
        return {
            vmid: self.missed.get(vmid, 0) + 1
            for vmid, loaded in known.items()
            if vmid not in picture.listed and vmid not in managed and present(loaded)
        }

    def to_prove_gone(self) -> list[int]:
        return [vmid for vmid, times in self.missed.items() if times >= MISSED]


def _identity(guest: GuestSeen) -> Identity:
    return (
        *(guest.node, guest.type, guest.name, guest.template, guest.tags, guest.pool, guest.hastate is not None),
        *(guest.cpus, guest.memory, guest.disk),
    )


def _facts(guest: GuestSeen, known: Facts | None) -> Facts:
    app, port = guess(guest.name, guest.tags)
    return Facts(
        node=guest.node,
        type=guest.type,
        name=guest.name,
        template=guest.template,
        tags=guest.tags,
        pool=guest.pool,
        ha=guest.hastate is not None,
        cores=None if guest.cpus is None else max(1, int(guest.cpus)),
        memory=guest.memory,
        disk=_size(known.disk if known else None, guest.disk),
        app=app,
        port=port,
    )


def _size(known: int | None, seen: int | None) -> int | None:
    if seen is None:
        return known
    return known if known is not None and abs(seen - known) <= SIZE_MATTERS * known else seen
