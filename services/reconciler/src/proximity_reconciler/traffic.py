"""What goes over the network of nodes. No list tells it: each is asked for its chart, one after the other."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from proximity.proxmox.errors import ProxmoxError
from proximity.proxmox.observe import History, NodeSeen, Point
from proximity_reconciler.looking import PATIENCE

log = structlog.get_logger(__name__)

# Between two questions, in seconds; nodes never asked before do not wait for that.
ONE_NODE_EVERY = 30.0
# Who does not answer, or may not be asked, is left alone for so long.
REST = 300.0
# Proxmox measures once a minute; what is older than this is not how it is now.
STALE = 300.0


class Traffic(NamedTuple):
    """Bytes a second, averaged over a minute. `at`: when it was measured, by the monotonic clock."""

    netin: int
    netout: int
    at: float


@dataclass
class NodeTraffic:
    """`may_ask`: takes a request from the budget. `told`: the nodes whose figures the list has; their charts need the
    same right. `due`: when each may be asked again, by the monotonic clock.
    """

    cluster_id: str
    may_ask: Callable[[], bool]
    monotonic: Callable[[], float]
    told: frozenset[str] = frozenset()
    due: dict[str, float] = field(default_factory=dict)
    seen: dict[str, Traffic] = field(default_factory=dict)
    last: float = 0.0

    def of(self, node: str) -> Traffic | None:
        """None: not known, or too old."""
        known = self.seen.get(node)
        lasts = STALE + ONE_NODE_EVERY * len(self.told)
        return known if known and self.monotonic() - known.at <= lasts else None

    def listed(self, nodes: Iterable[NodeSeen]) -> None:
        """With each new list."""
        self.told = frozenset(node.node for node in nodes if node.online and node.cpu is not None)
        self.due = {node: due for node, due in self.due.items() if node in self.told}
        self.seen = {node: traffic for node, traffic in self.seen.items() if node in self.told}

    async def ask(self, proxmox: History) -> None:
        """One node, if it is time."""
        now = self.monotonic()
        new = sorted(self.told - self.due.keys())
        if not new and now - self.last < ONE_NODE_EVERY:
            return
        node = new[0] if new else min(self.due, key=self.due.__getitem__, default=None)
        if node is None or self.due.get(node, now) > now or not self.may_ask():
            return
        self.last = now
        try:
            async with asyncio.timeout(PATIENCE):
                points = await proxmox.node_history(node, "hour")
        except (ProxmoxError, TimeoutError) as error:
            log.warning("traffic not seen", cluster=self.cluster_id, node=node, error=repr(error))
            self.due[node] = now + REST
            return
        self.due[node] = now + ONE_NODE_EVERY
        self.seen.pop(node, None)
        if newest := _newest(points, now):
            self.seen[node] = newest


def _newest(points: Sequence[Point], now: float) -> Traffic | None:
    """The last points may have nothing yet. How old it is the node's own clock tells, which is that of the points."""
    for point in reversed(points):
        age = points[-1].at - point.at
        if age > STALE:
            break
        if point.netin is not None and point.netout is not None:
            return Traffic(round(point.netin), round(point.netout), now - age)
    return None
