"""How much is done at the same time on one node and one storage: soft limits, shared by all replicas."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from proximity.domain.application.process import Step, next_step
from proximity.messaging.leases import RENEW_EVERY, Slots
from proximity_provisioner.journal import Journal
from proximity_provisioner.settings import Settings

log = structlog.get_logger(__name__)

Counted = Sequence[Literal["node", "storage"]]


@dataclass(frozen=True)
class Place:
    """Where an operation takes its slots."""

    cluster_id: str
    node: str
    storage: str | None


class OperationSlots:
    """Slots by operation. They are held by the replica that took them, also while others look after the task: so it
    looks in the log whether the step they were taken for is still the one in flight.
    """

    def __init__(self, slots: Slots, journal: Journal, settings: Settings) -> None:
        self._slots = slots
        self._journal = journal
        self._settings = settings
        self._held: dict[str, tuple[str, Step, list[str]]] = {}

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
                return False
            taken.append(scope)
        if taken:
            self._held[step.operation_id] = (application_id, step, taken)
        return True

    async def give_back(self, operation_id: str) -> None:
        """What this replica holds for the operation. Raises TimeoutError."""
        _, _, scopes = self._held.pop(operation_id, ("", None, []))
        for scope in scopes:
            await self._slots.release(scope, operation_id)

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
            scopes.append((f"storage.{place.cluster_id}.{place.storage}", self._settings.per_storage))
        return scopes
