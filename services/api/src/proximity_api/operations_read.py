"""Finding an operation wherever it is: in the read model, undecided in COMMANDS, or on the way between the two."""

from proximity.messaging.delivery import ReceivedCommand
from proximity_api import queries, views
from proximity_api.parts import Parts
from proximity_api.problems import Problem

CATCH_UP = 2.0


async def find(parts: Parts, operation_id: str) -> views.Operation | None:
    """In neither place it may have been decided a moment ago: then the read model gets CATCH_UP seconds to know it.

    The head of the log is asked for after COMMANDS, so whatever left COMMANDS is below it.
    """
    if found := await _row(parts, operation_id):
        return found
    for command in await parts.commands.undecided():
        if command.metadata.id == operation_id:
            return _pending(command)
    await parts.hub.reached(await parts.store.head(), CATCH_UP)
    return await _row(parts, operation_id)


async def ended(parts: Parts, operation_id: str, within: float) -> views.Operation | None:
    """The operation at its end, if that comes within so many seconds. With the database away: None."""
    with parts.hub.watch(operation_id) as end:
        found = await row(parts, operation_id)
        if found is not None and found.status in views.ENDED:
            return found
        last = await end.wait(within)
    return views.Operation.model_validate(last) if last is not None else None


async def row(parts: Parts, operation_id: str) -> views.Operation | None:
    """As the read model has it. With the database away: None."""
    try:
        return await _row(parts, operation_id)
    except Problem:
        return None


async def _row(parts: Parts, operation_id: str) -> views.Operation | None:
    async with parts.database.read() as conn:
        return await queries.operation(conn, operation_id)


def _pending(command: ReceivedCommand) -> views.Operation:
    meta = command.metadata
    return views.Operation(
        id=meta.id,
        # application.deploy.v1
        kind=meta.type.split(".")[1],
        category=command.category,
        target=command.aggregate_id,
        target_name=str(getattr(command.command, "name", "")),
        status="pending",
        actor=f"{meta.actor.type}:{meta.actor.id}",
        reason=meta.reason,
        cause=None,
        steps=[],
        accepted_at=meta.time,
        ended_at=None,
        cancel_requested=False,
        deadline_passed=False,
        resolve_command=None,
        position=0,
    )
