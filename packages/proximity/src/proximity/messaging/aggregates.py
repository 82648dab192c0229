"""The aggregates, declared once: category, where the fold begins, how it goes on, which events there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from proximity.domain.application import events as application_events
from proximity.domain.application import state as application_state
from proximity.domain.application.evolve import evolve as evolve_application
from proximity.domain.claim import claim
from proximity.domain.cluster import events as cluster_events
from proximity.domain.cluster import state as cluster_state
from proximity.domain.guest import events as guest_events
from proximity.domain.guest import state as guest_state
from proximity.domain.identity import identity
from proximity.domain.model import Event
from proximity.domain.operation import events as operation_events
from proximity.domain.settings import settings

S = TypeVar("S")


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """`evolve(state, event, at)`; `at` is the time at which JetStream stored the event."""

    category: str
    initial: S
    evolve: Callable[[S, Any, datetime], S]
    events: tuple[type[Event], ...]


def _evolve_claim(state: claim.Claim, event: claim.ClaimEvent, at: datetime) -> claim.Claim:
    return claim.evolve(state, event)


def _count(state: int, event: operation_events.OperationEvent, at: datetime) -> int:
    return state + 1


APPLICATION: Aggregate[application_state.State] = Aggregate(
    "application", application_state.INITIAL, evolve_application, application_events.EVENTS
)
CLUSTER: Aggregate[cluster_state.State] = Aggregate(
    "cluster", cluster_state.INITIAL, cluster_state.evolve, cluster_events.EVENTS
)
GUEST: Aggregate[guest_state.State] = Aggregate("guest", guest_state.INITIAL, guest_state.evolve, guest_events.EVENTS)
CLAIM: Aggregate[claim.Claim] = Aggregate("claim", claim.Claim(), _evolve_claim, claim.EVENTS)
# What is said of a command that no aggregate took: nothing is decided on it, so its state is how much was said.
OPERATION: Aggregate[int] = Aggregate("operation", 0, _count, operation_events.EVENTS)
IDENTITY: Aggregate[identity.User] = Aggregate("identity", identity.INITIAL, identity.evolve, identity.EVENTS)
SETTINGS: Aggregate[settings.Installation] = Aggregate("settings", settings.INITIAL, settings.evolve, settings.EVENTS)
INSTALLATION = "installation"  # the id of the one settings aggregate

AGGREGATES: dict[str, Aggregate[Any]] = {
    a.category: a for a in (APPLICATION, CLUSTER, GUEST, CLAIM, OPERATION, IDENTITY, SETTINGS)
}
