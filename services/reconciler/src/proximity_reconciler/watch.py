"""Watches one cluster: asks what is due within the budget, and has compared what was learned."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import nats.errors
import structlog

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent
from proximity.domain.cluster.inventory import Damping, Inventory, corrections, unanswered
from proximity.domain.cluster.state import Cluster
from proximity.domain.cluster.state import State as ClusterState
from proximity.domain.operation.cause import Cause
from proximity.messaging.aggregates import CLUSTER
from proximity.messaging.connection import Bus
from proximity.messaging.event_store import EventStore, Loaded
from proximity.messaging.publishing import UnavailableError
from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import Observer, Resources
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.vault import VaultError
from proximity_reconciler.addresses import Addresses
from proximity_reconciler.asking import Asker
from proximity_reconciler.budget import Budget
from proximity_reconciler.causes import BLIND, cause_of
from proximity_reconciler.comparing import Comparison
from proximity_reconciler.departed import Departed
from proximity_reconciler.following import Follower
from proximity_reconciler.glances import Glances
from proximity_reconciler.inventory import HiddenStorages, Storages, inventory
from proximity_reconciler.observers import Observers
from proximity_reconciler.overlooked import Overlooked
from proximity_reconciler.picture import Picture, strangers_of_interest
from proximity_reconciler.publishing import Publisher
from proximity_reconciler.settings import Settings
from proximity_reconciler.tasks import TaskLog
from proximity_reconciler.traffic import NodeTraffic
from proximity_reconciler.writing import Writer

log = structlog.get_logger(__name__)

Question = Literal["list", "tasks", "members", "rights"]
# After trouble with NATS or while looks or tasks wait for requests; and the least between two turns.
AGAIN, LEAST = 1.0, 0.02


class Watch:
    """`failures`: lists in a row that were not answered. `picture`: what is known of the cluster."""

    def __init__(
        self,
        cluster_id: str,
        bus: Bus,
        store: EventStore,
        follower: Follower,
        observers: Observers,
        hashes: ConfigurationHash,
        settings: Settings,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        successor: bool = False,
    ) -> None:
        """`successor`: somebody else may have watched it until just before."""
        self.cluster_id = cluster_id
        self.failures = 0
        self.picture = Picture()
        self._store = store
        self._follower = follower
        self._observers = observers
        self._settings = settings
        self._monotonic = monotonic
        self._clock = bus.clock.now
        self._budget = Budget(settings.requests_a_minute, monotonic, successor=successor)
        self._writer = Writer(store, cluster_id, follower.knowledge.wrote)
        self._asker = Asker(cluster_id, self.picture, self._budget, bus.clock.now)
        self._comparison = Comparison(cluster_id, bus, follower, self._writer)
        self._traffic = NodeTraffic(cluster_id, self._budget.take_aside, monotonic)
        self._publisher = Publisher(cluster_id, bus, self._traffic)
        self._glances = Glances(
            cluster_id, self._asker, self._budget, self._publisher, hashes, bus.clock.now, monotonic
        )
        self._addresses = Addresses(cluster_id, bus, self._budget, monotonic)
        self._hidden = HiddenStorages(cluster_id, self._budget.take_look, monotonic)
        self._departed = Departed(self._asker, self._budget.take_look, monotonic)
        self._tasks = TaskLog("")
        self._overlooked = Overlooked(cluster_id, follower, self._writer, bus.clock.now)
        self._before = Inventory()
        self._damping = Damping()
        self._due: dict[Question, float] = dict.fromkeys(("list", "tasks", "members", "rights"), 0.0)

    async def run(self, leads: Callable[[], bool]) -> None:
        """Until cancelled. Asks nothing while another replica may lead, also in the middle of a turn."""
        self._budget.leads = leads
        while True:
            pause = AGAIN
            try:
                if leads():
                    pause = await self.turn()
            except (TimeoutError, UnavailableError, nats.errors.Error) as error:
                self._overlooked.interrupted()
                log.warning("not compared: NATS does not answer", cluster=self.cluster_id, error=repr(error))
            except Exception:
                # one cluster's surprise must not end the watch over the others
                log.exception("a look failed", cluster=self.cluster_id)
            await asyncio.sleep(pause)

    async def turn(self) -> float:
        """Asks what is due; the seconds until the next thing is. Raises TimeoutError, UnavailableError."""
        loaded = await self._store.load(CLUSTER, self.cluster_id)
        if not isinstance(loaded.state, Cluster) or not loaded.state.connected:
            return self._settings.look_every
        self._asker.is_named = loaded.state.is_named
        self.picture.rights.remember(loaded.state.rights_lost, accepted=loaded.state.rights_accepted)
        try:
            proxmox = await self._observers.of(self.cluster_id, loaded.state, self._budget.take)
        except VaultError as error:
            await self._not_seen(loaded, cause_of(error))
            return self._settings.look_every
        new_list = self._is_due("list") and await self._list(proxmox, loaded, loaded.state)
        if self.failures:
            # whoever does not answer is asked one thing only
            return self._until_due("list")
        await self._ask_around(proxmox, loaded.state)
        if new_list:
            await self._later_news(proxmox)
        looked = await self._glances.take(proxmox, self._comparison, self._follower.knowledge, self._is_list_due)
        if new_list or looked:
            ask_tasks = partial(self._ask_tasks, proxmox, loaded.state, early=True)
            await self._comparison.compare(self.picture, self._tasks, ask_tasks, new_list=new_list)
            await self._publisher.guests(self.picture)
        if new_list and not self._glances.waiting:
            await self._traffic.ask(proxmox)
        if new_list:
            await self._addresses.listed(self.picture, self._follower.knowledge.managed(self.cluster_id))
        if not self._is_list_due():
            await self._addresses.ask(proxmox)
        questions: tuple[Question, ...] = ("list", "members", "rights")
        due = self._until_due(*questions, *(("tasks",) if self.picture.rights.sees_all else ()))
        return min(due, AGAIN) if self._glances.waiting else due

    async def _list(self, proxmox: Observer, loaded: Loaded[ClusterState], cluster: Cluster) -> bool:
        """Whether there is a new one."""
        self._next("list", self._budget.list_every(self._settings.look_every))
        try:
            answer = await self._asker.resources(proxmox)
        except ProxmoxError as error:
            await self._not_seen(loaded, cause_of(error))
            return False
        if answer is None:
            return False
        await self._follower.follow()
        self.picture.rights.guests_known = self._follower.knowledge.has_guests(self.cluster_id)
        if self.picture.rights.blind:
            await self._not_seen(loaded, BLIND)
            return False
        at, seen = answer
        managed = self._follower.knowledge.managed(self.cluster_id)
        strangers = strangers_of_interest(seen, managed, cluster.first_vmid, cluster.last_vmid)
        self.picture.take(at, seen, managed, strangers | self._comparison.findings_of_guests().keys())
        self._departed.listed(seen, cluster)
        self._traffic.listed(seen.nodes)
        await self._seen(loaded, seen, await self._hidden.with_hidden(proxmox, seen))
        return True

    async def _ask_around(self, proxmox: Observer, cluster: Cluster) -> None:
        if self._is_due("rights"):
            self._next("rights", self._settings.rights_every)
            await self._asker.rights(proxmox)
        if self._is_due("members"):
            self._next("members", self._settings.members_every)
            if self.picture.rights.sees_all:
                await self._asker.members(proxmox)
        if self._is_due("tasks"):
            await self._ask_tasks(proxmox, cluster)

    async def _ask_tasks(self, proxmox: Observer, cluster: Cluster, *, early: bool = False) -> bool:
        """Whether they were told. `early`: something has just happened that they may explain."""
        if not self.picture.rights.sees_all:
            return False
        if not self._budget.take_tasks(early=early):
            self._next("tasks", AGAIN)
            return False
        self._next("tasks", self._budget.tasks_every(self._settings.tasks_every))
        if self._tasks.own != cluster.token_id:
            self._tasks = TaskLog(cluster.token_id)
        tasks = await self._asker.tasks(proxmox)
        if tasks is None:
            return False
        self._glances.wanted_by_tasks(self._tasks.take(self._clock(), tasks))
        await self._overlooked.look(self._tasks)
        return True

    async def _later_news(self, proxmox: Observer) -> None:
        """What more than the list tells of the cluster. With the list something may have been written already."""
        loaded = await self._store.load(CLUSTER, self.cluster_id)
        cluster = loaded.state
        if not isinstance(cluster, Cluster) or cluster.operation:
            return
        news: list[ClusterEvent] = await self._departed.proven(proxmox, cluster)
        rights = self.picture.rights
        if rights.asked and rights.untold:
            news.append(ev.RightsLost(rights=rights.lost) if rights.lost else ev.RightsSettled())
        await self._correct(loaded, [event for candidate in news for event in observed(cluster, candidate)])

    # --- what is seen of the cluster itself

    async def _seen(self, loaded: Loaded[ClusterState], seen: Resources, storages: Storages) -> None:
        self.failures = 0
        now = inventory(seen, storages)
        found, self._damping = corrections(loaded.state, now, self._before, self._damping, self._clock())
        # what is remembered is what was seen, whether or not it can be written now
        self._before = now.over(self._before)
        await self._correct(loaded, found)
        await self._publisher.inventory(seen, storages)

    async def _not_seen(self, loaded: Loaded[ClusterState], cause: Cause) -> None:
        self.failures += 1
        # a row of lists is broken by one that was not answered
        self._before = Inventory()
        self.picture.interrupted()
        self._departed.interrupted()
        log.warning("not seen", cluster=self.cluster_id, failures=self.failures, code=cause.code, words=cause.proxmox)
        often = self.failures >= self._settings.failures
        found, self._damping = unanswered(loaded.state, cause, self._damping, self._clock(), often=often)
        await self._correct(loaded, found)

    async def _correct(self, loaded: Loaded[ClusterState], events: Sequence[ClusterEvent]) -> None:
        await self._writer.append(CLUSTER, self.cluster_id, loaded, events)

    # --- the timetable

    def _is_due(self, question: Question) -> bool:
        return self._due[question] <= self._monotonic()

    def _is_list_due(self) -> bool:
        return self._is_due("list")

    def _next(self, question: Question, seconds: float) -> None:
        self._due[question] = self._monotonic() + seconds

    def _until_due(self, *questions: Question) -> float:
        return max(LEAST, min(self._due[question] for question in questions) - self._monotonic())
