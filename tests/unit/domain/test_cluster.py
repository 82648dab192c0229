"""The cluster connection: commands, what a look finds, what a replica sees, what must be unique."""

from typing import Any

import pytest

from proximity.domain.claim.claim import Wish
from proximity.domain.cluster import commands as cmd
from proximity.domain.cluster import events as ev
from proximity.domain.cluster.decider import failed, found, postponed, taken, wishes
from proximity.domain.cluster.events import ClusterEvent, Findings, NodeIdentity, StorageSeen
from proximity.domain.cluster.state import INITIAL, Cluster, evolve
from proximity.domain.operation.cause import Cause
from support.deciders import NOON, given_cluster

CONNECT = cmd.ConnectCluster(
    operation_id="connect",
    cluster_id="c1",
    name="Home Lab",
    endpoints=("https://pve:8006",),
    token_id="app@pve!app",
    token_secret="vault-1",
    fingerprint="AA:BB",
)
CHECK = cmd.CheckCluster(operation_id="check", cluster_id="c1")
REMOVE = cmd.RemoveCluster(operation_id="remove", cluster_id="c1")
FINDINGS = Findings(
    version="9.2.11",
    proxmox_name="lab",
    nodes=(NodeIdentity(name="pve1", fingerprint="AA:BB"), NodeIdentity(name="pve2", fingerprint="CC:DD")),
    missing={},
)
WHY = Cause(code="node_unreachable", message="No node of it can be reached.")
REFUSED = Cause(code="credentials_refused", message="Proxmox does not accept the API token.")
REQUESTED = ev.ConnectRequested(
    operation_id="connect",
    name="Home Lab",
    slug="home-lab",
    endpoints=("https://pve:8006",),
    token_id="app@pve!app",
    token_secret="vault-1",
    fingerprint="AA:BB",
    ca=None,
    first_vmid=20000,
    last_vmid=29999,
    simulator=False,
)
CONNECTED = (
    REQUESTED,
    ev.ClusterConnected(operation_id="connect", findings=FINDINGS),
    ev.OperationSucceeded(operation_id="connect", kind="connect"),
)
FAILED = (REQUESTED, ev.OperationFailed(operation_id="connect", kind="connect", cause=WHY))


def test_connecting_is_requested() -> None:
    given_cluster().when(CONNECT).then(REQUESTED)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "!!"}, "invalid_name"),
        ({"endpoints": ()}, "no_endpoint"),
        ({"fingerprint": None}, "no_trust"),
        ({"first_vmid": 300, "last_vmid": 200}, "invalid_vmid_range"),
    ],
)
def test_what_cannot_be_connected_is_refused(changes: dict[str, Any], code: str) -> None:
    given_cluster().when(CONNECT.model_copy(update=changes)).rejected(code)


def test_a_ca_is_trust_enough() -> None:
    given_cluster().when(CONNECT.model_copy(update={"fingerprint": None, "ca": "PEM"})).then(
        REQUESTED.model_copy(update={"fingerprint": None, "ca": "PEM"})
    )


def test_a_cluster_id_is_used_once() -> None:
    given_cluster(REQUESTED).when(CONNECT).then_nothing()
    given_cluster(REQUESTED).when(CONNECT.model_copy(update={"operation_id": "x"})).rejected("cluster_exists")


@pytest.mark.parametrize("command", [CHECK, REMOVE])
def test_nothing_can_be_asked_of_a_cluster_that_never_was(command: cmd.ClusterCommand) -> None:
    given_cluster().when(command).rejected("cluster_not_found")


@pytest.mark.parametrize("command", [CHECK, REMOVE])
def test_while_it_is_looked_at_nothing_else_is_begun(command: cmd.ClusterCommand) -> None:
    given_cluster(REQUESTED).when(command).rejected("operation_in_flight")


def test_a_connected_cluster_is_checked_or_removed() -> None:
    given_cluster(*CONNECTED).when(CHECK).then(ev.CheckRequested(operation_id="check"))
    given_cluster(*CONNECTED).when(REMOVE).then(
        ev.ClusterRemoved(operation_id="remove"), ev.OperationSucceeded(operation_id="remove", kind="remove")
    )


def test_what_is_removed_is_gone_and_a_repeated_removal_is_handled() -> None:
    removed = (*CONNECTED, ev.ClusterRemoved(operation_id="remove"))
    given_cluster(*removed).when(REMOVE).then_nothing()
    given_cluster(*removed).when(CHECK).rejected("cluster_not_found")


