"""Given an application and a view of its cluster: what is found. A list alone proves nothing; a direct look does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Baseline
from proximity.domain.drift import Desired, Drift, FirstSeen, Known, Listed, Look, Moved, View, find_drift, findings
from proximity.domain.drift.configuration import comparable
from proximity.domain.drift.findings import LOCK_LEFT
from proximity.domain.drift.history import PROOF_LASTS
from proximity.domain.finding import Finding
from support.comparing import (
    APP,
    ENVIRONMENT,
    GONE,
    INSTALLATION,
    LISTED,
    LOOK,
    MARKER,
    MISSED,
    VALUES,
    app,
    compared,
    found,
    later,
    look,
    view,
)

STOPPED = findings.stopped_outside()
STARTED = findings.started_outside()
IS_GONE = findings.gone(105)
TAKEN = findings.vmid_taken(105)
RENAMED = findings.renamed(105, "wiki", "wicky")
MEMORY = findings.configuration_changed("memory", "512", "1024")
LOCKED = findings.lock_left(105, "backup")
UNMARKED = findings.marker_removed(MARKER)
UNSEEN = findings.unseen(105)
FORBIDDEN = Look(later(20), "forbidden", "pve1")
OTHER_CARD = {"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:FF:FF:FF,ip=dhcp,type=veth"}
LONG = {105: ("backup", later(20) - LOCK_LEFT - (later(1) - later(0)))}


def test_a_container_as_it_should_be() -> None:
    assert compared(app(), view(look())) == []


@pytest.mark.parametrize(
    ("desired", "seen", "keys"),
    [
        (app(), look(running=False), {"stopped_outside"}),
        (app(power="stopped"), look(), {"started_outside"}),
        (app(power="stopped"), look(running=False), set()),
        (app(power=None), look(running=False), set()),
        (app(), look(hostname="wicky"), {"renamed"}),
        (app(), look(hostname=None), {"renamed"}),
        (app(hostname=""), look(hostname=None), set()),
        (app(hostname="CT105"), look(hostname=None), set()),
        (app(hostname=""), look(hostname="wicky"), {"renamed"}),
        (app(), look(markers=()), {"marker_removed"}),
        (app(), look(markers=(replace(MARKER, operation="o2"),)), {"marker_removed"}),
        (app(), look(markers=(MARKER, replace(MARKER, vmid=7))), set()),
        (app(), look(running=False, hostname="x", markers=()), {"stopped_outside", "renamed", "marker_removed"}),
        (app(), look({"memory": "1024"}), {"configuration_changed:memory"}),
        (app(), look({"cores": None}), {"configuration_changed:cores"}),
        (app(), look({"mp0": "local-lvm:vm-105-disk-1,mp=/data,size=4G"}), {"configuration_changed:mp0"}),
        (
            app(),
            look({"onboot": "1", "nameserver": "1.1.1.1"}),
            {f"configuration_changed:{k}" for k in ("onboot", "nameserver")},
        ),
        (app(), look({"rootfs": "local-lvm:vm-105-disk-0,size=9G"}), {"configuration_changed:rootfs"}),
        (app(), look({"rootfs": "other:vm-105-disk-3,size=8G"}), set()),
        (app(), look({"net0": "bridge=vmbr0,hwaddr=BC:24:11:00:01:05,ip=dhcp,name=eth0,type=veth"}), set()),
        (app(), look(OTHER_CARD), {"configuration_changed:net0"}),
        (app(), look({"tags": "x", "digest": "d", "parent": "snap", "description": "d", "lock": "backup"}), set()),
        (app(), look(environment={"TOKEN": "another"}), {"configuration_changed:env.TOKEN"}),
        (app(), look(environment={}), {"configuration_changed:env.TOKEN"}),
        (app(), look(environment=ENVIRONMENT | {"NEW": "x"}), {"configuration_changed:env.NEW"}),
        (app(), look(markers=(), values=OTHER_CARD), {"vmid_taken"}),
        (app(), look(markers=(Marker(INSTALLATION, "a2", "o7", 105),)), {"vmid_taken"}),
        (app(), look(markers=(Marker("another", "a1", "o1", 105),)), {"vmid_taken"}),
        (app(IS_GONE, baseline=None), look(markers=()), {"vmid_taken"}),
        (app(baseline=None), look(markers=()), {"marker_removed"}),
    ],
)
def test_what_a_look_shows(desired: Desired, seen: Look, keys: set[str]) -> None:
    assert set(found(compared(desired, view(seen)))) == keys


@pytest.mark.parametrize("desired", [app(), app(baseline=None), app(RENAMED, UNMARKED, MEMORY)])
def test_a_virtual_machine_is_never_the_container(desired: Desired) -> None:
    machine = Look(later(20), "there", "pve1", values={"type": "qemu"})
    assert set(found(compared(desired, view(machine)))) == {"vmid_taken"}


def test_all_that_is_open_and_proven_otherwise_is_not_found_any_more() -> None:
    everything = app(STOPPED, RENAMED, MEMORY, LOCKED, UNMARKED, IS_GONE, TAKEN, UNSEEN)
    assert compared(everything, view(look())) == []


UNPROVEN = {
    "no look yet": view(None),
    "the look is as old as the last event": view(look(running=False, at=APP.since)),
    "the view is partial": view(look(running=False), complete=False),
    "its node is away": view(look(running=False), complete=False, quorate=True, away=frozenset({"pve1"})),
    "it is listed on a node that is away": view(
        look(running=False), replace(LISTED, node="pve2"), complete=False, quorate=True, away=frozenset({"pve2"})
    ),
    "it is on another node": view(look(state="elsewhere", running=None, values={}, hostname=None, markers=())),
    "the list alone says that it is stopped": view(None, replace(LISTED, running=False)),
    "it is not in the list": view(None, None, missing={105: MISSED}),
    "gone, but seldom missed": view(GONE, None, missing={105: MISSED[:-1]}),
    "gone, but the look is older than the last of the lists": view(
        replace(GONE, at=MISSED[-1]), None, missing={105: MISSED}
    ),
    "gone, but that was a while ago": replace(
        view(GONE, None, missing={105: MISSED}), at=GONE.at + PROOF_LASTS + timedelta(milliseconds=1)
    ),
    "gone, but the view is partial": view(GONE, None, missing={105: MISSED}, complete=False),
    "gone, but the list is partial": view(GONE, None, missing={105: MISSED}, complete=False, quorate=True),
}


@pytest.mark.parametrize("open_", [(), (STOPPED, RENAMED, MEMORY, LOCKED, UNMARKED), (IS_GONE,), (TAKEN,)])
@pytest.mark.parametrize("unproven", UNPROVEN.values(), ids=UNPROVEN.keys())
def test_what_is_not_proven_opens_nothing_and_closes_nothing(unproven: View, open_: tuple[Finding, ...]) -> None:
    assert list(found(compared(app(*open_), unproven)).values()) == list(open_)


@pytest.mark.parametrize("open_", [(), (STOPPED, MEMORY)])
@pytest.mark.parametrize("seen", [look(running=False, hostname="x", markers=()), look(), look(node="pve2"), GONE])
def test_while_an_operation_is_in_flight_nothing_is_said(seen: Look, open_: tuple[Finding, ...]) -> None:
    busy = app(*open_, busy=True, baseline=None)
    differences = compared(busy, view(seen, missing={105: MISSED}))
    assert found(differences) == {f.key: f for f in open_}
    assert len(differences) == len(open_)


@pytest.mark.parametrize("open_", [(), (STOPPED, RENAMED, MEMORY), (IS_GONE,), (TAKEN,), (UNSEEN,)])
def test_what_the_token_may_not_see_is_told_and_closes_nothing(open_: tuple[Finding, ...]) -> None:
    unseen = found(compared(app(*open_), view(FORBIDDEN)))
    assert set(unseen) == {"unseen", *(f.key for f in open_)}
    assert "VM.Audit on /vms/105" in unseen["unseen"].message


@pytest.mark.parametrize(
    "unproven",
    [
        view(replace(FORBIDDEN, at=APP.since)),
        view(FORBIDDEN, complete=False),
        view(replace(FORBIDDEN, state="elsewhere")),
    ],
)
def test_whether_the_token_may_see_it_has_to_be_proven(unproven: View) -> None:
    assert compared(app(), unproven) == []
    assert set(found(compared(app(UNSEEN), unproven))) == {"unseen"}


@pytest.mark.parametrize(
    "seen", [look(), Look(later(20), "there", "pve1", running=True), Look(later(20), "there", "pve2", running=True)]
)
def test_what_the_token_sees_again_is_unseen_no_more(seen: Look) -> None:
    assert found(compared(app(UNSEEN), view(seen))) == {}


def test_gone_is_proven_by_the_lists_and_then_by_a_look() -> None:
    proven = view(GONE, None, missing={105: MISSED})
    assert set(found(compared(app(), proven))) == {"gone"}
    assert set(found(compared(app(STOPPED, MEMORY, TAKEN), proven))) == {"gone"}


def test_a_direct_look_counts_although_another_node_is_away_if_the_cluster_is_quorate() -> None:
    seen = view(look(running=False), complete=False, quorate=True, away=frozenset({"pve2"}))
    assert set(found(compared(app(), seen))) == {"stopped_outside"}


def test_a_look_at_its_status_alone_tells_its_power_and_leaves_the_rest() -> None:
    status = Look(at=later(20), state="there", node="pve1", running=False)
    assert list(found(compared(app(MEMORY), view(status)))) == [MEMORY.key, "stopped_outside"]
    running = replace(status, running=True)
    assert list(found(compared(app(MEMORY, STOPPED), view(running)))) == [MEMORY.key]
    assert list(found(compared(app(IS_GONE), view(status)))) == ["gone"]
    assert list(found(compared(app(MEMORY), view(replace(status, node="pve2"))))) == [MEMORY.key]


def test_a_look_at_its_configuration_alone_leaves_what_was_said_of_its_power() -> None:
    assert set(found(compared(app(STOPPED), view(look(running=None))))) == {"stopped_outside"}


def test_moved_is_told_only_of_what_carries_exactly_our_marker() -> None:
    there = Listed(105, "pve2", "wiki", True)
    assert compared(app(), view(look(node="pve2"), there)) == [Moved("a1", 105, "pve2", "pve1")]
    unmarked = compared(app(), view(look(node="pve2", markers=()), there))
    assert [type(d).__name__ for d in unmarked] == ["Drift"]
    assert set(found(unmarked)) == {"marker_removed"}
    stranger = compared(app(), view(look(OTHER_CARD, node="pve2", markers=()), there))
    assert set(found(stranger)) == {"vmid_taken"}


def test_the_first_good_look_is_what_later_changes_are_told_by() -> None:
    new = app(MEMORY, baseline=None)
    first = FirstSeen("a1", 105, Baseline(comparable(VALUES), ENVIRONMENT))
    assert compared(new, view(look())) == [first]
    assert compared(replace(new, open={}), view(look(markers=()))) != [first]
    assert list(found(compared(new, view(look(markers=()))))) == ["marker_removed", MEMORY.key]
    assert compared(new, view(look(values=dict.fromkeys(VALUES)))) == compared(new, view(None))


def test_what_is_told_of_the_environment_is_only_that_it_differs() -> None:
    finding = found(compared(app(), view(look(environment={"TOKEN": "0badcafe"}))))["configuration_changed:env.TOKEN"]
    told = finding.model_dump_json(exclude={"setting"})
    assert (finding.expected, finding.observed) == ("", "")
    assert "0badcafe" not in told
    assert ENVIRONMENT["TOKEN"] not in told


def test_what_is_told_of_the_command_line_is_only_that_it_differs() -> None:
    before = Baseline(comparable(VALUES | {"entrypoint": "5e884898"}), ENVIRONMENT)
    seen = look({"entrypoint": "0badcafe"})
    finding = found(compared(app(baseline=before), view(seen)))["configuration_changed:entrypoint"]
    assert (finding.expected, finding.observed) == ("", "")
    assert not {"0badcafe", "5e884898"} & set(finding.message.replace(".", " ").split())
    assert compared(app(baseline=before), view(look({"entrypoint": "5e884898"}))) == []


class TestLocks:
    def test_a_lock_is_left_if_it_is_there_for_longer_than_ten_minutes(self) -> None:
        assert set(found(compared(app(), view(look(lock="backup"), locked=LONG)))) == {"lock_left"}

    @pytest.mark.parametrize(
        "locked", [{}, {105: ("backup", later(20) - LOCK_LEFT)}, {105: ("snapshot", LONG[105][1])}]
    )
    def test_a_young_or_another_lock_is_not(self, locked: dict[int, tuple[str, object]]) -> None:
        assert compared(app(), view(look(lock="backup"), locked=locked)) == []

    def test_the_look_counts_and_not_the_list(self) -> None:
        assert compared(app(), view(look(lock=None), locked=LONG)) == []

    def test_a_lock_that_was_said_stays_said_after_a_restart_and_ends_with_the_lock(self) -> None:
        assert set(found(compared(app(LOCKED), view(look(lock="backup"))))) == {"lock_left"}
        assert compared(app(LOCKED), view(look(lock="snapshot"))) == []


class TestGuestsThatNoApplicationHas:
    OURS = Marker(INSTALLATION, "a9", "o9", 105)
    ORPHAN = findings.orphan(105, "old wiki")
    COPIED = findings.marker_copied(104, "old wiki")

    @pytest.mark.parametrize(
        ("markers", "expected"),
        [
            ((), []),
            ((OURS,), [ORPHAN]),
            ((replace(OURS, application="a0"),), [findings.orphan(105, None)]),
            ((replace(OURS, vmid=104),), [COPIED]),
            ((replace(OURS, vmid=104), OURS), [ORPHAN]),
            ((replace(OURS, installation="another"),), []),
        ],
    )
    def test_whose_marker_it_carries(self, markers: tuple[Marker, ...], expected: list[Finding]) -> None:
        differences = compared(None, view(look(markers=markers)))
        assert list(found(differences).values()) == expected
        assert all(getattr(d, "application_id", "") is None for d in differences)

    @pytest.mark.parametrize("vmid", [105, 104])
    def test_a_restore_on_another_cluster_is_a_copy_of_what_is_there(self, vmid: int) -> None:
        seen = view(look(markers=(replace(self.OURS, vmid=vmid),)))
        owner = Known("old wiki", APP.since, has_container=True)
        [finding] = find_drift([], seen, INSTALLATION, {"a9": owner})
        assert finding == Drift(None, 105, findings.marker_copied(vmid, "old wiki", elsewhere=True))
        assert finding.finding.message.startswith(f"It is a copy of container {vmid} (old wiki) of another cluster")

    def test_what_its_application_on_this_cluster_left_behind_is_no_copy(self) -> None:
        owner = {"a9": Known("old wiki", APP.since, has_container=True)}
        differences = find_drift(
            [app(vmid=106, application_id="a9")], view(look(markers=(self.OURS,))), INSTALLATION, owner
        )
        assert found(differences) == {"orphan": self.ORPHAN}

    @pytest.mark.parametrize("open_", [[], [ORPHAN]])
    @pytest.mark.parametrize(
        "unproven",
        [
            view(None),
            view(GONE),
            view(look(markers=(OURS,)), None),
            view(look(markers=()), None),
            view(look(markers=()), complete=False),
            view(look(markers=()), complete=False, quorate=True, away=frozenset({"pve1"})),
            view(look(markers=(), state="forbidden")),
            view(Look(at=later(20), state="there", node="pve1", running=True)),
        ],
    )
    def test_what_is_not_proven_changes_nothing(self, unproven: View, open_: list[Finding]) -> None:
        assert list(found(compared(None, unproven, open_)).values()) == open_

    def test_it_is_over_once_the_marker_is_off(self) -> None:
        assert compared(None, view(look(markers=())), [self.ORPHAN]) == []

    def test_a_look_from_before_its_application_was_deleted_says_nothing(self) -> None:
        early = look(markers=(self.OURS,), at=APP.since)
        assert compared(None, view(early)) == []
        assert list(found(compared(None, view(early), [self.ORPHAN])).values()) == [self.ORPHAN]

    def test_nothing_is_said_while_the_marker_s_application_is_busy(self) -> None:
        busy = app(vmid=106, busy=True, application_id="a9")
        assert compared(busy, view(look(markers=(self.OURS,)))) == []

    def test_a_guest_that_an_application_has_is_no_orphan(self) -> None:
        assert compared(app(), view(LOOK), [self.ORPHAN]) == []


@pytest.mark.parametrize(
    "finding", [STOPPED, STARTED, IS_GONE, TAKEN, RENAMED, MEMORY, LOCKED, UNMARKED, UNSEEN, findings.orphan(105, None)]
)
def test_a_finding_says_what_is_so_what_should_be_and_what_to_do(finding: Finding) -> None:
    assert finding.key.partition(":")[0] == finding.kind
    assert finding.message[0].isupper()
    assert len(finding.message.split(". ")) >= 2 or ": " in finding.message
    assert finding.expected or finding.observed
