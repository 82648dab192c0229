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
    """Who was refused, in the order of coming: the scope that had no slot left, and when it asked last."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._refused: dict[str, tuple[str, float]] = {}

    def add(self, scope: str, application_id: str) -> None:
        """Whoever waits for that scope already keeps its place."""
        if self._refused.get(application_id, ("", 0.0))[0] != scope:
            self.remove(application_id)
        self._refused[application_id] = (scope, self._monotonic())

    def remove(self, application_id: str) -> None:
        self._refused.pop(application_id, None)

    def first(self, scope: str) -> str | None:
        """Whose turn it is."""
        oldest = self._monotonic() - ASKS_AGAIN_WITHIN
        self._refused = {id_: refused for id_, refused in self._refused.items() if refused[1] >= oldest}
        return next((id_ for id_, refused in self._refused.items() if refused[0] == scope), None)


@dataclass(frozen=True)
class _Held:
    application_id: str
    step: Step
    cluster_id: str
    scopes: list[str]


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
        self._held: dict[str, _Held] = {}
        self._waiting = Waiting()
        self._offer: Callable[[str, str], None] | None = None

    def offer_to(self, look_at: Callable[[str, str], None]) -> None:
        """`look_at(application_id, cluster_id)` is called when a slot it waits for is free."""
        self._offer = look_at

    async def take(self, application_id: str, step: Step, place: Place, counted: Counted) -> bool:
        """All or none; what is held already counts. Raises TimeoutError."""
        before = self._held.get(step.operation_id)
        if before and before.step.name != step.name:
            # another replica wrote down what came of that step
            await self.give_back(step.operation_id)
        if not counted:
            return True
        # noted before they are asked for: what was taken when NATS stops answering is not forgotten
        held = self._held.setdefault(step.operation_id, _Held(application_id, step, place.cluster_id, []))
        for scope, limit in self._scopes(place, counted):
            taken = await self._slots.acquire(scope, step.operation_id, limit)
            if taken and scope not in held.scopes:
                held.scopes.append(scope)
            if self._held.get(step.operation_id) is not held:
                # given back meanwhile: another replica wrote down what came of the step
                await self._release(held)
                return False
            if not taken:
                await self._release(self._held.pop(step.operation_id))
                self._waiting.add(scope, application_id)
                return False
        self._waiting.remove(application_id)
        return True

    async def give_back(self, operation_id: str) -> None:
        """What this replica holds for the operation."""
        if (held := self._held.pop(operation_id, None)) is None:
            return
        await self._release(held)
        for scope in held.scopes:
            if self._offer and (next_one := self._waiting.first(scope)):
                self._offer(next_one, held.cluster_id)

    async def _release(self, held: _Held) -> None:
        for scope in held.scopes:
            try:
                await self._slots.release(scope, held.step.operation_id)
            except TimeoutError:
                log.warning("NATS does not answer: a slot is left to vanish by itself", scope=scope)

    async def keep(self) -> None:
        """Renews what is still needed; runs until it is cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                for operation_id, held in list(self._held.items()):
                    now = next_step((await self._journal.application(held.application_id)).state)
                    if now is None or (now.operation_id, now.name) != (operation_id, held.step.name):
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
