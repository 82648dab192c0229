"""What this service writes into the log, with the claims that go with it. An outcome outlives an absence of NATS."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from proximity.domain.application import events as ev
from proximity.domain.application.claims import wishes as application_wishes
from proximity.domain.application.decider import record
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.application.evolve import evolve as evolve_application
from proximity.domain.application.state import NEVER, Application, Intent
from proximity.domain.application.state import State as ApplicationState
from proximity.domain.claim.claim import Wish
from proximity.domain.cluster.decider import wishes as cluster_wishes
from proximity.domain.cluster.events import ClusterEvent
from proximity.domain.cluster.state import State as ClusterState
from proximity.domain.cluster.state import evolve as evolve_cluster
from proximity.domain.guest.events import GuestEvent
from proximity.domain.guest.state import State as GuestState
from proximity.domain.operation.events import OperationEvent
from proximity.messaging.aggregates import APPLICATION, CLAIM, CLUSTER, GUEST, OPERATION, Aggregate
from proximity.messaging.envelope import Origin
from proximity.messaging.event_store import Conflict, EventStore, Loaded, OriginReusedError, UnavailableError

log = structlog.get_logger(__name__)
S = TypeVar("S")

ABSENCE = 1.0  # seconds between two tries while NATS is away


# Of another attempt they would say something wrong. A success says the same of every attempt.
_OF_ONE_CALL = (ev.StepPostponed, ev.StepFailed, ev.CallUnanswered, ev.VmidFoundTaken, ev.ContainerFoundHalfMade)


class NoNewsError(Exception):
    """The log says so already, or the operation is at another step: there is nothing to be written."""


class Journal:
    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def application(self, application_id: str) -> Loaded[ApplicationState]:
        return await self._store.load(APPLICATION, application_id)

    async def cluster(self, cluster_id: str) -> Loaded[ClusterState]:
        return await self._store.load(CLUSTER, cluster_id)

    async def guest(self, guest_id: str) -> Loaded[GuestState]:
        return await self._store.load(GUEST, guest_id)

    async def keeper(self, cluster_id: str, vmid: int, *, but: str = "") -> str | None:
        """The application whose container this is by the log, other than `but`; it has claimed number or guest."""
        for kind in ("vmid", "guest"):
            claim = (await self._store.load(CLAIM, f"{kind}.{cluster_id}-{vmid}")).state
            for holder in claim.holders - {but}:
                app = (await self.application(holder)).state
                if isinstance(app, Application) and not app.deleted and (ct := app.container) and ct.created:
                    return holder
        return None

    async def first_unclaimed_vmid(self, cluster_id: str, first: int) -> int:
        """Behind the highest number ever claimed on the cluster."""
        prefix = f"vmid.{cluster_id}-"
        claimed = [
            int(key.removeprefix(prefix)) for key in await self._store.aggregate_ids("claim") if key.startswith(prefix)
        ]
        return max([first, *(number + 1 for number in claimed)])

    async def was_refused(self, operation_id: str) -> bool:
        """Rejected or dead-lettered: its end is in the log."""
        return (await self._store.load(OPERATION, operation_id)).sequence > 0

    # --- decisions: made again when the aggregate went on

    async def append_to_application(
        self, application_id: str, loaded: Loaded[ApplicationState], events: Sequence[ApplicationEvent], origin: Origin
    ) -> Loaded[ApplicationState]:
        """Raises Conflict, ClaimRefusedError, UnavailableError."""
        wishes: list[Wish] = []
        state = loaded.state
        for event in events:
            wishes += application_wishes(application_id, state, event)
            state = evolve_application(state, event, NEVER)
        return await self._append(APPLICATION, application_id, loaded, events, origin, wishes)

    async def append_to_cluster(
        self, cluster_id: str, loaded: Loaded[ClusterState], events: Sequence[ClusterEvent], origin: Origin
    ) -> Loaded[ClusterState]:
        """Raises Conflict, ClaimRefusedError, UnavailableError."""
        wishes: list[Wish] = []
        state = loaded.state
        for event in events:
            wishes += cluster_wishes(cluster_id, state, event)
            state = evolve_cluster(state, event, NEVER)
        return await self._append(CLUSTER, cluster_id, loaded, events, origin, wishes)

    async def append_to_guest(
        self, guest_id: str, loaded: Loaded[GuestState], events: Sequence[GuestEvent], origin: Origin
    ) -> None:
        """Raises Conflict, UnavailableError."""
        await self._append(GUEST, guest_id, loaded, events, origin, [])

    async def append_to_operation(self, operation_id: str, event: OperationEvent, origin: Origin) -> None:
        """What is said of a command that no aggregate took: once, however often it is tried."""
        loaded = await self._store.load(OPERATION, operation_id)
        if loaded.sequence == 0:
            await self._append(OPERATION, operation_id, loaded, [event], origin, [])

    async def decide(
        self, application_id: str, loaded: Loaded[ApplicationState], event: ApplicationEvent
    ) -> Loaded[ApplicationState]:
        """A fact of the operation in flight and, if it was the last one, the operation's end.

        Raises Conflict, NoNewsError.
        """
        events = record(loaded.state, event)
        if not events:
            raise NoNewsError(event.TYPE)
        return await self.append_to_application(application_id, loaded, events, origin_of(loaded, event.operation_id))

    async def announce(
        self, application_id: str, loaded: Loaded[ApplicationState], event: ev.StepIntended
    ) -> tuple[Loaded[ApplicationState], Intent]:
        """Raises Conflict, NoNewsError: somebody else was faster, so the call must not be made."""
        after = await self.decide(application_id, loaded, event)
        intent = _intent(after.state)
        if intent is None or (intent.step, intent.runner, intent.attempt) != (event.step, event.runner, event.attempt):
            raise Conflict("the operation went on since")
        return after, intent

    # --- outcomes: they happened, whatever else was meanwhile

    async def settle(self, application_id: str, loaded: Loaded[ApplicationState], event: ApplicationEvent) -> None:
        """Tries until it is in the log, or until the log shows that it is no news any more."""
        call = _call(loaded.state)
        while True:
            try:
                await self.decide(application_id, loaded, event)
            except Conflict:
                loaded = await self._load_surely(application_id)
                if isinstance(event, _OF_ONE_CALL) and _call(loaded.state) != call:
                    log.info("the answer came too late", application=application_id, type=event.TYPE)
                    return
            except NoNewsError:
                log.info("it is known already", application=application_id, type=event.TYPE)
                return
            except UnavailableError as error:
                log.warning("the log does not answer, the outcome is kept", id=application_id, error=str(error))
                await asyncio.sleep(ABSENCE)
            else:
                return

    async def _load_surely(self, application_id: str) -> Loaded[ApplicationState]:
        while True:
            try:
                return await self.application(application_id)
            except TimeoutError:
                await asyncio.sleep(ABSENCE)

    async def _append(
        self,
        aggregate: Aggregate[S],
        aggregate_id: str,
        loaded: Loaded[S],
        events: Sequence[Any],
        origin: Origin,
        wishes: Sequence[Wish],
    ) -> Loaded[S]:
        try:
            return await self._store.append(aggregate, aggregate_id, loaded, events, origin, wishes)
        except OriginReusedError as error:
            # another replica drew another conclusion from the same last event, and was faster
            raise Conflict(str(error)) from error


def _intent(state: ApplicationState) -> Intent | None:
    return state.operation.intent if isinstance(state, Application) and state.operation else None


def _call(state: ApplicationState) -> tuple[str, int] | None:
    intent = _intent(state)
    return (intent.step, intent.attempt) if intent else None


def origin_of(loaded: Loaded[Any], operation_id: str) -> Origin:
    """What follows from the last event, in the correlation of the operation it belongs to."""
    if loaded.last_origin is None:
        raise ValueError("nothing follows from an empty stream")
    return replace(loaded.last_origin, correlation_id=operation_id)
