"""What is there on Proxmox that no application has? Also the operations on it."""

from datetime import datetime

from proximity.domain.guest import events as ev
from proximity.domain.guest.events import Facts, GuestEvent
from proximity.readmodel.rows import Row
from proximity_projector.projections.operations import asked


def project(row: Row | None, event: GuestEvent, id_: str, at: datetime) -> Row | None:
    """The row without `position`. None: there is no such guest."""
    if isinstance(event, ev.GuestAppeared):
        place = {"id": id_, "cluster_id": event.cluster_id, "vmid": event.vmid}
        return place | _facts(event.facts) | {"ignored": False, "removed_at": None}
    if row is None:
        return None
    match event:
        case ev.GuestReconfigured(facts=facts):
            return row | _facts(facts)
        case ev.GuestIgnored():
            return row | {"ignored": True}
        case ev.GuestNoticed():
            return row | {"ignored": False}
        case ev.GuestGone() | ev.GuestAdopted():
            return row | {"removed_at": at}
    return row


def _facts(facts: Facts) -> Row:
    return facts.model_dump() | {
        "tags": list(facts.tags),
        "adoptable": facts.type == "lxc" and not facts.template,
    }


def project_operation(row: Row | None, event: GuestEvent, guest: Row, at: datetime) -> Row | None:
    """Ignoring and noticing have no steps: they are over as soon as they are decided."""
    if row is not None or not isinstance(event, ev.OperationSucceeded):
        return row
    begun = asked(event.operation_id, event.kind, at, category="guest", target=guest["id"], target_name=name_of(guest))
    return begun | {"status": "succeeded", "ended_at": at}


def name_of(guest: Row) -> str:
    """What Proxmox calls one that has no name."""
    return guest["name"] or f"{'CT' if guest['type'] == 'lxc' else 'VM'} {guest['vmid']}"
