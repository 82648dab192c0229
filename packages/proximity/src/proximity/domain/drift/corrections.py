"""What is to be said in the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from proximity.domain.application import events as app
from proximity.domain.drift.view import Desired, Difference
from proximity.domain.finding import Explanation, Finding
from proximity.domain.guest import events as guest

# VMID and kind of the finding (`moved` for a move) -> the task that explains it
Explain = Callable[[int, str], Explanation | None]


@dataclass(frozen=True)
class Damping:
    """Memory of what opened and closed lately. Lost with its process: then it begins anew."""


@dataclass(frozen=True)
class Correction:
    """An event for the application, or for the guest `vmid` if `application_id` is None."""

    application_id: str | None
    vmid: int
    event: app.Observed | guest.FindingOpened | guest.FindingClosed


def corrections(
    desired: Sequence[Desired],
    differences: Sequence[Difference],
    damping: Damping,
    at: datetime,
    explain: Explain = lambda vmid, kind: None,
    guests: Mapping[int, Mapping[str, Finding]] | None = None,
) -> tuple[list[Correction], Damping]:
    """What to append, in this order, and the memory for the next sweep. `at`: the view's time."""
    raise NotImplementedError
