"""How much is done at the same time on one node and one storage: soft limits, shared by all replicas."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from proximity.domain.application.process import Step, next_step
from proximity.messaging.leases import RENEW_EVERY, Slots
from proximity_provisioner.journal import Journal
from proximity_provisioner.settings import Settings

log = structlog.get_logger(__name__)

Counted = Sequence[Literal["node", "storage"]]


ASKS_AGAIN_WITHIN = 4.0
"""Seconds. Who was refused longer ago than that and has not come back is waited on by another replica, or by none."""


@dataclass(frozen=True)
class Place:
    """Where an operation takes its slots. `shared`: the storage is one for all nodes, as far as is known."""

    cluster_id: str
    node: str
    storage: str | None
    shared: bool = True


class Waiting:
    """Who was refused, by scope and in the order of coming; each with the last time it asked."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._asked: dict[str, dict[str, float]] = {}

    def add(self, scope: str, application_id: str) -> None:
        """Whoever waits already keeps its place."""
        self._asked.setdefault(scope, {})[application_id] = self._monotonic()

    def remove(self, application_id: str) -> None:
        for asked in self._asked.values():
            asked.pop(application_id, None)

    def first(self, scope: str) -> str | None:
        """Whose turn it is."""
        asked = self._asked.pop(scope, {})
        oldest = self._monotonic() - ASKS_AGAIN_WITHIN
        alive = {application_id: at for application_id, at in asked.items() if at >= oldest}
        if not alive:
            return None
        self._asked[scope] = alive
        return next(iter(alive))


class OperationSlots:
    """Slots by operation. They are held by the replica that took them, also while others look after the task: so it
    looks in the log whether the step they were taken for is still the one in flight.

    A slot given back is offered at once to whoever waits for it longest in this replica. That is a hint, as every
    wake-up is: each that waits also asks again by itself.
    """

    def __init__(self, slots: Slots, journal: Journal, settings: Settings) -> None:
        self._slots = slots
        self._journal = journal
        self._settings = settings
        self._held: dict[str, tuple[str, Step, list[str]]] = {}
        self._waiting = Waiting()
        self._offer: Callable[[str], None] | None = None

    def offer_to(self, look_at: Callable[[str], None]) -> None:
        """`look_at(application_id)` is called when a slot it waits for is free."""
        self._offer = look_at

    async def take(self, application_id: str, step: Step, place: Place, counted: Counted) -> bool:
        """All or none; what is held already counts. Raises TimeoutError."""
        before = self._held.get(step.operation_id)
        if before and before[1].name != step.name:
            # another replica wrote down what came of that step
            await self.give_back(step.operation_id)
        taken: list[str] = []
        for scope, limit in self._scopes(place, counted):
            if not await self._slots.acquire(scope, step.operation_id, limit):
                for held in taken:
                    await self._slots.release(held, step.operation_id)
                self._waiting.add(scope, application_id)
                return False
            taken.append(scope)
        self._waiting.remove(application_id)
        if taken:
            self._held[step.operation_id] = (application_id, step, taken)
        return True

    async def give_back(self, operation_id: str) -> None:
        """What this replica holds for the operation. Raises TimeoutError."""
        _, _, scopes = self._held.pop(operation_id, ("", None, []))
        for scope in scopes:
            await self._slots.release(scope, operation_id)
            if self._offer and (next_one := self._waiting.first(scope)):
                self._offer(next_one)

    async def keep(self) -> None:
        """Renews what is still needed; runs until it is cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                for operation_id, (application_id, step, _) in list(self._held.items()):
                    now = next_step((await self._journal.application(application_id)).state)
                    if now is None or (now.operation_id, now.name) != (operation_id, step.name):
                        await self.give_back(operation_id)
                await self._slots.renew()
            except TimeoutError:
                log.warning("slots cannot be renewed, NATS does not answer")

    def _scopes(self, place: Place, counted: Counted) -> list[tuple[str, int]]:
        scopes = []
        if "node" in counted:
            scopes.append((f"node.{place.cluster_id}.{place.node}", self._settings.per_node))
        if "storage" in counted and place.storage:
            storage = place.storage if place.shared else f"{place.node}.{place.storage}"
            scopes.append((f"storage.{place.cluster_id}.{storage}", self._settings.per_storage))
        return scopes
