"""Old versions of events, read as today's.

What was written stays as it is. When an event's meaning changes it gets a new type, and here an entry says how the old
body is read: `{"application.deployed.v1": ("application.deployed.v2", function)}`. Entries chain.
"""

from collections.abc import Callable, Mapping

from proximity.domain.model import Json

Upcasters = Mapping[str, tuple[str, Callable[[Json], Json]]]

UPCASTERS: Upcasters = {}


def upcast(type_: str, body: Json, upcasters: Upcasters) -> tuple[str, Json]:
    """The newest type and body that the old one stands for."""
    while entry := upcasters.get(type_):
        type_, change = entry
        body = change(body)
    return type_, body
