"""Whom the few direct looks go to."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import cast

import pytest

from proximity.proxmox.errors import GuestMissingError
from proximity.proxmox.observe import GuestConfig, GuestSeen, GuestStatus, NodeSeen, Observer, Resources
from proximity.vault.hashes import ConfigurationHash
from proximity_reconciler.asking import Asker
from proximity_reconciler.budget import Budget, Shares
from proximity_reconciler.comparing import Comparison
from proximity_reconciler.glances import STRANGERS_WAIT, Glances
from proximity_reconciler.knowledge import Knowledge
from proximity_reconciler.looking import REQUESTS
from proximity_reconciler.picture import Picture
from proximity_reconciler.publishing import Publisher
from support.comparing import app, later, look
from support.deciders import NOON

MANAGED, SUSPECT, STRANGER = 101, 102, 103

# a command line, raw settings, and what a newer Proxmox may add
SECRETS = ("entrypoint", "lxc", "added-later")


class Node:
    """`asked`: the guests, in the order of the first question about each. `stopped`: those that answer how they are."""

    def __init__(self) -> None:
        self.asked: dict[int, None] = {}
        self.stopped: set[int] = set()
        self.requests = 0
        self.secret = "--token s3cret"

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        self.asked[vmid] = None
        self.requests += 1
        return GuestConfig("d", "", None, {"hostname": "wiki"} | dict.fromkeys(SECRETS, self.secret))

    async def guest_status(self, node: str, vmid: int) -> GuestStatus:
        self.asked[vmid] = None
        self.requests += 1
        if vmid in self.stopped:
            return GuestStatus("stopped")
        raise GuestMissingError("no such guest", 500)


class Stage:
    def __init__(self, a_minute: int = 45) -> None:
        self.now = 0.0
        self.node = Node()
        self.picture = picture = Picture()
        self.listed(NOON)
        self.budget = Budget(a_minute, lambda: self.now)
        self.glances = Glances(
            "c1",
            cast(Asker, SimpleNamespace(picture=picture)),
            self.budget,
            cast(Publisher, SimpleNamespace(saw=lambda vmid, at, running: None)),
            ConfigurationHash(b"k" * 32),
            lambda: later(self.now),
            lambda: self.now,
        )

    def listed(self, at: datetime, *stopped: int) -> None:
        guests = [
            GuestSeen(vmid, "pve1", "lxc", "wiki", "stopped" if vmid in stopped else "running")
            for vmid in (MANAGED, SUSPECT, STRANGER)
        ]
        seen = Resources(tuple(guests), (NodeSeen("pve1", True, None),))
        self.picture.take(at, seen, [MANAGED, SUSPECT], [])

    async def take(self, enough: Callable[[], bool] = lambda: False, *suspects: int) -> list[int]:
        """Who was looked at, in this order."""
        self.node.asked.clear()
        comparison = SimpleNamespace(suspects=suspects or [SUSPECT], strangers=SimpleNamespace(to_prove_gone=list))
        applications = [app(vmid=vmid, since=later(-60)) for vmid in (MANAGED, SUSPECT)]
        knowledge = SimpleNamespace(desired=lambda cluster_id: applications)
        await self.glances.take(
            cast(Observer, self.node), cast(Comparison, comparison), cast(Knowledge, knowledge), enough
        )
        return list(self.node.asked)


async def test_applications_whose_task_ended_come_first_and_guests_of_nobody_last() -> None:
    stage = Stage()
    stage.glances.wanted_by_tasks({STRANGER: True, MANAGED: False})
    assert await stage.take() == [MANAGED, SUSPECT, STRANGER]


async def test_a_flood_of_tasks_of_nobody_s_guests_leaves_the_requests_to_the_suspects() -> None:
    stage = Stage(a_minute=15)
    assert stage.budget.take_look(REQUESTS)
    stage.glances.wanted_by_tasks({STRANGER: True})
    assert await stage.take() == [SUSPECT]
    assert stage.glances.waiting


async def test_only_applications_whose_task_ended_are_looked_at_when_something_else_is_due() -> None:
    stage = Stage()
    stage.glances.wanted_by_tasks({STRANGER: True, MANAGED: False})
    assert await stage.take(lambda: True) == [MANAGED]
    assert stage.glances.waiting


async def test_a_stop_is_seen_at_the_price_of_one_request_whether_or_not_the_configuration_is_known() -> None:
    stage = Stage()
    stage.node.stopped = {MANAGED}
    stage.glances.wanted_by_tasks({MANAGED: True})
    assert await stage.take(lambda: True) == [MANAGED]
    seen = stage.picture.looks[MANAGED]
    assert (stage.node.requests, seen.running, seen.whole, seen.values) == (1, False, False, {})

    stage.glances.wanted_by_tasks({MANAGED: False})
    await stage.take(lambda: True)
    read = stage.picture.looks[MANAGED]
    assert (read.running, read.whole) == (False, True)

    stage.node.requests = 0
    stage.glances.wanted_by_tasks({MANAGED: True})
    await stage.take(lambda: True)
    assert stage.node.requests == 1
    assert stage.picture.looks[MANAGED].values == read.values, "what was read lately is still known"


async def test_whom_the_lists_have_stopped_since_its_last_look_comes_before_what_is_only_looked_at_again() -> None:
    stage = Stage()
    for vmid in (MANAGED, SUSPECT):
        stage.picture.looked(vmid, look(at=later(1)))
    while stage.budget.take_look():
        pass
    stage.node.stopped = {SUSPECT}
    stage.listed(later(20), SUSPECT)
    assert await stage.take(lambda: False, MANAGED, SUSPECT) == [SUSPECT]
    seen = stage.picture.looks[SUSPECT]
    assert (stage.node.requests, seen.running, seen.whole) == (1, False, False)


async def test_lists_are_believed_only_where_no_request_is_left_for_a_look() -> None:
    stage = Stage()
    stage.now = 41.0
    for vmid in (MANAGED, SUSPECT):
        stage.picture.looked(vmid, look(at=later(1)))
    stage.listed(later(20), MANAGED, SUSPECT)
    stage.listed(later(40), MANAGED, SUSPECT)
    stage.node.stopped = {MANAGED}
    assert stage.budget.take_look(Shares.of(45).looks - 1, urgent=True)
    assert await stage.take(lambda: False, MANAGED, SUSPECT) == [MANAGED]
    assert (stage.picture.looks[MANAGED].at, stage.picture.looks[SUSPECT].at) == (later(41), later(20))
    assert not stage.picture.looks[SUSPECT].running


@pytest.mark.parametrize(("seconds", "looked_at"), [(0.0, True), (1.0, False)])
async def test_a_guest_of_nobody_is_looked_at_soon_or_not_because_of_its_task(seconds: float, looked_at: bool) -> None:
    stage = Stage()
    stage.glances.wanted_by_tasks({STRANGER: True, MANAGED: False})
    stage.now = STRANGERS_WAIT + seconds
    asked = await stage.take()
    assert (STRANGER in asked) == looked_at
    assert MANAGED in asked


@pytest.mark.parametrize("setting", SECRETS)
async def test_of_what_may_be_secret_only_a_hash_is_kept(setting: str) -> None:
    stage = Stage()
    await stage.take()
    first = stage.picture.looks[SUSPECT].configuration[setting]
    await stage.take()
    assert stage.picture.looks[SUSPECT].configuration[setting] == first
    stage.node.secret = "--token another"
    await stage.take()
    assert stage.picture.looks[SUSPECT].configuration[setting] != first
    assert "token" not in repr(stage.picture.looks)
