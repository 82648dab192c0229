"""What is seen of a guest while something else is happening to it."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Container
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RightsMissingError
from proximity.proxmox.observe import GuestConfig, Membership, NodeSeen, Resources
from proximity_provisioner.job import Job
from proximity_provisioner.ownership import Elsewhere, Gone, NotOurs, Ours, look

MISSING = GuestMissingError("Configuration file 'nodes/pve1/lxc/20000.conf' does not exist", 500)
FORBIDDEN = RightsMissingError("Permission check failed (/vms/20000, VM.Audit)", 403)
OURS = GuestConfig("d", Marker("inst", "a1", "op", 20000).line(), None, {"swap": "512"})
BLANK = GuestConfig("d", "", "create", {})


class Node:
    """Answers each look at the configuration with the next of these; the last one stays."""

    def __init__(
        self,
        *looks: GuestConfig | Exception,
        in_use: bool = True,
        quorate: bool | None = True,
        online: Sequence[bool] = (True, True),
    ) -> None:
        """`quorate` None: the token may not ask. `online`: the nodes, as the list has them."""
        self._looks = list(looks)
        self._in_use = in_use
        self._quorate = quorate
        self._online = online

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        seen = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(seen, Exception):
            raise seen
        return seen

    async def vmid_in_use(self, vmid: int) -> bool:
        return self._in_use

    async def membership(self) -> Membership:
        if self._quorate is None:
            raise RightsMissingError("Permission check failed (/, Sys.Audit)", 403)
        return Membership("lab", self._quorate)

    async def resources(self) -> Resources:
        return Resources((), tuple(NodeSeen(f"pve{number}", up, None) for number, up in enumerate(self._online)))


def job(node: Node) -> Job:
    container = Container("c1", "pve1", 20000, "op")
    tools = SimpleNamespace(installation_id="inst")
    return cast(Job, SimpleNamespace(application_id="a1", container=container, proxmox=node, tools=tools))


async def test_a_guest_that_comes_into_being_between_two_answers_is_not_taken_for_a_stranger() -> None:
    """A create that was late: first there is no such guest on its node, then the cluster has its number."""
    assert await look(job(Node(MISSING, OURS))) == Ours(OURS)
    assert await look(job(Node(MISSING, BLANK))) == NotOurs(BLANK, blank=True)


@pytest.mark.parametrize("lock", ["create", None, "destroyed"])
async def test_what_a_person_is_clearing_away_is_nobody_else_s(lock: str | None) -> None:
    """Unlocked, then destroyed: a look in between must not take it for a stranger's and give the operation up."""
    begun = replace(BLANK, lock=lock)
    assert await look(job(Node(begun))) == NotOurs(begun, blank=True)


async def test_a_guest_that_stays_away_from_its_node_is_elsewhere() -> None:
    assert await look(job(Node(MISSING))) == Elsewhere(MISSING.words)


async def test_a_number_that_nobody_has_is_gone() -> None:
    assert await look(job(Node(MISSING, in_use=False))) == Gone()
    assert await look(job(Node(FORBIDDEN, in_use=False))) == Gone()


@pytest.mark.parametrize(
    ("quorate", "online"), [(False, (True, True)), (None, (True, False)), (None, ())], ids=["lost", "away", "no list"]
)
async def test_one_node_s_word_is_not_enough(quorate: bool | None, online: Sequence[bool]) -> None:
    with pytest.raises(ProxmoxError, match="cannot be told"):
        await look(job(Node(MISSING, in_use=False, quorate=quorate, online=online)))


async def test_without_the_right_to_ask_for_the_quorum_all_nodes_must_be_online() -> None:
    assert await look(job(Node(MISSING, in_use=False, quorate=None))) == Gone()


async def test_what_may_not_be_seen_is_not_gone() -> None:
    with pytest.raises(RightsMissingError):
        await look(job(Node(FORBIDDEN)))
