"""given(events).when(command).then(events): a decider's test reads as a sentence about facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from proximity.domain.application import decider as application
from proximity.domain.application import state as application_state
from proximity.domain.application.evolve import evolve as evolve_application
from proximity.domain.cluster import decider as cluster
from proximity.domain.cluster import state as cluster_state
from proximity.domain.errors import Rejected
from proximity.domain.model import Event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    state: Any
    decide: Callable[[Any, Any], Sequence[Event]]
    record: Callable[[Any, Any], Sequence[Event]]

    def when(self, command: object) -> "Then":
        try:
            return Then(list(self.decide(command, self.state)))
        except Rejected as no:
            return Then([], no)

    def when_happened(self, outcome: Event) -> "Then":
        return Then(list(self.record(self.state, outcome)))


@dataclass(frozen=True)
class Then:
    events: list[Event]
    no: Rejected | None = None

    def then(self, *expected: Event) -> None:
        assert self.no is None, f"rejected: {self.no}"
        assert self.events == list(expected)

    def then_nothing(self) -> None:
        self.then()

    def rejected(self, code: str) -> None:
        assert self.no is not None, f"not rejected: {self.events}"
        assert self.no.code == code
        assert self.no.message.endswith(".")


def given(*events: Event) -> Given:
    """An application with this past, one event a second."""
    state = fold(application_state.INITIAL, evolve_application, events)
    return Given(state, application.decide, application.record)


def given_cluster(*events: Event) -> Given:
    state = fold(cluster_state.INITIAL, cluster_state.evolve, events)
    return Given(state, cluster.decide, cluster.observed)


def fold(state: Any, evolve: Callable[[Any, Any, datetime], Any], events: Sequence[Event]) -> Any:
    for second, event in enumerate(events):
        state = evolve(state, event, NOON + timedelta(seconds=second))
    return state
