"""Which operations are open, and when one of them needs to be woken."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from proximity.domain.application import events as app
from proximity.domain.application.commands import DeleteApplication, RestartApplication
from proximity.domain.application.evolve import evolve
from proximity.domain.application.state import INITIAL, Application, State
from proximity.domain.cluster import events as cluster
from proximity.domain.cluster.events import Findings
from proximity.domain.model import Event
from proximity.messaging.envelope import Actor, Metadata, Recorded
from proximity_reconciler.operations import Operations
from support.deciders import NOON
from support.life import CAUSE, SPEC, deployed

LATER = timedelta(milliseconds=1)
_positions = count(1)


def recorded(event: Event, seconds: float = 0, category: str = "application", aggregate: str = "a1") -> Recorded[Event]:
    at = NOON + timedelta(seconds=seconds)
    meta = Metadata("id", event.TYPE, "urn:test", at, "", "", Actor("system", "test"))
    return Recorded(event, meta, category, aggregate, next(_positions), at)


def operations(*events: tuple[float, Event], category: str = "application") -> Operations:
    found = Operations()
    for seconds, event in events:
        found.apply(recorded(event, seconds, category))
    return found


def woken(found: Operations, seconds: float, *living: str) -> list[str]:
    """Wakes what needs it at that moment."""
    now: datetime = NOON + timedelta(seconds=seconds) + LATER
    due = list(found.to_wake(set(living), now))
    for op in due:
        found.woken(op, now)
    return [op.operation_id for op in due]


def times_woken(found: Operations, until: int, *living: str) -> list[int]:
    return [second for second in range(until) if woken(found, second, *living)]


REQUESTED = app.DeployRequested(operation_id="deploy", name="W", slug="w", cluster_id="c1", node=None, spec=SPEC)
INTENDED = app.StepIntended(operation_id="deploy", step="create", runner="r1", attempt=1, node="pve", node_time=0)


def test_an_operation_nobody_began_is_woken_after_two_seconds() -> None:
    assert times_woken(operations((0, REQUESTED)), 3) == [2]


def test_what_somebody_works_on_is_left_alone_for_half_a_minute() -> None:
    found = operations((0, REQUESTED), (1, INTENDED))
    assert times_woken(found, 95, "r1") == [31, 61, 91]


def test_what_waits_for_a_person_is_woken_for_days() -> None:
    found = operations((0, REQUESTED), (1, INTENDED))
    minutes = range(60, 3 * 24 * 3600, 60)
    assert [s for s in minutes if woken(found, s, "r1") and not woken(found, s + 1, "r1")] == list(minutes)


def test_what_is_postponed_is_not_overlooked() -> None:
    postponed = app.StepPostponed(operation_id="deploy", step="preflight", cause=CAUSE, withdrawn=True)
    assert times_woken(operations((0, REQUESTED), (1, postponed)), 30) == []


def test_the_operation_of_a_dead_runner_is_woken_at_once_then_ever_less_often() -> None:
    found = operations((0, REQUESTED), (1, INTENDED))
    assert woken(found, 5, "r1") == []
    assert woken(found, 6, "r2") == ["deploy"]
    assert [s for s in range(7, 80) if woken(found, s, "r2")] == [7, 9, 13, 21, 37, 67]


def test_the_operation_whose_task_is_over_is_woken_at_once_then_ever_less_often() -> None:
    found = operations((0, REQUESTED), (1, INTENDED))
    found.tasks_over(["a1", "unknown"])
    assert times_woken(found, 40, "r1") == [0, 1, 3, 7, 15, 31]
    found.apply(recorded(app.TaskAccepted(operation_id="deploy", step="create", upid="UPID:2"), 40))
    assert times_woken(found, 70, "r1") == [], "the log has taken note of something since"


def test_a_successor_is_left_to_work() -> None:
    taken = app.StepTakenOver(operation_id="deploy", step="create", runner="r2", from_runner="r1")
    found = operations((0, REQUESTED), (1, INTENDED), (10, taken))
    assert woken(found, 11, "r2") == []


def test_a_deadline_wakes_once() -> None:
    found = operations((0, REQUESTED), (1795, INTENDED))
    assert woken(found, 1799, "r1") == []
    assert woken(found, 1800, "r1") == ["deploy"]
    assert woken(found, 1801, "r1") == []


@pytest.mark.parametrize(
    "end",
    [
        app.OperationSucceeded(operation_id="deploy", kind="deploy"),
        app.OperationFailed(operation_id="deploy", kind="deploy", cause=CAUSE),
        app.OperationCancelled(operation_id="deploy", kind="deploy", by_operation_id="x"),
    ],
)
def test_what_has_ended_is_never_woken(end: app.ApplicationEvent) -> None:
    found = operations((0, REQUESTED), (1, end))
    assert len(found) == 0
    assert woken(found, 10_000) == []


def test_a_delete_that_waits_begins_when_what_it_waits_for_ends() -> None:
    found = operations(
        (0, REQUESTED),
        (1, INTENDED),
        (2, app.DeleteRequested(operation_id="delete", force=False)),
    )
    assert woken(found, 20, "r1") == [], "it waits, that is all"
    found.apply(
        recorded(app.OperationCancelled(operation_id="deploy", kind="deploy", by_operation_id="delete"), seconds=100)
    )
    assert woken(found, 101) == []
    assert woken(found, 102) == ["delete"]


def test_cancelling_ends_with_its_own_event_and_not_the_target() -> None:
    found = operations(
        (0, REQUESTED),
        (1, INTENDED),
        (2, app.CancelRequested(operation_id="deploy", by_operation_id="cancel")),
        (2, app.OperationSucceeded(operation_id="cancel", kind="cancel")),
    )
    assert len(found) == 1


def test_a_late_event_of_an_operation_that_is_over_opens_nothing() -> None:
    found = operations((0, REQUESTED), (1, app.OperationSucceeded(operation_id="deploy", kind="deploy")), (2, INTENDED))
    assert len(found) == 0


def connect_requested() -> cluster.ConnectRequested:
    return cluster.ConnectRequested(
        operation_id="connect",
        name="Home",
        slug="home",
        endpoints=("https://pve:8006",),
        token_id="app@pve!app",
        token_secret="vault-1",
        fingerprint="AA",
        ca=None,
        first_vmid=20000,
        last_vmid=29999,
        simulator=False,
    )


def test_connecting_and_removing_a_cluster() -> None:
    findings = Findings(version="9.2", proxmox_name=None, nodes=(), missing={})
    found = operations((0, connect_requested()), category="cluster")
    assert found.clusters == set()
    assert woken(found, 2) == ["connect"]
    for event in (
        cluster.StepTaken(operation_id="connect", runner="r1"),
        cluster.ClusterConnected(operation_id="connect", findings=findings),
        cluster.OperationSucceeded(operation_id="connect", kind="connect"),
    ):
        found.apply(recorded(event, 3, "cluster"))
    assert (found.clusters, len(found)) == ({"a1"}, 0)
    found.apply(recorded(cluster.NodeAppeared(node="pve", online=True), 4, "cluster"))
    found.apply(recorded(cluster.ClusterRemoved(operation_id="remove"), 5, "cluster"))
    assert found.clusters == set()


def test_it_agrees_with_the_application_at_every_moment() -> None:
    """The small fold and the aggregate's own are never of two minds about what is in flight, and by whom."""
    life = deployed()
    life.do(RestartApplication(operation_id="restart", application_id="a1"))
    life.advance()
    life.do(DeleteApplication(operation_id="delete", application_id="a1"))
    life.run()
    state: State = INITIAL
    found = Operations()
    for event in life.events:
        state = evolve(state, event, NOON)
        found.apply(recorded(event))
        op = state.operation if isinstance(state, Application) else None
        in_flight = next(iter(found.to_wake(set(), NOON + timedelta(days=1))), None)
        assert (in_flight and in_flight.operation_id) == (op and op.id)
        assert (in_flight and in_flight.runner) == (op and op.runner)
    assert len(found) == 0
