"""Observed nodes and storages against what the log says of them."""

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent, Findings, NodeIdentity, StorageSeen
from proximity.domain.cluster.inventory import Inventory, NodeSeen, corrections
from proximity.domain.cluster.state import INITIAL, Cluster, State, evolve
from support.deciders import NOON, fold

CONNECTED: list[ClusterEvent] = [
    ev.ConnectRequested(
        operation_id="connect",
        name="Home",
        slug="home",
        endpoints=("https://pve:8006",),
        token_id="app@pve!app",
        token_secret="vault-1",
        fingerprint="AA:BB",
        ca=None,
        first_vmid=20000,
        last_vmid=29999,
        simulator=False,
    ),
    ev.ClusterConnected(
        operation_id="connect",
        findings=Findings(version="9.2.11", proxmox_name=None, nodes=(NodeIdentity(name="pve"),), missing={}),
    ),
    ev.OperationSucceeded(operation_id="connect", kind="connect"),
]
GIB = 1024**3


def cluster(*events: ClusterEvent) -> State:
    state: State = fold(INITIAL, evolve, [*CONNECTED, *events])
    return state


def node(name: str = "pve", *, online: bool = True) -> NodeSeen:
    return NodeSeen(name, online, cpus=8 if online else None, memory=32 * GIB if online else None)


def storage(name: str = "btr", *, active: bool = True, total: int | None = 100 * GIB) -> StorageSeen:
    return StorageSeen(
        node="pve", storage=name, type="btrfs", content=("rootdir",), shared=False, active=active, total=total
    )


def seen(*things: NodeSeen | StorageSeen) -> Inventory:
    return Inventory(
        tuple(t for t in things if isinstance(t, NodeSeen)), tuple(t for t in things if isinstance(t, StorageSeen))
    )


NOTHING = Inventory()
KNOWN = (
    ev.NodeAppeared(node="pve", online=True, cpus=8, memory=32 * GIB),
    ev.StorageAppeared(storage=storage()),
)


def test_new_nodes_and_storages_appear() -> None:
    assert corrections(cluster(), seen(node(), storage()), NOTHING) == list(KNOWN)


def test_an_unchanged_cluster_needs_no_correction() -> None:
    assert corrections(cluster(*KNOWN), seen(node(), storage()), NOTHING) == []


def test_nothing_is_said_of_a_cluster_that_is_not_connected_or_being_looked_at() -> None:
    assert corrections(INITIAL, seen(node()), NOTHING) == []
    assert corrections(cluster(ev.CheckRequested(operation_id="check")), seen(node()), NOTHING) == []


def test_an_empty_answer_is_no_evidence_that_anything_is_gone() -> None:
    assert corrections(cluster(*KNOWN), NOTHING, NOTHING) == []


def test_a_node_is_offline_when_that_is_seen_twice() -> None:
    once = seen(node(online=False))
    assert corrections(cluster(*KNOWN), once, seen(node())) == []
    assert corrections(cluster(*KNOWN), once, once) == [ev.NodeWentOffline(node="pve")]


def test_a_node_is_back_at_once() -> None:
    state = cluster(*KNOWN, ev.NodeWentOffline(node="pve"))
    assert corrections(state, seen(node()), seen(node(online=False))) == [ev.NodeCameOnline(node="pve")]


def test_a_storage_is_inactive_when_that_is_seen_twice_and_keeps_its_size() -> None:
    once = seen(storage(active=False, total=0))
    assert corrections(cluster(*KNOWN), once, seen(storage())) == []
    assert corrections(cluster(*KNOWN), once, once) == [ev.StorageReconfigured(storage=storage(active=False))]


def test_a_storage_with_other_content_is_reconfigured() -> None:
    other = storage().model_copy(update={"content": ("rootdir", "vztmpl")})
    assert corrections(cluster(*KNOWN), seen(other), NOTHING) == [ev.StorageReconfigured(storage=other)]


def test_a_size_that_moves_a_little_is_the_same_size() -> None:
    assert corrections(cluster(*KNOWN), seen(storage(total=99 * GIB)), NOTHING) == []
    grown = storage(total=200 * GIB)
    assert corrections(cluster(*KNOWN), seen(grown), NOTHING) == [ev.StorageReconfigured(storage=grown)]


def test_what_was_not_asked_is_taken_from_the_look_before() -> None:
    elsewhere = storage("local").model_copy(update={"node": "pve2"})
    newer, older = seen(node(), storage(active=False)), seen(node(online=False), storage(), elsewhere)
    assert newer.over(older) == Inventory((node(),), (elsewhere, storage(active=False)))


NODES = st.builds(
    NodeSeen,
    st.sampled_from(["a", "b", "c"]),
    st.booleans(),
    st.none() | st.integers(1, 64),
    st.none() | st.integers(1, 2**40),
)
STORAGES = st.builds(
    StorageSeen,
    node=st.sampled_from(["a", "b"]),
    storage=st.sampled_from(["local", "btr"]),
    type=st.sampled_from(["dir", "btrfs"]),
    content=st.sampled_from([("rootdir",), ("vztmpl", "backup")]),
    shared=st.booleans(),
    active=st.booleans(),
    total=st.none() | st.integers(0, 1000),
)
LOOKS = st.builds(
    Inventory,
    st.lists(NODES, unique_by=lambda n: n.name, max_size=3).map(tuple),
    st.lists(STORAGES, unique_by=lambda s: (s.node, s.storage), max_size=4).map(tuple),
)


@forall(st.lists(LOOKS, min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_after_a_correction_a_second_pass_finds_nothing(looks: list[Inventory]) -> None:
    state, before = cluster(), NOTHING
    for look in looks:
        for event in corrections(state, look, before):
            state = evolve(state, event, NOON)
        assert corrections(state, look, before) == []
        before = look


@forall(LOOKS)
@settings(max_examples=200, deadline=None)
def test_what_is_seen_twice_in_a_row_is_what_the_log_says(look: Inventory) -> None:
    state = cluster()
    for _ in range(2):
        for event in corrections(state, look, look):
            state = evolve(state, event, NOON)
    assert isinstance(state, Cluster)
    assert state.nodes == {n.name: n.online for n in look.nodes}
    assert {key: s.active for key, s in state.storages.items()} == {
        (s.node, s.storage): s.active for s in look.storages
    }


def test_what_is_gone_is_told_once_and_appears_again_when_it_is_back() -> None:
    gone: list[ClusterEvent] = [ev.StorageGone(node="pve", storage="btr"), ev.NodeGone(node="pve")]
    state = cluster(*KNOWN)
    for event in gone:
        assert observed(state, event) == [event]
        state = evolve(state, event, NOON)
        assert observed(state, event) == []
    assert isinstance(state, Cluster)
    assert (state.nodes, state.storages) == ({}, {})
    assert corrections(state, seen(node(), storage()), NOTHING) == list(KNOWN)


def test_the_storages_of_a_node_go_with_it() -> None:
    state = cluster(*KNOWN, ev.NodeGone(node="pve"))
    assert isinstance(state, Cluster)
    assert state.storages == {}


def test_nothing_is_gone_while_the_cluster_is_being_looked_at() -> None:
    assert observed(cluster(*KNOWN, ev.CheckRequested(operation_id="check")), ev.NodeGone(node="pve")) == []
