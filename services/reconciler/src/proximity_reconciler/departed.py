"""Nodes and storages that a cluster has no more: complete lists in a row did not have them, and then it is proven."""

from collections.abc import Callable, Mapping

import structlog

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.events import ClusterEvent
from proximity.domain.cluster.rights import has
from proximity.domain.cluster.state import Cluster
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import Observer, Resources
from proximity_reconciler.asking import Asker
from proximity_reconciler.strangers import MISSED

log = structlog.get_logger(__name__)

# What could not be proven is not asked again for so long: seconds.
REST = 300.0

# a node, or a storage of a node
Thing = tuple[str, str | None]


class Departed:
    """`may_look`: takes a request from the budget."""

    def __init__(self, asker: Asker, may_look: Callable[[], bool], monotonic: Callable[[], float]) -> None:
        self._asker = asker
        self._may_look = may_look
        self._monotonic = monotonic
        self._missed: Mapping[Thing, int] = {}
        self._rests: Mapping[Thing, float] = {}

    def listed(self, seen: Resources, known: Cluster) -> None:
        """With each new list. `known`: as the log has the cluster."""
        if not self._asker.picture.complete:
            self._missed = {}
            return
        nodes = {node.node for node in seen.nodes}
        storages = {(node, storage.storage) for node, storage in seen.storages}
        missed: list[Thing] = [(node, None) for node in known.nodes if node not in nodes]
        missed += [(node, name) for node, name in known.storages if node in nodes and (node, name) not in storages]
        self._missed = {thing: self._missed.get(thing, 0) + 1 for thing in missed}

    def interrupted(self) -> None:
        """A list was not answered: those before and after it are not in a row."""
        self._missed = {}

    async def proven(self, proxmox: Observer, known: Cluster) -> list[ClusterEvent]:
        """What can be said now of all that was missed often enough."""
        now = self._monotonic()
        self._rests = {thing: until for thing, until in self._rests.items() if until > now}
        due = [thing for thing, times in self._missed.items() if times >= MISSED and thing not in self._rests]
        if not due or not await self._asker.members(proxmox):
            return []
        found: list[ClusterEvent] = []
        seen: dict[str, bool | None] = {}
        for thing in due:
            node, storage = thing
            if storage is not None and storage not in seen:
                seen[storage] = await self._would_be_listed(proxmox, storage)
            if storage is not None and seen[storage] is None:
                continue
            if storage is None and self._is_no_member(node):
                found += [ev.StorageGone(node=node, storage=name) for of, name in known.storages if of == node]
                found.append(ev.NodeGone(node=node))
            elif storage is not None and seen[storage]:
                found.append(ev.StorageGone(node=node, storage=storage))
            else:
                self._rests = {**self._rests, thing: now + REST}
        return found

    def _is_no_member(self, node: str) -> bool:
        return node not in (self._asker.picture.members or {node})

    async def _would_be_listed(self, proxmox: Observer, storage: str) -> bool | None:
        """Whether the token may see it. Asked for that very path: what holds above it need not hold there. None: no
        request is left.
        """
        path = f"/storage/{storage}"
        if not self._may_look():
            return None
        try:
            return has(await proxmox.permissions(path), path, "Datastore.Audit")
        except ProxmoxError as error:
            log.warning("not known whether a storage is gone", storage=storage, error=str(error))
            return False
