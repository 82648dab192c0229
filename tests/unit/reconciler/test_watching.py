"""The parts of a watch, each on its own: the tasks, the rights, the list, the guests of nobody, figures."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from proximity.domain.application import events as app
from proximity.domain.drift import End, Followed
from proximity.domain.guest import events as ev
from proximity.domain.guest import state as guest
from proximity.messaging.envelope import Actor, Metadata, Recorded
from proximity.messaging.event_store import Loaded
from proximity.proxmox.observe import GuestSeen, NodeSeen, Resources, Task
from proximity_reconciler.figures import GuestFigures
from proximity_reconciler.guessing import guess
from proximity_reconciler.knowledge import Guests, Knowledge
from proximity_reconciler.picture import Picture
from proximity_reconciler.publishing import pages
from proximity_reconciler.rights import Rights
from proximity_reconciler.strangers import Strangers
from proximity_reconciler.tasks import CLOCKS_DIFFER, TaskLog
from support.comparing import look
from support.deciders import NOON
from support.life import SPEC

OURS, STRANGER = "proximity@pve!t", "root@pam"
GIB = 1 << 30
# what a NATS server takes in one message unless it is told otherwise
MAX_PAYLOAD = 1 << 20
SEEN = GuestSeen(
    *(101, "pve1", "lxc", "jellyfin", "running"),
    cpus=2, memory=2 * GIB, disk=8 * GIB, cpu=0.1, memory_used=GIB, disk_used=GIB, netin=10, netout=10, uptime=100,
)  # fmt: skip
EVERYTHING = {"/": {"VM.Audit": 1, "Pool.Audit": 1, "Sys.Audit": 1}}


def listed(*guests: GuestSeen, away: tuple[str, ...] = ()) -> Resources:
    return Resources(guests, tuple(NodeSeen(node, node not in away, None) for node in ("pve1", "pve2")))


def picture(*guests: GuestSeen, away: tuple[str, ...] = (), lists: int = 1) -> Picture:
    made = Picture()
    made.rights.take(EVERYTHING)
    made.quorate = True
    for number in range(lists):
        made.take(NOON + timedelta(seconds=5 * number), listed(*guests, away=away), [], [])
    return made


def task(kind: str, start: int, *, user: str = STRANGER, vmid: int = 101, running: bool = False) -> Task:
    """`start`: seconds after noon; it takes no time."""
    at = int(NOON.timestamp()) + start
    upid = f"UPID:pve1:00000001:00000001:{at:08X}:{kind}:{vmid}:{user}:"
    return Task(upid, "pve1", kind, str(vmid), user, at, running, *((None, None) if running else ("OK", at)))


# --- tasks


def test_how_a_task_ended_is_remembered() -> None:
    tasks = TaskLog(OURS)
    done, at_work = task("vzstart", 1, user=OURS), task("vzstop", 2, user=OURS, running=True)
    tasks.take(NOON, [done, at_work])
    tasks.take(NOON, [at_work])
    assert tasks.ends([done.upid, at_work.upid, "UPID:unknown"]) == {done.upid: End("OK", done.starttime)}


def test_a_foreign_task_that_ended_asks_for_a_look_once() -> None:
    tasks = TaskLog(OURS)
    old = task("vzstop", 1)
    assert tasks.take(NOON, [old]) == {}, "what had ended before is no news"
    assert tasks.take(NOON, [old, task("vzstart", 2, running=True)]) == {}
    ended = [old, task("vzstart", 2), task("vzstart", 3, user=OURS, vmid=102), task("resize", 3, vmid=103)]
    assert tasks.take(NOON, ended) == {101: True, 103: False}
    assert tasks.take(NOON, ended) == {}


@pytest.mark.parametrize(
    ("tasks", "kind", "explained"),
    [
        ([task("vzstop", 1)], "stopped_outside", "vzstop"),
        ([task("vzshutdown", 1, running=True)], "stopped_outside", "vzshutdown"),
        ([task("vzstop", 1), task("vzstart", 2)], "stopped_outside", None),
        ([task("vzstart", 1), task("vzstop", 1)], "stopped_outside", "vzstop"),
        ([task("vzstop", 1), task("vzstart", 2, user=OURS)], "stopped_outside", None),
        ([task("vzstop", 1, user=OURS)], "stopped_outside", None),
        ([task("vzstop", 1, vmid=102)], "stopped_outside", None),
        ([task("vzmigrate", 1)], "moved", "vzmigrate"),
        ([task("vzdestroy", 1)], "gone", "vzdestroy"),
        ([], "gone", None),
        ([task("vzstop", 1)], "unseen", None),
        ([task("resize", 1)], "configuration_changed:rootfs", "resize"),
        ([task("resize", 1)], "configuration_changed:mp0", "resize"),
        ([task("resize", 1)], "configuration_changed:memory", None),
        ([task("vzcreate", 1)], "configuration_changed:net0", None),
        ([task("resize", 1)], "configuration_changed:env.TOKEN", None),
        ([task("vzrollback", 1)], "configuration_changed:memory", "vzrollback"),
    ],
)
def test_what_explains_a_finding(tasks: list[Task], kind: str, explained: str | None) -> None:
    log = TaskLog(OURS)
    log.take(NOON, tasks)
    found = log.explanation(101, kind, NOON)
    assert (found.task if found else None) == explained


@pytest.mark.parametrize("kind", ["stopped_outside", "renamed", "configuration_changed:rootfs"])
def test_what_ended_before_it_was_last_seen_otherwise_explains_nothing(kind: str) -> None:
    log = TaskLog(OURS)
    log.take(NOON, [task(type_, 0) for type_ in ("vzstop", "vzrestore")])
    allowed = NOON + CLOCKS_DIFFER
    assert log.explanation(101, kind, allowed)
    assert log.explanation(101, kind, allowed + timedelta(seconds=1)) is None


def test_what_began_before_it_was_last_seen_otherwise_and_ended_since_explains_it() -> None:
    log, now = TaskLog(OURS), NOON + timedelta(days=90)
    long = task("vzmigrate", 0)
    log.take(NOON, [replace(long, endtime=int(now.timestamp()))])
    assert log.explanation(101, "moved", now)
    log.take(NOON, [task("vzshutdown", 0, running=True)])
    assert log.explanation(101, "stopped_outside", now)


def test_the_look_before_the_last_one_that_found_the_guest_is_remembered() -> None:
    made = picture(SEEN)
    for second, state in ((1, "there"), (2, "elsewhere"), (3, "gone")):
        made.looked(101, look(state=state, at=NOON + timedelta(seconds=second)))
    assert made.looked_before == {101: NOON + timedelta(seconds=1)}
    made.take(NOON, listed(), [], [])
    assert made.looked_before == {}


def test_a_task_that_is_not_listed_any_more_is_remembered_for_a_while() -> None:
    log = TaskLog(OURS)
    log.take(NOON, [task("vzstop", 1)])
    log.take(NOON, [])
    assert log.explanation(101, "stopped_outside", NOON)
    log.take(NOON + timedelta(hours=1), [])
    assert log.explanation(101, "stopped_outside", NOON) is None


# --- rights and the list


def test_rights_that_are_lost_and_regained() -> None:
    rights = Rights()
    rights.take(EVERYTHING)
    assert (rights.lost, rights.blind, rights.sees_all) == ((), False, True)
    rights.take({"/pool/p": {"VM.Audit": 1}})
    assert (rights.lost, rights.blind, rights.sees_all) == (
        ("/: Pool.Audit", "/: Sys.Audit", "/: VM.Audit"),
        False,
        False,
    )
    rights.take({})
    assert rights.blind
    rights.take(EVERYTHING)
    assert (rights.lost, rights.blind) == ((), False)


def test_a_pool_that_was_renamed_is_in_the_way_of_no_proof_once_it_is_told() -> None:
    made = Picture()
    made.quorate = True
    made.rights.take({"/pool/a": {"VM.Audit": 1}})
    made.rights.take({"/pool/b": {"VM.Audit": 1}})
    made.take(NOON, listed(SEEN), [], [])
    assert (made.rights.lost, made.complete) == (("/pool/a: VM.Audit",), False)
    made.rights.remember(made.rights.lost, accepted=False)
    assert (made.rights.untold, made.complete) == (False, True)
    made.rights.remember(made.rights.told, accepted=True)
    assert (made.rights.lost, made.rights.untold) == ((), True), "that it is settled is to be told"
    made.rights.remember((), accepted=False)
    assert not made.rights.untold


def test_who_takes_over_knows_what_was_lost_and_that_there_are_guests() -> None:
    only_nodes = {"/nodes": {"Sys.Audit": 1}}
    rights = Rights()
    rights.remember(("/vms: VM.PowerMgmt",), accepted=False)
    assert not rights.untold
    rights.take({"/vms": {"VM.Audit": 1}})
    assert not rights.untold
    rights.take({"/vms": {"VM.Audit": 1, "VM.PowerMgmt": 1}})
    assert (rights.lost, rights.untold) == ((), True)
    blind = Rights()
    blind.take(only_nodes)
    assert not blind.blind, "it never saw any, and none is known"
    blind.guests_known = True
    assert blind.blind


def test_what_vanishes_with_its_thing_or_is_never_used_is_no_right_lost() -> None:
    rights = Rights()
    gone = {"/storage/local": {"VM.Audit": 0, "Datastore.Audit": 1}, "/pool/p": {"VM.Console": 1}}
    rights.take({"/vms": {"VM.Audit": 1}} | gone)
    rights.take({"/vms": {"VM.Audit": 1}})
    assert rights.lost == ()


def test_the_entry_of_a_guest_that_went_is_no_right_lost() -> None:
    rights = Rights()
    rights.take({"/vms/101": {"VM.Audit": 0}, "/vms/102": {"VM.Audit": 0}})
    rights.take({"/vms/102": {"VM.Audit": 0}})
    assert not rights.lost


def test_a_zero_is_a_right() -> None:
    rights = Rights()
    rights.take({"/": {"VM.Audit": 0, "Sys.Audit": 0}})
    assert rights.sees_all
    assert not rights.blind


def test_what_makes_a_list_complete() -> None:
    assert picture(SEEN).complete
    assert not picture(SEEN, away=("pve2",)).complete
    without_quorum = picture(SEEN)
    without_quorum.quorate = False
    assert not without_quorum.complete
    unknown_quorum = picture(SEEN)
    unknown_quorum.quorate = None
    assert not unknown_quorum.complete
    unknown_quorum.rights.take({"/vms": {"VM.Audit": 1}, "/": {}})
    assert not unknown_quorum.complete, "and a right was lost"
    nothing_said = Picture()
    nothing_said.take(NOON, Resources((), ()), [], [])
    assert not nothing_said.complete


@pytest.mark.parametrize(
    ("now", "shrinks"),
    [
        (listed(SEEN), False),
        (listed(SEEN, replace(SEEN, vmid=102)), False),
        (listed(), True),
        (listed(SEEN, away=("pve2",)), True),
    ],
)
def test_a_list_that_shrinks_is_noticed(now: Resources, shrinks: bool) -> None:
    assert picture(SEEN).shrinks(now) == shrinks


def test_missing_in_a_row_is_told_to_the_comparison() -> None:
    made = picture(SEEN)
    for number in range(1, 5):
        made.take(NOON + timedelta(seconds=number), listed(), [101], [])
    assert len(made.view(NOON).missing[101]) == 3
    made.interrupted()
    assert made.view(NOON).missing == {}


# --- guests of nobody


class Log:
    """What the log knows of guests."""

    def __init__(self) -> None:
        self.guests: Guests = {}

    def apply(self, events: Iterator[tuple[int, ev.Observed]]) -> list[ev.Observed]:
        said = list(events)
        for vmid, event in said:
            before = self.guests.get(vmid, Loaded(guest.INITIAL))
            self.guests[vmid] = Loaded(guest.evolve(before.state, event, NOON), before.sequence + 1)
        return [event for _, event in said]


def test_a_guest_appears_when_it_was_seen_twice_and_then_nothing_is_said() -> None:
    strangers, log = Strangers("c1"), Log()
    seen = picture(SEEN)
    assert log.apply(strangers.compare(seen, {}, log.guests)) == []
    [appeared] = log.apply(strangers.compare(seen, {}, log.guests))
    assert isinstance(appeared, ev.GuestAppeared)
    assert (appeared.facts.app, appeared.facts.port, appeared.facts.cores) == ("jellyfin", 8096, 2)
    assert log.apply(strangers.compare(seen, {}, log.guests)) == []
    again = Strangers("c1")
    for _ in range(3):
        assert log.apply(again.compare(seen, {}, log.guests)) == [], "nor after a restart"


@pytest.mark.parametrize(
    "same",
    [
        replace(SEEN, status="stopped", cpu=0.0, uptime=0, disk=int(8 * GIB * 0.95)),
        replace(SEEN, name=None, status="unknown", cpus=None, memory=None, disk=None),
        replace(SEEN, lock="backup"),
    ],
)
def test_what_is_no_change_of_a_guest(same: GuestSeen) -> None:
    strangers, log = Strangers("c1"), Log()
    for seen in (SEEN, SEEN, same, SEEN, same):
        said = log.apply(strangers.compare(picture(seen), {}, log.guests))
    assert said == []


def test_a_guest_that_changes_is_told_once() -> None:
    strangers, log = Strangers("c1"), Log()
    changed = replace(SEEN, node="pve2", tags=("a",), hastate="started")
    said = [log.apply(strangers.compare(picture(seen), {}, log.guests)) for seen in (SEEN, SEEN, changed, changed)]
    assert [len(events) for events in said] == [0, 1, 1, 0]
    [event] = said[2]
    assert isinstance(event, ev.GuestReconfigured)
    assert (event.facts.node, event.facts.tags, event.facts.ha) == ("pve2", ("a",), True)


def test_only_complete_lists_in_a_row_make_a_guest_one_to_be_proven_gone() -> None:
    strangers, log = Strangers("c1"), Log()
    for made in (picture(SEEN), picture(SEEN), picture(), picture(), picture(away=("pve2",)), picture(), picture()):
        log.apply(strangers.compare(made, {}, log.guests))
    assert strangers.to_prove_gone() == []
    log.apply(strangers.compare(picture(), {}, log.guests))
    assert strangers.to_prove_gone() == [101]


def test_an_adopted_guest_is_its_applications_when_that_is_settled() -> None:
    strangers, log = Strangers("c1"), Log()
    for _ in range(2):
        log.apply(strangers.compare(picture(SEEN), {}, log.guests))
    assert log.apply(strangers.compare(picture(SEEN), {101: None}, log.guests)) == []
    assert log.apply(strangers.compare(picture(SEEN), {101: "a1"}, log.guests)) == [
        ev.GuestAdopted(application_id="a1")
    ]
    assert log.apply(strangers.compare(picture(SEEN), {101: "a1"}, log.guests)) == []


@pytest.mark.parametrize(
    ("name", "tags", "found"),
    [
        ("Jellyfin-2", (), ("jellyfin", 8096)),
        ("home-assistant", (), ("home-assistant", 8123)),
        ("pi-hole", (), ("pihole", 80)),
        ("ct7", ("grafana",), ("grafana", 3000)),
        ("pbs", (), ("proxmox-backup-server", 8007)),
        ("web", (), (None, None)),
        (None, (), (None, None)),
    ],
)
def test_guesses(name: str | None, tags: tuple[str, ...], found: tuple[str | None, int | None]) -> None:
    assert guess(name, tags) == found


# --- figures


def test_figures_are_passed_on_when_more_than_noise_changed() -> None:
    figures, away = GuestFigures(), frozenset[str]()

    def news(seconds: float, *guests: GuestSeen) -> list[str]:
        return [node for node, _ in figures.news(NOON + timedelta(seconds=seconds), guests, away)]

    assert news(0, SEEN) == ["pve1"]
    assert news(5, replace(SEEN, uptime=105, cpu=0.11, netin=20)) == []
    assert news(10, replace(SEEN, cpu=0.5)) == ["pve1"]
    assert news(15, replace(SEEN, cpu=0.5, uptime=3)) == ["pve1"], "it was started anew"
    assert news(80, replace(SEEN, cpu=0.5, uptime=3)) == ["pve1"], "once in a minute"
    assert news(85) == ["pve1"], "its last guest left"
    assert news(90) == []


def test_a_direct_look_is_ahead_of_the_list() -> None:
    figures = GuestFigures()
    figures.saw(101, NOON, running=False)
    [(_, body)] = figures.news(NOON, [SEEN], frozenset())
    assert body["101"]["status"] == "stopped"
    [(_, body)] = figures.news(NOON + timedelta(seconds=30), [SEEN], frozenset())
    assert body["101"]["status"] == "running"


def test_nothing_is_told_of_a_node_that_does_not_answer() -> None:
    assert GuestFigures().news(NOON, [SEEN], frozenset({"pve1"})) == []


def test_figures_of_many_guests_come_in_pages_that_nats_carries() -> None:
    most = replace(SEEN, cpu=0.12345678901234567, memory_used=1 << 50, disk_used=1 << 50, netin=1 << 62, netout=1 << 62)
    guests = [replace(most, vmid=999_000_000 + number, uptime=1 << 40) for number in range(10_000)]
    [(_, body)] = GuestFigures().news(NOON, guests, frozenset())
    found = list(pages(body))
    assert max(len(json.dumps(page)) for page in found) < MAX_PAYLOAD // 2
    assert [vmid for page in found for vmid in page] == [str(guest.vmid) for guest in guests]
    assert {vmid: figures for page in found for vmid, figures in page.items()} == body
    assert list(pages({})) == [{}]


# --- what the log wants


def known(*events: app.ApplicationEvent | app.Observed, knowledge: Knowledge, cause: str = "", after: int = 0) -> None:
    for number, event in enumerate(events):
        at = NOON + timedelta(seconds=after + number)
        meta = Metadata("id", event.TYPE, "urn:test", at, cause, "", Actor("system", "test"))
        recorded: Recorded[Any] = Recorded(event, meta, "application", "a1", number + 1, at)
        knowledge.apply(recorded)


DEPLOYED = (
    app.DeployRequested(operation_id="o", name="Wiki", slug="wiki", cluster_id="c1", node=None, spec=SPEC),
    app.VmidClaimed(operation_id="o", cluster_id="c1", node="pve1", vmid=20001),
    app.OperationSucceeded(operation_id="o", kind="deploy"),
)


def test_an_application_is_wanted_as_it_was_deployed() -> None:
    knowledge = Knowledge("i1")
    known(*DEPLOYED[:2], knowledge=knowledge)
    [desired] = knowledge.desired("c1")
    assert desired.busy
    known(*DEPLOYED, knowledge=knowledge)
    [desired] = knowledge.desired("c1")
    assert (desired.busy, desired.power, desired.hostname, desired.vmid) == (False, "running", "wiki", 20001)
    assert desired.marker.line() == "proximity:i1:a1:o:20001"
    assert knowledge.managed("c1") == {20001: "a1"}
    assert knowledge.names["a1"].has_container


def test_a_task_is_followed_as_long_as_an_operation_waits_for_it() -> None:
    knowledge = Knowledge("i1")
    begun = app.StepIntended(
        operation_id="o", step="create", runner="r1", attempt=1, node="pve1", vmid=20001, node_time=0
    )
    accepted = app.TaskAccepted(operation_id="o", step="create", upid="UPID:1")
    known(*DEPLOYED[:2], begun, knowledge=knowledge)
    assert knowledge.followed("c1") == []
    known(accepted, knowledge=knowledge)
    followed = Followed("a1", "o", "create", "UPID:1", told=False)
    assert knowledge.followed("c1") == [followed]
    assert knowledge.followed("c2") == []
    known(
        app.TaskEndedUnseen(operation_id="o", step="create", upid="UPID:1", exitstatus="OK", ended=None),
        knowledge=knowledge,
    )
    assert knowledge.followed("c1") == [replace(followed, told=True)]
    known(app.ContainerCreated(operation_id="o", node="pve1", vmid=20001), knowledge=knowledge)
    assert knowledge.followed("c1") == []


def test_of_a_deleted_application_only_its_name_is_left() -> None:
    knowledge = Knowledge("i1")
    known(*DEPLOYED, knowledge=knowledge)
    known(
        app.DeleteRequested(operation_id="d", force=False),
        app.OperationSucceeded(operation_id="d", kind="delete"),
        knowledge=knowledge,
    )
    assert (knowledge.desired("c1"), knowledge.managed("c1"), knowledge.applications) == ([], {}, {})
    assert (knowledge.names["a1"].name, knowledge.names["a1"].has_container) == ("Wiki", False)


def test_what_this_process_wrote_itself_makes_no_look_old() -> None:
    knowledge = Knowledge("i1")
    known(*DEPLOYED, knowledge=knowledge)
    [before] = knowledge.desired("c1")
    observed = app.ConfigurationObserved(values={}, environment={})
    knowledge.wrote("mine")
    known(observed, knowledge=knowledge, cause="mine", after=10)
    assert knowledge.desired("c1")[0].since == before.since
    known(observed, knowledge=knowledge, cause="somebody-else", after=20)
    assert knowledge.desired("c1")[0].since > before.since