def test_a_failed_connection_can_be_removed_and_nothing_else() -> None:
    given_cluster(*FAILED).when(CHECK).rejected("cluster_not_found")
    assert not given_cluster(*FAILED).when(REMOVE).no


def test_a_look_connects() -> None:
    state = given_cluster(REQUESTED).state
    assert found(state, "connect", FINDINGS) == list(CONNECTED[1:])
    assert found(state, "another", FINDINGS) == []
    assert found(given_cluster(*CONNECTED).state, "connect", FINDINGS) == []


def test_a_look_checks() -> None:
    state = given_cluster(*CONNECTED, ev.CheckRequested(operation_id="check")).state
    assert found(state, "check", FINDINGS) == [
        ev.ClusterChecked(operation_id="check", findings=FINDINGS),
        ev.OperationSucceeded(operation_id="check", kind="check"),
    ]


def test_an_old_proxmox_is_not_connected() -> None:
    [event] = found(given_cluster(REQUESTED).state, "connect", FINDINGS.model_copy(update={"version": "7.4-1"}))
    assert isinstance(event, ev.OperationFailed)
    assert event.cause.code == "version_unsupported"


def test_a_failed_check_leaves_the_cluster_connected() -> None:
    state = given_cluster(*CONNECTED, ev.CheckRequested(operation_id="check")).state
    [event] = failed(state, "check", WHY)
    assert event == ev.OperationFailed(operation_id="check", kind="check", cause=WHY)
    given_cluster(*CONNECTED, ev.CheckRequested(operation_id="check"), event).when(
        CHECK.model_copy(update={"operation_id": "check-2"})
    ).then(ev.CheckRequested(operation_id="check-2"))


STORAGE = StorageSeen(
    node="pve1", storage="btr", type="btrfs", content=("rootdir",), shared=False, active=True, total=100
)
LOST = ev.RightsLost(rights=("/pool/a: VM.Audit",))
CHANGED = STORAGE.model_copy(update={"active": False})


@pytest.mark.parametrize(
    ("past", "seen", "news"),
    [
        ((), ev.ClusterUnreachable(cause=WHY), True),
        ((), ev.ClusterReachable(), False),
        ((ev.ClusterUnreachable(cause=WHY),), ev.ClusterUnreachable(cause=WHY), False),
        ((ev.ClusterUnreachable(cause=WHY),), ev.ClusterUnreachable(cause=REFUSED), True),
        (
            (ev.ClusterUnreachable(cause=WHY), ev.ClusterUnreachable(cause=REFUSED)),
            ev.ClusterUnreachable(cause=WHY),
            False,
        ),
        ((ev.ClusterUnreachable(cause=WHY), ev.ClusterReachable()), ev.ClusterUnreachable(cause=WHY), True),
        ((ev.ClusterUnreachable(cause=WHY),), ev.ClusterReachable(), True),
        (
            (ev.ClusterUnreachable(cause=WHY), ev.ClusterUnreachable(cause=REFUSED), ev.ClusterReachable()),
            ev.ClusterReachable(),
            False,
        ),
        ((), LOST, True),
        ((LOST,), LOST, False),
        ((LOST,), LOST.model_copy(update={"rights": ("/: Sys.Audit",)}), True),
        ((), ev.RightsSettled(), False),
        ((LOST,), ev.RightsSettled(), True),
        ((), ev.NodeAppeared(node="pve1", online=True), True),
        ((ev.NodeAppeared(node="pve1", online=True),), ev.NodeAppeared(node="pve1", online=False), False),
        ((), ev.NodeWentOffline(node="pve1"), False),
        ((ev.NodeAppeared(node="pve1", online=True),), ev.NodeWentOffline(node="pve1"), True),
        ((ev.NodeAppeared(node="pve1", online=True),), ev.NodeCameOnline(node="pve1"), False),
        ((ev.NodeAppeared(node="pve1", online=False),), ev.NodeCameOnline(node="pve1"), True),
        ((), ev.StorageAppeared(storage=STORAGE), True),
        ((), ev.StorageReconfigured(storage=STORAGE), False),
        ((ev.StorageAppeared(storage=STORAGE),), ev.StorageAppeared(storage=STORAGE), False),
        ((ev.StorageAppeared(storage=STORAGE),), ev.StorageReconfigured(storage=STORAGE), False),
        ((ev.StorageAppeared(storage=STORAGE),), ev.StorageReconfigured(storage=CHANGED), True),
        ((), ev.CheckRequested(operation_id="not-an-observation"), False),
    ],
)
def test_only_news_is_written(past: tuple[ClusterEvent, ...], seen: ClusterEvent, news: bool) -> None:
    given_cluster(*CONNECTED, *past).when_happened(seen).then(*([seen] if news else []))


