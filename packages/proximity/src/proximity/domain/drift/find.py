"""What is otherwise than it should be."""

from collections.abc import Mapping, Sequence

from proximity.domain.drift.view import Desired, Difference, Known, View
from proximity.domain.finding import Finding


def find_drift(
    desired: Sequence[Desired],
    view: View,
    installation_id: str,
    applications: Mapping[str, Known],
    guests: Mapping[int, Mapping[str, Finding]] | None = None,
) -> list[Difference]:
    """All that differs, as far as is known: a finding that is open and that nothing speaks against is among it.

    `desired`: every application that has a container on this cluster. `applications`: all of the installation, by id.
    `guests`: the findings that are open about guests that no application has, by VMID.
    """
    raise NotImplementedError
