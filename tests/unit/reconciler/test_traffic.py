"""What goes over the network of nodes: who is asked for it, when, and what is made of the answer."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import pytest

from proximity.proxmox.errors import ProxmoxError, RightsMissingError
from proximity.proxmox.observe import History, NodeSeen, Point
from proximity_reconciler.traffic import ONE_NODE_EVERY, REST, STALE, NodeTraffic

LIST = 5.0


class Charts:
    """`asked`: when and for which node; `points`: of each node."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.asked: list[tuple[float, str]] = []
        self.points: Sequence[Point] = (Point(0, netin=9.6, netout=2.4), Point(60))
        self.trouble: dict[str, ProxmoxError] = {}

    async def node_history(self, node: str, timeframe: str) -> list[Point]:
        self.asked.append((self.now(), node))
        if node in self.trouble:
            raise self.trouble[node]
        return list(self.points)


class Stage:
    def __init__(self, *nodes: str) -> None:
        self.now = 1000.0
        self.left = 1000
        self.charts = Charts(lambda: self.now)
        self.traffic = NodeTraffic("c1", self._may_ask, lambda: self.now)
        self.nodes = [NodeSeen(node, True, None, cpu=0.1) for node in nodes]

    def _may_ask(self) -> bool:
        self.left -= 1
        return self.left >= 0

    async def lists(self, count: int) -> list[tuple[float, str]]:
        """So many, each with what comes behind it: what was asked for, and when."""
        before = len(self.charts.asked)
        for _ in range(count):
            self.traffic.listed(self.nodes)
            await self.traffic.ask(cast(History, self.charts))
            self.now += LIST
        return self.charts.asked[before:]

    def rates(self, node: str) -> tuple[int, int] | None:
        seen = self.traffic.of(node)
        return (seen.netin, seen.netout) if seen else None


async def test_each_node_is_asked_at_once_and_then_one_every_half_minute_in_turn() -> None:
    stage = Stage("pve1", "pve2")
    assert [node for _, node in await stage.lists(2)] == ["pve1", "pve2"]
    assert (stage.rates("pve1"), stage.rates("pve2")) == ((10, 2), (10, 2))
    later = await stage.lists(20)
    assert [node for _, node in later] == ["pve1", "pve2", "pve1"]
    gaps = {after[0] - before[0] for before, after in pairwise(later)}
    assert gaps == {ONE_NODE_EVERY}


async def test_nobody_is_asked_whose_figures_the_list_does_not_tell() -> None:
    stage = Stage()
    stage.nodes = [NodeSeen("blind", True, None), NodeSeen("away", False, None, cpu=0.1)]
    assert await stage.lists(20) == []


async def test_what_the_budget_does_not_allow_is_asked_later() -> None:
    stage = Stage("pve1")
    stage.left = 0
    assert await stage.lists(3) == []
    stage.left = 1
    assert len(await stage.lists(3)) == 1


@pytest.mark.parametrize("error", [RightsMissingError("no"), ProxmoxError("broken")])
async def test_who_does_not_answer_is_left_alone_and_keeps_nobody_from_being_asked(error: ProxmoxError) -> None:
    stage = Stage("pve1", "pve2")
    stage.charts.trouble["pve1"] = error
    asked = await stage.lists(round(REST / LIST) - 1)
    assert [node for _, node in asked].count("pve1") == 1
    assert [node for _, node in asked].count("pve2") > 5
    assert stage.rates("pve1") is None
    assert "pve1" in [node for _, node in await stage.lists(20)]


@pytest.mark.parametrize(
    ("points", "rates"),
    [
        ((), None),
        ((Point(0),), None),
        ((Point(0, netin=1, netout=1), Point(60, netin=5, netout=0)), (5, 0)),
        ((Point(0, netin=1, netout=1), Point(int(STALE))), (1, 1)),
        ((Point(0, netin=1, netout=1), Point(int(STALE) + 1)), None),
    ],
)
async def test_the_newest_measurement_counts_if_it_is_not_old(
    points: Sequence[Point], rates: tuple[int, int] | None
) -> None:
    stage = Stage("pve1")
    stage.charts.points = points
    await stage.lists(1)
    assert stage.rates("pve1") == rates


async def test_what_cannot_be_asked_for_any_more_is_forgotten() -> None:
    stage = Stage("pve1")
    await stage.lists(1)
    stage.left = 0
    await stage.lists(round(STALE / LIST) - 10)
    assert stage.rates("pve1") is not None
    await stage.lists(20)
    assert stage.rates("pve1") is None


async def test_a_node_that_was_away_is_asked_anew() -> None:
    stage = Stage("pve1")
    await stage.lists(1)
    online, stage.nodes = stage.nodes, [NodeSeen("pve1", False, None)]
    await stage.lists(1)
    assert stage.rates("pve1") is None
    stage.nodes = online
    assert len(await stage.lists(1)) == 1
