"""A proof that a guest is gone takes several requests: all of them or none, and that none is left says nothing."""

from types import SimpleNamespace
from typing import cast

from proximity.domain.drift import findings
from proximity.domain.finding import Finding
from proximity.proxmox.errors import GuestMissingError
from proximity.proxmox.observe import GuestConfig, GuestStatus, Membership, NodeSeen, Observer, Resources
from proximity.vault.hashes import ConfigurationHash
from proximity_reconciler.asking import Asker
from proximity_reconciler.budget import Budget
from proximity_reconciler.comparing import Comparison
from proximity_reconciler.glances import Glances
from proximity_reconciler.knowledge import Knowledge
from proximity_reconciler.looking import PROOF, REQUESTS
from proximity_reconciler.picture import Picture
from proximity_reconciler.publishing import Publisher
from support.comparing import app
from support.deciders import NOON

VMID = 101
# of so many a minute a third is for direct looks: just enough for one proof
A_MINUTE = 3 * (REQUESTS + PROOF)


class Node:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.quorate = True

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        self.asked.append("config")
        raise GuestMissingError("no such guest", 500)

    async def guest_status(self, node: str, vmid: int) -> GuestStatus:
        self.asked.append("status")
        raise GuestMissingError("no such guest", 500)

    async def vmid_in_use(self, vmid: int) -> bool:
        self.asked.append("number")
        return False

    async def membership(self) -> Membership:
        self.asked.append("members")
        return Membership("home", self.quorate, frozenset({"pve1"}))


class Stage:
    """A complete list that lacks an application's container."""

    def __init__(self, a_minute: int = A_MINUTE) -> None:
        self.node = Node()
        self.picture = Picture()
        self.picture.rights.take({"/": {"VM.Audit": 1, "Sys.Audit": 1}})
        self.picture.quorate = True
        self.picture.take(NOON, Resources((), (NodeSeen("pve1", True, None),)), [VMID], [])
        self.budget = Budget(a_minute, lambda: 0.0)
        self.asker = Asker("c1", self.picture, self.budget, lambda: NOON)
        self.glances = Glances(
            "c1",
            self.asker,
            self.budget,
            cast(Publisher, None),
            ConfigurationHash(b"k" * 32),
            lambda: NOON,
            lambda: 0.0,
        )

    async def look(self, node: str = "pve1", *told: Finding) -> None:
        """`told`: what is open already."""
        comparison = SimpleNamespace(suspects=[VMID], strangers=SimpleNamespace(to_prove_gone=list))
        knowledge = SimpleNamespace(desired=lambda cluster_id: [app(*told, vmid=VMID, node=node)])
        await self.glances.take(
            cast(Observer, self.node), cast(Comparison, comparison), cast(Knowledge, knowledge), lambda: False
        )


async def test_a_proof_that_is_begun_is_finished() -> None:
    stage = Stage()
    for _ in range(A_MINUTE - REQUESTS - PROOF):
        assert stage.budget.take()
    await stage.look()
    assert stage.node.asked == ["config", "status", "number", "members"]
    assert stage.picture.looks[VMID].state == "gone"
    assert not stage.budget.take()


async def test_a_proof_that_could_not_be_finished_is_not_begun() -> None:
    stage = Stage()
    assert stage.budget.take_look()
    await stage.look()
    assert stage.node.asked == []
    assert stage.glances.waiting


async def test_a_proof_that_only_repeats_what_is_told_leaves_the_requests_to_what_has_just_happened() -> None:
    stage = Stage(2 * A_MINUTE)
    await stage.look("pve1", findings.gone(VMID))
    assert stage.node.asked == ["config", "status", "number", "members"]
    await stage.look("pve1", findings.gone(VMID))
    assert len(stage.node.asked) == REQUESTS + PROOF
    assert all(stage.budget.take_look(urgent=True) for _ in range(REQUESTS + PROOF))


async def test_that_nobody_could_ask_for_the_quorum_does_not_mean_that_it_is_lost() -> None:
    stage = Stage()
    while stage.budget.take():
        pass
    assert not await stage.asker.members(cast(Observer, stage.node))
    assert stage.node.asked == []
    assert stage.picture.complete


async def test_who_is_deposed_in_the_middle_of_a_proof_asks_no_further() -> None:
    stage = Stage()
    stage.budget.leads = lambda: not stage.node.asked
    await stage.look()
    assert stage.node.asked == ["config", "status"]
    assert not await stage.asker.members(cast(Observer, stage.node), paid=True)
    assert "members" not in stage.node.asked


async def test_the_quorum_is_asked_for_although_the_token_could_not_ask_when_its_rights_were_read() -> None:
    """Nodes that are all online tell who may not ask that none is cut off. Who may ask by now sees that they are."""
    stage = Stage()
    stage.picture.rights.take({"/": {"VM.Audit": 1}})
    stage.picture.rights.remember((), accepted=True)
    stage.picture.quorate = None
    assert stage.picture.complete
    stage.node.quorate = False
    await stage.look()
    assert stage.node.asked == ["config", "status", "number", "members"]
    assert stage.picture.looks == {}
    assert not stage.picture.rights.asked, "they are to be read again"


async def test_a_node_that_was_taken_out_of_its_cluster_proves_nothing_about_it() -> None:
    stage = Stage()
    stage.asker.is_named = lambda name: name == "before"
    await stage.look()
    assert stage.picture.looks == {}
    assert not stage.picture.complete


async def test_what_was_on_a_node_that_left_the_cluster_is_looked_for_on_another_one() -> None:
    stage = Stage()
    await stage.asker.members(cast(Observer, stage.node))
    await stage.look(node="pve9")
    assert (stage.picture.looks[VMID].state, stage.picture.looks[VMID].node) == ("gone", "pve1")


async def test_a_node_that_is_not_listed_and_not_known_to_have_left_is_not_asked_for() -> None:
    """Proxmox takes seconds to find that it has no such node, and a node that was taken out knows of no other."""
    for members in (None, frozenset({"pve1", "pve9"})):
        stage = Stage()
        stage.picture.members = members
        await stage.look(node="pve9")
        assert stage.node.asked == []
        assert not stage.glances.waiting
