"""When a node or a storage counts as gone, and when that is not known."""

from collections.abc import Sequence
from typing import cast

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.events import ClusterEvent, StorageSeen
from proximity.domain.cluster.state import Cluster
from proximity.proxmox.errors import UnansweredError
from proximity.proxmox.observe import Membership, NodeSeen, Observer, Resources, StorageOnNode
from proximity_reconciler.asking import Asker
from proximity_reconciler.budget import Budget
from proximity_reconciler.departed import REST, Departed
from proximity_reconciler.picture import Picture
from proximity_reconciler.strangers import MISSED
from support.deciders import NOON

AUDITED = {"/": {"VM.Audit": 1, "Sys.Audit": 1, "Datastore.Audit": 1}}
NODES = ("pve1", "pve2", "pve3")


def storage(node: str, name: str) -> StorageSeen:
    return StorageSeen(node=node, storage=name, type="nfs", content=(), shared=True, active=True, total=1)


KNOWN = Cluster(
    *("Home", "home", ("https://pve1:8006",), "a@pve!t", "sealed", "AA", None, 1, 2, False, True),
    nodes=dict.fromkeys(NODES, True),
    storages={(node, name): storage(node, name) for node in NODES for name in ("nfs", "local")},
)
WITHOUT_PVE3 = [
    ev.StorageGone(node="pve3", storage="nfs"),
    ev.StorageGone(node="pve3", storage="local"),
    ev.NodeGone(node="pve3"),
]
WITHOUT_NFS = [ev.StorageGone(node=node, storage="nfs") for node in NODES]


class Proxmox:
    """`asked`: the paths whose rights were asked for."""

    def __init__(self, members: Sequence[str] = NODES, name: str | None = "lab") -> None:
        self.members = frozenset(members)
        self.name = name
        self.quorate = True
        self.on_storages: dict[str, int] | None = {"Datastore.Audit": 1}
        self.asked: list[str] = []

    async def membership(self) -> Membership:
        return Membership(self.name, self.quorate, self.members)

    async def permissions(self, path: str) -> dict[str, dict[str, int]]:
        self.asked.append(path)
        if self.on_storages is None:
            raise UnansweredError("nobody answers")
        return {path: self.on_storages}


class Stage:
    def __init__(self, proxmox: Proxmox) -> None:
        self.now = 0.0
        self.may_look = True
        self.proxmox = proxmox
        self.picture = Picture()
        self.picture.rights.take(AUDITED)
        budget = Budget(1000, lambda: self.now)
        asker = Asker("c1", self.picture, budget, lambda: NOON)
        self.asker = asker
        self.departed = Departed(asker, lambda: self.may_look and budget.take_look(), lambda: self.now)

    async def lists(
        self,
        times: int,
        nodes: Sequence[str] = NODES,
        storages: Sequence[str] = ("nfs", "local"),
        away: Sequence[str] = (),
    ) -> list[ClusterEvent]:
        """What is said with so many lists."""
        said: list[ClusterEvent] = []
        for _ in range(times):
            self.now += 5
            seen = Resources(
                (),
                tuple(NodeSeen(node, node not in away, None) for node in nodes),
                tuple(
                    (node, StorageOnNode(name, "nfs", frozenset(), True, True, 1, 1))
                    for node in nodes
                    for name in storages
                ),
            )
            await self.asker.members(cast(Observer, self.proxmox))
            self.picture.take(NOON, seen, [], [])
            self.departed.listed(seen, KNOWN)
            said += await self.departed.proven(cast(Observer, self.proxmox), KNOWN)
        return said


async def test_nothing_is_said_of_what_is_there() -> None:
    stage = Stage(Proxmox())
    assert await stage.lists(10) == []
    assert stage.proxmox.asked == []


async def test_a_node_is_gone_when_complete_lists_in_a_row_and_the_members_are_without_it() -> None:
    stage = Stage(Proxmox(NODES[:2]))
    assert await stage.lists(MISSED - 1, NODES[:2]) == []
    assert await stage.lists(1, NODES[:2]) == WITHOUT_PVE3


async def test_lists_that_prove_nothing_break_the_row() -> None:
    stage = Stage(Proxmox(NODES[:2]))
    assert await stage.lists(MISSED - 1, NODES[:2]) == []
    assert await stage.lists(1, NODES[:2], away=["pve2"]) == []
    assert await stage.lists(MISSED - 1, NODES[:2]) == []
    assert await stage.lists(1, NODES[:2]) == WITHOUT_PVE3


async def test_a_list_that_was_not_answered_breaks_the_row() -> None:
    stage = Stage(Proxmox(NODES[:2]))
    assert await stage.lists(MISSED - 1, NODES[:2]) == []
    stage.departed.interrupted()
    assert await stage.lists(MISSED - 1, NODES[:2]) == []
    assert await stage.lists(1, NODES[:2]) == WITHOUT_PVE3


async def test_a_member_is_not_gone_whatever_the_lists_say() -> None:
    assert await Stage(Proxmox()).lists(10, NODES[:2]) == []


async def test_what_a_node_without_a_cluster_says_proves_nothing() -> None:
    """It was taken out itself, and knows only of itself."""
    assert await Stage(Proxmox(["pve1"], name=None)).lists(10, ["pve1"]) == []


async def test_without_quorum_or_the_right_to_ask_for_it_no_node_is_gone() -> None:
    stage = Stage(Proxmox(NODES[:2]))
    stage.proxmox.quorate = False
    assert await stage.lists(10, NODES[:2]) == []
    stage = Stage(Proxmox(NODES[:2]))
    stage.picture.rights.take({"/": {"VM.Audit": 1}})
    assert await stage.lists(10, NODES[:2]) == []


async def test_a_storage_is_gone_when_the_token_would_see_it() -> None:
    stage = Stage(Proxmox())
    assert await stage.lists(MISSED - 1, storages=["local"]) == []
    assert await stage.lists(1, storages=["local"]) == WITHOUT_NFS
    assert stage.proxmox.asked == ["/storage/nfs"], "once for all nodes"


async def test_a_storage_that_is_hidden_from_the_token_is_not_gone_and_not_asked_for_all_the_time() -> None:
    stage = Stage(Proxmox())
    for hidden in ({"Datastore.AllocateSpace": 1}, None):
        stage.proxmox.on_storages = hidden
        stage.proxmox.asked.clear()
        stage.now += REST
        assert await stage.lists(MISSED + 10, storages=["local"]) == []
        assert stage.proxmox.asked == ["/storage/nfs"]
    stage.proxmox.on_storages = {"Datastore.Audit": 0}
    stage.now += REST
    assert await stage.lists(1, storages=["local"]) == WITHOUT_NFS


async def test_what_is_proven_and_could_not_be_written_is_said_with_the_next_list() -> None:
    stage = Stage(Proxmox(NODES[:2]))
    assert await stage.lists(MISSED, NODES[:2]) == WITHOUT_PVE3
    assert await stage.lists(1, NODES[:2]) == WITHOUT_PVE3
    stage = Stage(Proxmox())
    assert await stage.lists(MISSED + 1, storages=["local"]) == WITHOUT_NFS * 2


async def test_what_could_not_be_asked_for_yet_is_asked_for_as_soon_as_it_can_be() -> None:
    stage = Stage(Proxmox())
    stage.may_look = False
    assert await stage.lists(MISSED + 1, storages=["local"]) == []
    stage.may_look = True
    assert await stage.lists(1, storages=["local"]) == WITHOUT_NFS
