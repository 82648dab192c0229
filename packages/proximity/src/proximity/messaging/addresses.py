"""The addresses of guests, as observations: what was learned last of each stays, so that nobody has to ask again.

Told by whoever asked Proxmox. A guest that does not run has none, whatever it had when it was asked.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from proximity.messaging import observations
from proximity.messaging.connection import Bus
from proximity.messaging.observations import Observation
from proximity.messaging.publishing import Outgoing, publish
from proximity.messaging.subjects import ADDRESSES, observation


@dataclass(frozen=True, slots=True)
class Learned:
    """`node`: where it ran when it was asked. `at`: when it was, or a moment later, in Unix seconds."""

    node: str
    at: float


async def tell(bus: Bus, cluster_id: str, vmid: int, node: str, addresses: Sequence[str] | None) -> None:
    """`addresses`: empty: it has none; None: it did not say. Acknowledged, unlike figures: no other one follows soon.

    Raises TimeoutError.
    """
    body = json.dumps({"node": node, "addresses": addresses}).encode()
    await publish(bus, [Outgoing(observation(ADDRESSES, f"{cluster_id}.{vmid}"), {}, body)])


async def told(bus: Bus, cluster_id: str) -> dict[int, Learned]:
    """By VMID. Raises TimeoutError."""
    found = await observations.last(bus, ADDRESSES, cluster_id)
    return {
        guest_of(seen)[1]: Learned(seen.body["node"], seen.at.timestamp())
        for seen in found
        if isinstance(seen.body, dict)
    }


def guest_of(seen: Observation) -> tuple[str, int]:
    """Cluster and VMID."""
    cluster_id, _, vmid = seen.key.rpartition(".")
    return cluster_id, int(vmid)
