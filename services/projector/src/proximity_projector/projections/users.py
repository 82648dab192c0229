"""Who may do something here?"""

from proximity.domain.identity.identity import IdentityEvent, PasswordChanged
from proximity.readmodel.rows import Row


def project(row: Row | None, event: IdentityEvent, id_: str) -> Row | None:
    if isinstance(event, PasswordChanged):
        return row
    return {"id": id_, "username": event.username, "role": event.role, "removed_at": None}
