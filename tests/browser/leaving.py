"""What a story leaves is taken away again: the next one finds a Proxmox of somebody else's, and no application."""

import time
from collections.abc import Callable

from support.whole import Row, Whole


def eventually(holds: Callable[[], bool], within: float = 60.0) -> None:
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def leave_nothing(whole: Whole) -> None:
    """No fault, no application, no container of ours; all guests are known and offered."""
    whole.simulator.clear_faults()
    applications: list[Row] = whole.get("/applications")["items"]
    _succeed(whole, [whole.order("DELETE", f"/applications/{row['id']}") for row in applications])
    eventually(lambda: numbers(whole.get("/guests")["items"]) == numbers(whole.simulator.guests()))
    offer_all(whole)


def offer_all(whole: Whole) -> None:
    """Those that were ignored, too."""
    ignored: list[Row] = whole.get("/guests?ignored=true")["items"]
    _succeed(whole, [whole.order("POST", f"/guests/{row['id']}/notice") for row in ignored])


def numbers(guests: list[Row]) -> set[int]:
    return {guest["vmid"] for guest in guests}


def _succeed(whole: Whole, accepted: list[Row]) -> None:
    for each in accepted:
        ended = whole.ended_operation(each["operation_id"])
        assert ended["status"] == "succeeded", ended
