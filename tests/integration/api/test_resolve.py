"""`POST /operations/{id}/resolve`: a person says what became of a call, and only where nobody else can."""

from typing import Any
from uuid import uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up
from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.operation.cause import Cause

CAUSE = Cause(code="left_behind", message="Proxmox's worker died.")


@pytest.fixture
async def undecided(log: Log, signed_in: Api, projector: Any) -> tuple[str, str]:
    """Ids of application and operation."""
    application_id, operation_id = await log.application()
    position = await log.append(
        "application",
        application_id,
        ev.VmidClaimed(operation_id=operation_id, cluster_id="c1", node="pve", vmid=20000),
        ev.StepIntended(
            operation_id=operation_id, step="create", runner="r1", attempt=1, node="pve", vmid=20000, node_time=1
        ),
        ev.OperationUndecided(
            operation_id=operation_id, kind="deploy", step="create", cause=CAUSE, command="pct unlock 20000"
        ),
    )
    await caught_up(signed_in, position)
    return application_id, operation_id


async def test_what_a_person_says_is_stored_as_a_command_of_its_own(signed_in: Api, undecided: tuple[str, str]) -> None:
    application_id, operation_id = undecided
    shown = (await signed_in.get(f"/operations/{operation_id}")).json()
    assert (shown["status"], shown["resolve_command"]) == ("undecided", "pct unlock 20000")

    answer = await signed_in.post(f"/operations/{operation_id}/resolve", {"verdict": "not_executed"})

    assert answer.status_code == 202
    (stored,) = await signed_in.parts.commands.undecided()
    assert stored.command == cmd.ResolveOperation(
        operation_id=answer.json()["operation_id"],
        application_id=application_id,
        target_operation_id=operation_id,
        verdict="not_executed",
    )


async def test_the_same_decision_with_the_same_key_is_one(signed_in: Api, undecided: tuple[str, str]) -> None:
    _, operation_id = undecided
    headers = {"Idempotency-Key": str(uuid4())}
    path, body = f"/operations/{operation_id}/resolve", {"verdict": "failed"}
    first = await signed_in.post(path, body, **headers)
    second = await signed_in.post(path, body, **headers)
    assert first.json() == second.json()
    assert len(await signed_in.parts.commands.undecided()) == 1
    other = await signed_in.post(path, {"verdict": "succeeded"}, **headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nobody_decides_about_what_finds_out_by_itself(signed_in: Api, projector: Any, log: Log) -> None:
    _, operation_id = await log.application()
    answer = await signed_in.post(f"/operations/{operation_id}/resolve", {"verdict": "succeeded"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_undecided")


async def test_a_verdict_is_one_of_three(signed_in: Api, undecided: tuple[str, str]) -> None:
    _, operation_id = undecided
    answer = await signed_in.post(f"/operations/{operation_id}/resolve", {"verdict": "perhaps"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert await signed_in.parts.commands.undecided() == []


async def test_an_operation_that_never_was(signed_in: Api, projector: Any) -> None:
    answer = await signed_in.post(f"/operations/{uuid4()}/resolve", {"verdict": "failed"})
    assert answer.status_code == 404
