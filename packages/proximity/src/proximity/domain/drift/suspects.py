"""Who deserves a direct look."""

from collections.abc import Mapping, Sequence

from proximity.domain.drift.view import Desired, View
from proximity.domain.finding import Finding


def suspects(
    desired: Sequence[Desired], view: View, guests: Mapping[int, Mapping[str, Finding]] | None = None
) -> list[int]:
    """VMIDs, most urgent first. `guests`: the findings that are open about guests that no application has."""
    raise NotImplementedError
