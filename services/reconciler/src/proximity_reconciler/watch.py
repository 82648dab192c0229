"""Watches one cluster: what is seen and not in the log becomes a correction, figures become observations."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import nats.errors
import structlog

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent
from proximity.domain.cluster.inventory import Inventory, corrections
from proximity.domain.cluster.state import Cluster
from proximity.domain.cluster.state import State as ClusterState
from proximity.domain.operation.cause import Cause
from proximity.messaging import observations
from proximity.messaging.aggregates import CLUSTER
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict, EventStore, Loaded
from proximity.messaging.publishing import UnavailableError
from proximity.proxmox.errors import ProxmoxError
from proximity.vault.vault import VaultError
from proximity_reconciler.budget import Budget
from proximity_reconciler.causes import cause_of
from proximity_reconciler.look import Look, Looker
from proximity_reconciler.observers import Observers

log = structlog.get_logger(__name__)

ME = Actor("system", "reconciler")


class Watch:
    """`failures`: looks in a row that failed."""

    def __init__(self, cluster_id: str, bus: Bus, store: EventStore, observers: Observers, tolerated: int) -> None:
        self.cluster_id = cluster_id
        self.failures = 0
        self._bus = bus
        self._store = store
        self._observers = observers
        self._tolerated = tolerated
        self._looker = Looker(cluster_id, Budget())
        self._before = Inventory()

    async def run(self, every: float) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self.once()
            except (TimeoutError, UnavailableError, nats.errors.Error) as error:
                log.warning("not compared: NATS does not answer", cluster=self.cluster_id, error=repr(error))
            except Conflict:
                # somebody else wrote at the same time; the next look compares with what is true then
                log.info("not corrected: the log went on", cluster=self.cluster_id)
            except Exception:
                # one cluster's surprise must not end the watch over the others
                log.exception("a look failed", cluster=self.cluster_id)
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    async def once(self) -> None:
        """Raises TimeoutError, UnavailableError, Conflict."""
        loaded = await self._store.load(CLUSTER, self.cluster_id)
        if not isinstance(loaded.state, Cluster) or not loaded.state.connected:
            return
        try:
            look = await self._looker.look(await self._observers.of(self.cluster_id, loaded.state))
        except (ProxmoxError, VaultError) as error:
            await self._not_seen(loaded, cause_of(error))
        else:
            if look is not None:
                await self._seen(loaded, look)

    async def _seen(self, loaded: Loaded[ClusterState], look: Look) -> None:
        self.failures = 0
        inventory = look.inventory
        found = [*observed(loaded.state, ev.ClusterReachable()), *corrections(loaded.state, inventory, self._before)]
        # what is remembered is what was seen, whether or not it can be written now
        self._before = inventory.over(self._before)
        await self._append(loaded, found)
        await self._publish_figures(look)

    async def _not_seen(self, loaded: Loaded[ClusterState], cause: Cause) -> None:
        self.failures += 1
        # a row of looks is broken by one that saw nothing
        self._before = Inventory()
        log.warning("not seen", cluster=self.cluster_id, failures=self.failures, code=cause.code, words=cause.proxmox)
        if self.failures >= self._tolerated:
            await self._append(loaded, observed(loaded.state, ev.ClusterUnreachable(cause=cause)))

    async def _append(self, loaded: Loaded[ClusterState], events: Sequence[ClusterEvent]) -> None:
        if not events:
            return
        # an id of its own: the same finding may come again later, and is another occurrence then
        occurrence = str(uuid4())
        await self._store.append(
            CLUSTER, self.cluster_id, loaded, events, Origin(occurrence, occurrence, ME, "observed")
        )
        log.info("corrected", cluster=self.cluster_id, types=[event.TYPE for event in events])

    async def _publish_figures(self, look: Look) -> None:
        for node in look.nodes:
            if node.online and node.cpu is not None:
                body = {"cpu": node.cpu, "memory_used": node.memory_used, "uptime": node.uptime}
                await observations.publish(self._bus, "node", f"{self.cluster_id}/{node.node}", body)
        for name, storage in look.storages:
            if storage.active:
                body = {"used": storage.total - storage.available, "available": storage.available}
                await observations.publish(self._bus, "storage", f"{self.cluster_id}/{name}/{storage.storage}", body)
