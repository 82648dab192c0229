"""What a person reads of an operation that somebody decided about, and of a container that is made again."""

from typing import Any

import pytest

from proximity.domain.application import events as app
from proximity.domain.model import Event
from proximity.domain.operation.cause import Cause
from support.projection import deploying, folded, intended, of

LEFT = Cause(code="left_behind", message="The worker died.")
UNDECIDED = app.OperationUndecided(
    operation_id="op-deploy", kind="deploy", step="create", cause=LEFT, command="pct unlock 20000"
)


def rows(*events: Event) -> dict[str, dict[str, Any]]:
    return folded(of("application", "a1", [*deploying(), intended("create"), *events])).changed


def resolved(verdict: Any) -> list[Event]:
    return [
        UNDECIDED,
        app.OperationResolved(operation_id="op-deploy", by_operation_id="op-resolve", step="create", verdict=verdict),
        app.OperationSucceeded(operation_id="op-resolve", kind="resolve"),
    ]


def steps(row: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in row["steps"]}


@pytest.mark.parametrize(
    ("verdict", "create", "following"),
    [("succeeded", "done", "configure"), ("not_executed", "running", "configure"), ("failed", "failed", "stop")],
)
def test_it_goes_on_as_the_person_said(verdict: str, create: str, following: str) -> None:
    operations = rows(*resolved(verdict))["operations"]
    row = operations["op-deploy"]
    assert (row["status"], row["cause"], row["resolve_command"]) == ("running", None, None)
    assert steps(row)["create"] == create
    assert following in steps(row)
    assert operations["op-resolve"]["kind"] == "resolve"
    assert operations["op-resolve"]["status"] == "succeeded"


def test_the_application_is_no_longer_undecided() -> None:
    assert rows(UNDECIDED)["applications"]["a1"]["status"] == "undecided"
    assert rows(*resolved("not_executed"))["applications"]["a1"]["status"] == "deploying"


def test_the_decision_is_told_in_words() -> None:
    told = [row["summary"] for row in rows(*resolved("not_executed"))["activity"].values()]
    assert "A person says of create of Wiki: it was not executed." in told
    assert not any("resolving" in summary for summary in told)


@pytest.mark.parametrize(("step", "power"), [("start", "running"), ("stop", "stopped"), ("shutdown", "stopped")])
def test_a_power_call_that_took_effect_shows(step: Any, power: str) -> None:
    claimed = app.VmidClaimed(operation_id="op-deploy", cluster_id="c1", node="pve1", vmid=20000)
    done = app.OperationResolved(operation_id="op-deploy", by_operation_id="x", step=step, verdict="succeeded")
    assert rows(claimed, intended(step), done)["applications"]["a1"]["power"] == power


def test_a_container_that_is_made_again_keeps_its_number() -> None:
    half_made = app.ContainerFoundHalfMade(operation_id="op-deploy", vmid=20000)
    row = rows(half_made)["operations"]["op-deploy"]
    assert "broke off" in next(s for s in row["steps"] if s["name"] == "create")["detail"]
    removed: list[Event] = [
        half_made,
        intended("destroy"),
        app.ContainerDestroyed(operation_id="op-deploy"),
        app.ContainerProvenGone(operation_id="op-deploy", node="pve1", vmid=20000),
    ]
    row = rows(*removed)["operations"]["op-deploy"]
    names = [s["name"] for s in row["steps"]]
    assert names.index("destroy") < names.index("prove_gone") < names.index("create")
    assert (steps(row)["destroy"], steps(row)["create"]) == ("done", "running")
    again = app.StepIntended(
        operation_id="op-deploy", step="create", runner="r1", attempt=2, node="pve1", vmid=20000, node_time=2
    )
    application = rows(*removed, again)["applications"]["a1"]
    assert (application["node"], application["vmid"], application["status"]) == ("pve1", 20000, "deploying")
