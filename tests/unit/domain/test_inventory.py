"""Observed nodes and storages against what the log says of them."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import observed
from proximity.domain.cluster.events import ClusterEvent, Findings, NodeIdentity, StorageSeen
from proximity.domain.cluster.inventory import Damping, Inventory, NodeSeen, unanswered
from proximity.domain.cluster.inventory import corrections as corrections_with
from proximity.domain.cluster.state import INITIAL, Cluster, State, evolve
from proximity.domain.damping import FORGOTTEN, MOST_SIGHTINGS
from proximity.domain.operation.cause import Cause
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


def corrections(state: State, seen: Inventory, before: Inventory) -> list[ClusterEvent]:
    """Of a cluster of which nothing came and went lately."""
    return corrections_with(state, seen, before, Damping(), NOON)[0]


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


# --- what comes and goes

EVERY = timedelta(seconds=5)
AN_HOUR = 720
WHY = Cause(code="node_unreachable", message="It does not answer.")
# looks in a row without an answer until that is told
FAILURES = 3
# a look: None: no answer
Look = Inventory | None
WELL = seen(node(), storage())


class Watched:
    """Looks five seconds apart, as the reconciler takes them. The log does what the corrections say."""

    def __init__(self) -> None:
        self.state, self.damping, self.before = cluster(*KNOWN), Damping(), NOTHING
        self.at, self.failures = NOON, 0
        self.told: list[ClusterEvent] = []

    def look(self, look: Look) -> list[ClusterEvent]:
        self.failures = self.failures + 1 if look is None else 0
        if look is None:
            often = self.failures >= FAILURES
            news, self.damping = unanswered(self.state, WHY, self.damping, self.at, often=often)
            self.before = NOTHING
        else:
            news, self.damping = corrections_with(self.state, look, self.before, self.damping, self.at)
            self.before = look.over(self.before)
        for event in news:
            self.state = evolve(self.state, event, self.at)
        self.told += news
        self.at += EVERY
        return news

    def looks(self, *looks: Look) -> str:
        """For each: whether something was told (!) or not (.)."""
        return "".join("!" if self.look(look) else "." for look in looks)

    @property
    def agrees(self) -> bool:
        """That all is well, by the log."""
        assert isinstance(self.state, Cluster)
        return self.state.reachable and all(self.state.nodes.values()) and self.state.storages[KEY].active


KEY = ("pve", "btr")
OFFLINE, INACTIVE = seen(node(online=False)), seen(node(), storage(active=False))
TROUBLES: list[Look] = [OFFLINE, INACTIVE, None]


def test_each_time_it_must_be_seen_twice_as_often_and_never_more_than_twelve_times() -> None:
    for trouble, first in ((OFFLINE, 2), (INACTIVE, 2), (None, FAILURES)):
        watched = Watched()
        for sightings in (first, first, 4, 8, 12, 12):
            assert watched.looks(*[trouble] * sightings, WELL) == "." * (sightings - 1) + "!!", trouble


def test_it_is_back_at_once_however_often_it_went() -> None:
    watched = Watched()
    for _ in range(20):
        watched.looks(*[OFFLINE] * MOST_SIGHTINGS)
        assert watched.look(WELL) == [ev.NodeCameOnline(node="pve")]
        watched.looks(*[None] * MOST_SIGHTINGS)
        assert watched.look(WELL) == [ev.ClusterReachable()]


def test_a_cluster_that_is_away_for_one_reason_after_another_is_away_all_the_same() -> None:
    watched, causes = Watched(), [WHY, WHY.model_copy(update={"code": "unanswered"})]
    for _ in range(5):
        watched.looks(*[None] * MOST_SIGHTINGS, WELL)
    told: list[ClusterEvent] = []
    for number in range(MOST_SIGHTINGS + 1):
        news, watched.damping = unanswered(
            watched.state, causes[number % 2], watched.damping, watched.at + number * EVERY, often=True
        )
        for event in news:
            watched.state = evolve(watched.state, event, NOON)
        told += news
    assert told == [ev.ClusterUnreachable(cause=cause) for cause in reversed(causes)]


def test_looks_without_an_answer_break_no_row_of_what_they_say_nothing_of() -> None:
    watched = Watched()
    for _ in range(5):
        watched.looks(*[OFFLINE] * MOST_SIGHTINGS, WELL)
    assert watched.looks(*[OFFLINE, OFFLINE, None] * 5, OFFLINE, OFFLINE).endswith(".!")


def test_a_storage_that_is_asked_for_now_and_then_is_seen_only_then() -> None:
    watched, unasked = Watched(), seen(node())
    for _ in range(2):
        watched.looks(INACTIVE, INACTIVE, WELL)
    assert watched.looks(*[INACTIVE, unasked, unasked] * 4) == "." * 9 + "!.."


def test_it_is_forgotten_after_ten_quiet_minutes() -> None:
    watched = Watched()
    for _ in range(4):
        watched.looks(*[OFFLINE] * MOST_SIGHTINGS, WELL)
    assert not watched.looks(*[WELL] * (FORGOTTEN // EVERY + 1)).strip(".")
    assert watched.looks(OFFLINE, OFFLINE) == ".!"


def test_another_thing_s_flapping_is_not_held_against_it() -> None:
    watched, other = Watched(), seen(node(), node("pve2"), storage())
    watched.look(other)
    for _ in range(4):
        watched.looks(*[OFFLINE] * MOST_SIGHTINGS, other)
    assert watched.looks(*[seen(node(), node("pve2", online=False))] * 2) == ".!"


FLAPPING = st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from(TROUBLES))


@forall(FLAPPING)
@settings(max_examples=30, deadline=None)
def test_what_flaps_for_an_hour_is_told_some_times_whatever_its_period(flapping: tuple[int, int, Look]) -> None:
    bad, good, trouble = flapping
    watched = Watched()
    watched.looks(*([trouble] * bad + [WELL] * good) * (AN_HOUR // (bad + good)))
    # each time but the first few it was so for a minute, and it was back once
    assert len(watched.told) <= 2 * (4 + AN_HOUR / max(bad + good, MOST_SIGHTINGS + 1))
    if bad < 4 and good < FORGOTTEN // EVERY:
        assert len(watched.told) <= 4, "what is never so for long is told twice"


@forall(st.lists(st.sampled_from([WELL, *TROUBLES]), max_size=120), st.sampled_from(TROUBLES))
@settings(max_examples=60, deadline=None)
def test_in_the_end_the_log_says_what_is_so(past: Sequence[Look], trouble: Look) -> None:
    watched = Watched()
    watched.looks(*past, WELL)
    assert watched.agrees, "good news at once"
    watched.looks(*past, *[trouble] * MOST_SIGHTINGS)
    assert not watched.agrees, "bad news within twelve looks"
    assert not watched.looks(*[trouble] * 5).strip("."), "and then nothing more"