@pytest.mark.parametrize(
    "past",
    [
        (),
        (REQUESTED,),
        FAILED,
        (*CONNECTED, ev.CheckRequested(operation_id="check")),
        (*CONNECTED, ev.ClusterRemoved(operation_id="remove")),
    ],
)
def test_nothing_is_corrected_where_it_is_not_watched(past: tuple[ClusterEvent, ...]) -> None:
    given_cluster(*past).when_happened(ev.NodeAppeared(node="pve1", online=True)).then_nothing()


def wished(past: tuple[ClusterEvent, ...], event: ClusterEvent) -> list[Wish]:
    return wishes("c1", given_cluster(*past).state, event)


def test_a_name_and_every_certificate_belong_to_one_connection() -> None:
    assert wished((), REQUESTED) == [Wish("name", "cluster.home-lab", "take", "c1", "connect")]
    assert wished((REQUESTED,), CONNECTED[1]) == [
        Wish("fingerprint", "aabb", "take", "c1", "connect"),
        Wish("fingerprint", "ccdd", "take", "c1", "connect"),
    ]


def test_a_failed_connection_frees_its_name_and_a_failed_check_does_not() -> None:
    assert wished((REQUESTED,), FAILED[1]) == [Wish("name", "cluster.home-lab", "release", "c1", "connect")]
    check = ev.OperationFailed(operation_id="check", kind="check", cause=WHY)
    assert wished((*CONNECTED, ev.CheckRequested(operation_id="check")), check) == []


def test_removing_closes_the_cluster_to_applications_and_frees_the_rest() -> None:
    assert wished(CONNECTED, ev.ClusterRemoved(operation_id="remove")) == [
        Wish("tenancy", "c1", "close", "c1", "remove", shared=True),
        Wish("name", "cluster.home-lab", "release", "c1", "remove"),
        Wish("fingerprint", "aabb", "release", "c1", "remove"),
        Wish("fingerprint", "ccdd", "release", "c1", "remove"),
    ]


def test_an_application_and_a_cluster_may_have_the_same_name() -> None:
    [wish] = wished((), REQUESTED)
    assert "." in wish.key, "no application's slug can be this"


def test_a_look_is_begun_once_and_a_wait_is_said_once() -> None:
    state = evolve(INITIAL, REQUESTED, NOON)
    begun, said = taken(state, "connect", "one"), postponed(state, "connect", WHY)
    assert begun == [ev.StepTaken(operation_id="connect", runner="one")]
    assert said == [ev.StepPostponed(operation_id="connect", cause=WHY)]
    for event in (*begun, *said):
        state = evolve(state, event, NOON)
    assert taken(state, "connect", "one") == postponed(state, "connect", WHY) == []
    assert taken(state, "connect", "two") != []
    assert taken(state, "another", "two") == postponed(state, "another", WHY) == []


@pytest.mark.parametrize(
    ("known", "answers", "same"),
    [("lab", "lab", True), ("lab", None, False), ("lab", "other", False), (None, "lab", True), (None, None, True)],
)
def test_a_cluster_that_has_a_name_answers_by_it(known: str | None, answers: str | None, same: bool) -> None:
    """A node that was connected while it stood alone may have become a cluster since."""
    findings = FINDINGS.model_copy(update={"proxmox_name": known})
    state = evolve(INITIAL, REQUESTED, NOON)
    state = evolve(state, ev.ClusterConnected(operation_id="connect", findings=findings), NOON)
    assert isinstance(state, Cluster)
    assert state.is_named(answers) == same


def test_a_check_accepts_the_rights_that_were_lost() -> None:
    checked = (
        ev.CheckRequested(operation_id="check"),
        ev.ClusterChecked(operation_id="check", findings=FINDINGS),
        ev.OperationSucceeded(operation_id="check", kind="check"),
    )

    def state(*events: ClusterEvent) -> tuple[tuple[str, ...], bool]:
        found = given_cluster(*CONNECTED, *events).state
        assert isinstance(found, Cluster)
        return found.rights_lost, found.rights_accepted

    assert state(LOST) == (LOST.rights, False)
    assert state(*checked) == ((), False)
    assert state(LOST, *checked) == (LOST.rights, True)
    assert state(LOST, *checked, ev.RightsSettled()) == ((), False)
    assert state(LOST, *checked, LOST) == (LOST.rights, False)
