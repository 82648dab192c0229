"""The commands about operations: look at one, cancel it, decide about it; and following any to its end."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import typer

from proximity_launcher.cli import output
from proximity_launcher.cli.follow import follow
from proximity_launcher.cli.options import Json, Timeout, Wait, server
from proximity_launcher.cli.server import Row, Server
from proximity_launcher.failure import Exit, Failure

OperationId = Annotated[str, typer.Argument(help="The id that a command answered with.")]


def operation(
    context: typer.Context,
    operation_id: OperationId,
    wait: Wait = False,
    timeout: Timeout = 900.0,
    machine: Json = False,
) -> None:
    """One operation and its steps."""
    with server(context) as api:
        if wait:
            return carry_out(api, {"operation_id": operation_id}, wait=True, timeout=timeout, machine=machine)
        row = api.get(f"/operations/{operation_id}")
    if machine:
        return output.as_json(row)
    output.table(("OPERATION", "OF", "STATUS"), [(row["kind"], row.get("target_name"), row["status"])])
    return output.Steps().update(row)


def cancel(context: typer.Context, operation_id: OperationId, timeout: Timeout = 300.0, machine: Json = False) -> None:
    """End an operation at its next safe point; a deployment removes what it made."""
    with server(context) as api:
        _decide(api, f"/operations/{operation_id}/cancel", None, timeout)
        row = watch(api, operation_id, timeout, machine=machine)
    if machine:
        return output.as_json(row)
    return output.say(f"The {row['kind']} of {row['target_name']} is {row['status']}.")


def resolve(
    context: typer.Context,
    operation_id: OperationId,
    verdict: Annotated[
        Literal["succeeded", "not-executed", "failed"],
        typer.Argument(help="What became of the call; not-executed: nor will it be, so it is sent again."),
    ],
    wait: Wait = True,
    timeout: Timeout = 900.0,
    machine: Json = False,
) -> None:
    """Say what is true of an undecided operation, after looking on the node with the command that it names."""
    with server(context) as api:
        _decide(api, f"/operations/{operation_id}/resolve", {"verdict": verdict.replace("-", "_")}, timeout)
        carry_out(api, {"operation_id": operation_id}, wait=wait, timeout=timeout, machine=machine)


def _decide(api: Server, path: str, body: Row | None, timeout: float) -> None:
    """Raises the Failure of a rejection."""
    accepted = api.post(path, body)
    if failed := output.went_wrong(watch(api, accepted["operation_id"], timeout, machine=True)):
        raise failed


def watch(api: Server, operation_id: str, timeout: float, *, machine: bool) -> Row:
    """Follows an operation to its end, with its steps on the screen unless a program listens."""
    if machine:
        return list(follow(api, operation_id, timeout))[-1]
    steps = output.Steps()
    row: Row = {}
    with steps.shown():
        for row in follow(api, operation_id, timeout):
            steps.update(row)
    return row


def carry_out(api: Server, accepted: Row, *, wait: bool, timeout: float, machine: bool) -> None:
    operation_id = accepted["operation_id"]
    if not wait:
        if machine:
            return output.as_json(accepted)
        return output.say(f"Accepted as operation {operation_id}.")
    row = watch(api, operation_id, timeout, machine=machine)
    failed = output.went_wrong(row)
    if machine:
        output.as_json(row)
        if failed:
            raise typer.Exit(failed.status)
        return None
    if failed:
        raise failed
    return output.say(_done(api, row))


def carry_out_all(
    api: Server,
    answer: Row,
    names: Mapping[str, str],
    done: Callable[[Row], str],
    wait: bool,
    timeout: float,
    machine: bool,
) -> None:
    """One after the other, each to its end, and what is `done` then. `names`: what the ids are called. The exit status
    is that of the worst.
    """
    ended: list[Row] = []
    failures: list[Failure] = []
    for row in answer["operations"]:
        name = names[row.get("guest_id") or row["application_id"]]
        operation, failure = row, None
        if problem := row.get("problem"):
            words = " ".join(error["message"] for error in problem.get("errors") or ()) or problem["detail"]
            failure = Failure(f"{name}: {words}", code=problem["code"])
        elif wait:
            operation, failure = _to_its_end(api, row, timeout, machine=machine)
        if failure:
            failures.append(failure)
        elif not machine:
            output.say(done(operation) if wait else f"{name}: accepted as operation {row['operation_id']}.")
        ended.append(operation)
    if machine:
        output.as_json(ended)
    else:
        for failure in failures:
            output.failure(failure, machine=False)
    if failures:
        raise typer.Exit(max(failure.status for failure in failures))


def _to_its_end(api: Server, accepted: Row, timeout: float, *, machine: bool) -> tuple[Row, Failure | None]:
    """One that still runs keeps nobody from the others."""
    try:
        operation = watch(api, accepted["operation_id"], timeout, machine=machine)
    except Failure as failure:
        if failure.status is not Exit.STILL_RUNNING:
            raise
        return accepted, failure
    return operation, output.went_wrong(operation)


def released(row: Row) -> str:
    """The step says so if Proxmox kept the tag."""
    kept = any(step["name"] == "unmark" and step["detail"] for step in row.get("steps") or ())
    left = "only the tag" if kept else "nothing"
    return f"{row['target_name']} is released: {left} of Proximity's is left on its container."


def _done(api: Server, row: Row) -> str:
    if row["kind"] == "delete":
        return f"{row['target_name']} is deleted."
    if row["kind"] == "release":
        return released(row)
    application = api.get(f"/applications/{row['target']}")
    where = application.get("url") or application.get("address")
    at = f" at {where}" if where and application["status"] == "running" else ""
    return f"{application['name']} is {application['status']}{at}."
