"""What became of commands that never reached their target: operations that ended before they began."""

from datetime import datetime

from proximity.domain.operation.events import CommandDeadLettered, OperationEvent
from proximity.readmodel.rows import Row
from proximity_projector.projections.operations import OVER, asked


def project(row: Row | None, event: OperationEvent, target_name: str, at: datetime) -> Row:
    if row is not None and row["status"] in OVER:
        return row
    row = row or asked(
        event.operation_id,
        kind_of(event.command),
        at,
        category=event.category,
        target=event.target,
        target_name=target_name,
    )
    if isinstance(event, CommandDeadLettered):
        message = f"Nothing could be decided after {event.attempts} attempts: {event.reason}"
        cause = {"code": "dead_lettered", "message": message, "proxmox": ""}
        return row | {"status": "failed", "cause": cause, "ended_at": at}
    cause = {"code": event.code, "message": event.message, "proxmox": ""}
    return row | {"status": "rejected", "cause": cause, "ended_at": at}


def kind_of(command: str) -> str:
    """`application.deploy.v1` -> `deploy`; what cannot be read stays as it is."""
    parts = command.split(".")
    return parts[1] if len(parts) > 1 else command
