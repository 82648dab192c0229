"""What is seen of a guest while something else is happening to it."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Container
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RightsMissingError, UnreachableError
from proximity.proxmox.observe import GuestConfig, Membership, NodeSeen, Resources
from proximity_provisioner.job import Job
from proximity_provisioner.ownership import Elsewhere, Gone, NotOurs, Ours, look

MISSING = GuestMissingError("Configuration file 'nodes/pve1/lxc/20000.conf' does not exist", 500)
NO_NODE = UnreachableError("hostname lookup 'pve1' failed - failed to get address info", 500)
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
        name: str | None = "lab",
        members: Sequence[str] = ("pve1", "pve2"),
    ) -> None:
        """`quorate` None: the token may not ask. `online`: the nodes, as the list has them. `name`: the cluster's."""
        self._looks = list(looks)
        self._in_use = in_use
        self._quorate = quorate
        self._online = online
        self._name = name
        self._members = frozenset(members)

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
        return Membership(self._name, self._quorate, self._members)

    async def resources(self) -> Resources:
        return Resources((), tuple(NodeSeen(f"pve{number}", up, None) for number, up in enumerate(self._online)))


def job(node: Node) -> Job:
    container = Container("c1", "pve1", 20000, "op")
    tools = SimpleNamespace(installation_id="inst")
    cluster = SimpleNamespace(is_named=lambda name: name == "lab")
    return cast(
        Job, SimpleNamespace(application_id="a1", container=container, proxmox=node, tools=tools, cluster=cluster)
    )


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


async def test_a_node_that_was_taken_out_of_its_cluster_proves_nothing() -> None:
    """It has a quorum of its own, and knows nothing of the guests of the others."""
    with pytest.raises(ProxmoxError, match="not of the connected cluster"):
        await look(job(Node(MISSING, in_use=False, name=None, members=["pve1"])))


async def test_what_was_on_a_node_that_the_cluster_has_no_more_is_gone() -> None:
    assert await look(job(Node(NO_NODE, in_use=False, members=["pve2"]))) == Gone()


@pytest.mark.parametrize(
    "node",
    [
        Node(NO_NODE, in_use=False),
        Node(NO_NODE, in_use=True, members=["pve2"]),
        Node(NO_NODE, in_use=False, members=["pve2"], quorate=False),
        Node(NO_NODE, in_use=False, members=["pve2"], quorate=None),
        Node(NO_NODE, in_use=False, members=["pve2"], name="other"),
        Node(NO_NODE, in_use=False, members=["pve2"], name=None),
    ],
    ids=["still a member", "number in use", "no quorum", "may not ask", "another cluster", "no cluster"],
)
async def test_what_is_on_a_node_that_does_not_answer_is_not_gone(node: Node) -> None:
    with pytest.raises(UnreachableError):
        await look(job(node))
