"""Who may do something here?"""

from proximity.domain.identity.identity import IdentityEvent
from proximity.readmodel.rows import Row


def project(event: IdentityEvent, id_: str) -> Row:
    return {"id": id_, "username": event.username, "role": event.role, "removed_at": None}
