"""Which guests are asked for their addresses, when, and what whoever takes over need not ask again."""

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.js import JetStreamContext

from proximity.messaging import addresses, subjects
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.connection import Bus
from proximity.proxmox.errors import UnreachableError
from proximity.proxmox.observe import GuestSeen, NodeSeen, Observer, Resources
from proximity_reconciler.addresses import RESTS, Addresses
from proximity_reconciler.budget import Budget
from proximity_reconciler.picture import Picture
from support.comparing import later
from support.deciders import NOON
from sweep.line import Line
from sweep.log import Log

UP = 100
OLD, NEW, OTHER = 101, 102, 103
HAS = {OLD: ["10.0.0.1"], NEW: ["10.0.0.2", "fd00::2"], OTHER: []}


def guest(vmid: int, uptime: int = UP, node: str = "pve1", **values: Any) -> GuestSeen:
    return replace(GuestSeen(vmid, node, "lxc", "g", "running", uptime=uptime), **values)


@dataclass
class Node:
    asked: list[int]
    answers: bool = True

    async def guest_addresses(self, node: str, vmid: int) -> list[str]:
        self.asked.append(vmid)
        if not self.answers:
            raise UnreachableError("no route to host")
        return HAS[vmid]


class Stage:
    def __init__(self) -> None:
        self.now = 0.0
        self.log = Log.prepared(NOON, lambda: self.now)
        clock = cast(ServerClock, SimpleNamespace(now=lambda: later(self.now)))
        self.bus = Bus(cast(Client, Line(self.log)), cast(JetStreamContext, None), "reconciler", clock)
        self.node = Node([])
        self.begin()

    def begin(self) -> None:
        """As whoever takes over does."""
        self.addresses = Addresses("c1", self.bus, Budget(6000, lambda: self.now), lambda: self.now)

    async def listed(self, *guests: GuestSeen, managed: tuple[int, ...] = (), away: tuple[str, ...] = ()) -> list[int]:
        """Who is asked with that list, in this order; some seconds pass."""
        self.now += 5
        nodes = tuple(NodeSeen(node, node not in away, None) for node in ("pve1", "pve2"))
        picture = Picture()
        picture.take(later(self.now), Resources(guests, nodes), [], [])
        await self.addresses.listed(picture, managed)
        self.node.asked.clear()
        for _ in range(len(guests) + 1):
            await self.addresses.ask(cast(Observer, self.node))
        return list(self.node.asked)

    def told(self) -> dict[str, Any]:
        """Whom it is told of, and what."""
        messages = self.log.streams[subjects.OBSERVATIONS].messages.values()
        return {subjects.observation_parts(m.subject)[1]: json.loads(m.data)["addresses"] for m in messages}


async def test_each_is_asked_once_and_the_latest_to_start_first() -> None:
    stage = Stage()
    assert await stage.listed(guest(OLD, UP + 1), guest(NEW)) == [NEW, OLD]
    assert stage.told() == {"c1.101": ["10.0.0.1"], "c1.102": ["10.0.0.2", "fd00::2"]}
    assert await stage.listed(guest(OLD, UP + 6), guest(NEW, UP + 5)) == []


@pytest.mark.parametrize(
    "other",
    [
        *(guest(OLD, type="qemu"), guest(OLD, status="stopped"), guest(OLD, status="unknown")),
        *(guest(OLD, node="pve2"), guest(OTHER)),
    ],
)
async def test_only_containers_that_run_and_that_no_application_has_are_asked(other: GuestSeen) -> None:
    stage = Stage()
    assert await stage.listed(other, managed=(OTHER,), away=("pve2",)) == []


@pytest.mark.parametrize("taken_over", [False, True])
async def test_only_those_that_started_since_or_moved_are_asked_again(taken_over: bool) -> None:
    stage = Stage()
    await stage.listed(guest(OLD), guest(NEW))
    if taken_over:
        stage.begin()
    assert await stage.listed(guest(OLD, UP + 5), guest(NEW, UP)) == []
    assert await stage.listed(guest(OLD, UP + 10), guest(NEW, 3)) == [NEW]
    assert await stage.listed(guest(OLD, UP + 15, node="pve2"), guest(NEW, 8)) == [OLD]


async def test_nobody_is_asked_for_another_cluster_s_guests_having_been_asked() -> None:
    stage = Stage()
    await addresses.tell(stage.bus, "c2", OLD, "pve1", ["10.0.0.9"])
    assert await stage.listed(guest(OLD)) == [OLD]


async def test_who_has_none_yet_is_asked_again_some_times_and_then_has_none() -> None:
    stage = Stage()
    times = []
    while stage.now < 2 * sum(RESTS):
        if await stage.listed(guest(OTHER, UP + int(stage.now))):
            times.append(stage.now)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == list(RESTS)
    assert stage.told() == {"c1.103": []}


async def test_who_does_not_answer_is_not_known_to_have_none_and_keeps_the_others_waiting_a_moment() -> None:
    stage = Stage()
    stage.node.answers = False
    asked = []
    while stage.now < 2 * sum(RESTS):
        asked += await stage.listed(guest(OLD, UP + int(stage.now)))
    assert len(asked) == 1 + len(RESTS)
    assert stage.told() == {"c1.101": None}

    assert await stage.listed(guest(NEW), guest(OLD, UP + int(stage.now))) == [NEW]
    stage.node.answers = True
    assert await stage.listed(guest(NEW), guest(OTHER)) == [], "so soon after one that did not answer"
    stage.now += RESTS[0]
    assert await stage.listed(guest(NEW), guest(OTHER)) == [NEW, OTHER]


async def test_what_could_not_be_told_is_asked_for_again() -> None:
    stage = Stage()

    async def no_answer(*_: Any, **__: Any) -> Any:
        raise TimeoutError

    request, stage.bus.nc.request = stage.bus.nc.request, no_answer  # type: ignore[method-assign]
    with pytest.raises(TimeoutError):
        await stage.listed(guest(OLD))
    stage.bus.nc.request = request  # type: ignore[method-assign]
    assert await stage.listed(guest(OLD, UP + 5)) == [OLD]
    assert stage.told() == {"c1.101": ["10.0.0.1"]}
