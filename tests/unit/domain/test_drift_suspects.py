"""Who deserves a direct look, and who first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from proximity.domain.drift import Desired, Listed, Look, View, findings, locked, missing, powers, suspects
from proximity.domain.drift.findings import LOCK_LEFT
from proximity.domain.drift.history import LIST_LAGS, PROOF_LASTS, Power
from proximity.domain.drift.suspects import AGAIN, ROUTINE, UNLISTED_AGAIN
from proximity.domain.finding import Finding
from support.comparing import GONE, LISTED, MISSED, app, compared, found, later, look, view
from support.deciders import NOON

SECOND = timedelta(seconds=1)
NOW = later(3600)
FRESH = look(at=NOW - AGAIN + SECOND)
STATE_ONLY = replace(FRESH, values={}, environment={}, hostname=None, markers=(), whole=False)
STOPPED = findings.stopped_outside()
IS_GONE = findings.gone(105)
UNMARKED = findings.marker_removed(app().marker)


def at(seen: View) -> View:
    return replace(seen, at=NOW)


@pytest.mark.parametrize(
    ("desired", "seen", "listed"),
    [
        (app(), look(), replace(LISTED, running=False)),
        (app(STOPPED), look(running=False), LISTED),
        (app(power="stopped"), look(running=False), LISTED),
        (app(findings.started_outside(), power="stopped"), look(), replace(LISTED, running=False)),
        (app(), look(), replace(LISTED, node="pve2")),
        (app(), look(), replace(LISTED, name="wicky")),
        (app(findings.renamed(105, "wiki", "wicky")), look(hostname="wicky"), LISTED),
        (app(IS_GONE), GONE, LISTED),
        (app(findings.unseen(105)), replace(GONE, state="forbidden"), LISTED),
        (app(UNMARKED), look(node="pve2", markers=()), replace(LISTED, node="pve3")),
        (app(power="stopped"), look(running=None), LISTED),
    ],
)
def test_whom_the_list_contradicts_is_looked_at_as_soon_as_the_list_can_know_better(
    desired: Desired, seen: Look, listed: Listed
) -> None:
    assert suspects([desired], at(view(replace(seen, at=NOW - LIST_LAGS), listed))) == []
    assert suspects([desired], at(view(replace(seen, at=NOW - LIST_LAGS - SECOND), listed))) == [105]
    assert suspects([desired], at(view(None, listed))) == [105]
    assert suspects([replace(desired, busy=True)], at(view(None, listed))) == []
    assert suspects([desired], at(view(None, listed, complete=False, away=frozenset({listed.node})))) == []


@pytest.mark.parametrize(
    ("desired", "listed"),
    [
        (app(), LISTED),
        (app(), replace(LISTED, running=None, name=None)),
        (app(hostname=""), replace(LISTED, name="CT105")),
        (app(power=None), replace(LISTED, running=False)),
        (app(STOPPED, since=NOW - AGAIN), replace(LISTED, running=False)),
        (app(findings.renamed(105, "wiki", "wicky"), since=NOW - AGAIN), replace(LISTED, name="wicky")),
        (app(IS_GONE, since=NOW - AGAIN), None),
        (app(), replace(LISTED, lock="backup")),
    ],
)
def test_what_is_known_is_not_looked_at_again_at_once(desired: Desired, listed: Listed | None) -> None:
    assert suspects([desired], at(view(FRESH, listed))) == []


@pytest.mark.parametrize(
    ("desired", "seen", "listed"),
    [
        (
            app(findings.vmid_taken(105)),
            look(markers=(), hostname="other"),
            replace(LISTED, name="another", running=False),
        ),
        (app(UNMARKED), look(node="pve2", markers=()), replace(LISTED, node="pve2")),
        (app(UNMARKED), look(node="pve2", markers=(), hostname=None), replace(LISTED, node="pve2", name="CT105")),
        (app(UNMARKED), replace(look(node="pve2", hostname=None), values={}), replace(LISTED, node="pve2")),
        (app(STOPPED), look(), LISTED),
    ],
)
def test_what_a_look_has_shown_already_is_looked_at_as_often_as_what_is_open(
    desired: Desired, seen: Look, listed: Listed
) -> None:
    assert suspects([desired], at(view(replace(seen, at=NOW - AGAIN), listed))) == []
    assert suspects([desired], at(view(replace(seen, at=NOW - AGAIN - SECOND), listed))) == [105]


def test_a_look_that_is_older_than_what_the_log_says_has_shown_nothing() -> None:
    seen = look(node="pve2", at=NOW - LIST_LAGS - SECOND)
    assert suspects([app(since=NOW)], at(view(seen, replace(LISTED, node="pve2")))) == [105]


def test_who_is_missing_is_looked_at_once_the_lists_agree_and_again_after_a_while() -> None:
    assert suspects([app()], at(view(FRESH, None, missing={105: MISSED[:-1]}))) == []
    times = (*MISSED[:-1], NOW)
    assert suspects([app()], at(view(FRESH, None, missing={105: times}))) == [105]
    assert suspects([app()], at(view(look(at=NOW - AGAIN), None, missing={105: MISSED}))) == []
    assert suspects([app()], at(view(look(at=NOW - AGAIN - SECOND), None, missing={105: MISSED}))) == [105]


def test_a_lock_is_looked_at_when_it_is_old_enough_to_be_told() -> None:
    def seen(age: timedelta, looked: timedelta) -> View:
        return at(view(look(at=NOW - looked), LISTED, locked={105: ("backup", NOW - age)}))

    assert suspects([app()], seen(LOCK_LEFT, AGAIN)) == []
    assert suspects([app()], seen(LOCK_LEFT + SECOND, AGAIN)) == [105]
    assert suspects([app()], seen(LOCK_LEFT + AGAIN, 30 * SECOND)) == []


def test_a_lock_that_was_told_is_looked_at_when_the_list_has_it_no_more() -> None:
    said = app(findings.lock_left(105, "backup"), since=NOW - AGAIN)
    assert suspects([said], at(view(FRESH, locked={105: ("backup", NOW - 2 * LOCK_LEFT)}))) == []
    assert suspects([said], at(view(FRESH))) == [105]


def test_without_a_baseline_and_with_a_finding_and_once_in_a_while() -> None:
    assert suspects([app(baseline=None)], at(view(None))) == [105]
    assert suspects([app(baseline=None)], at(view(look(at=NOW - AGAIN)))) == []
    assert suspects([app(baseline=None, since=NOW)], at(view(FRESH))) == [105]
    assert suspects([app(baseline=None)], at(view(STATE_ONLY))) == [105]
    assert suspects([app()], at(view(STATE_ONLY))) == [105]
    assert suspects([app(findings.marker_removed(app().marker))], at(view(look(at=NOW - AGAIN - SECOND)))) == [105]
    assert suspects([app()], at(view(look(at=NOW - ROUTINE)))) == []
    assert suspects([app()], at(view(look(at=NOW - ROUTINE - SECOND)))) == [105]


def test_guests_that_no_application_has_are_looked_at_once_and_then_seldom() -> None:
    assert suspects([], at(view(None))) == [105]
    assert suspects([], at(view(look(at=NOW - ROUTINE)))) == []
    assert suspects([], at(view(look(at=NOW - ROUTINE - SECOND)))) == [105]
    orphan = {105: {"orphan": findings.orphan(105, None)}}
    assert suspects([], at(view(look(at=NOW - AGAIN - SECOND))), orphan) == [105]
    assert suspects([], at(view(None, away=frozenset({"pve1"})))) == []


def test_the_most_urgent_come_first_and_of_the_same_urgency_who_waits_longest() -> None:
    desired = [
        app(vmid=1),  # routine
        app(vmid=2, baseline=None),
        app(vmid=3),  # contradicted, looked at lately
        app(STOPPED, vmid=4),
        app(vmid=5),  # contradicted, never looked at
        app(vmid=6),  # locked
        app(vmid=7),  # nothing
    ]
    guests = {d.vmid: Listed(d.vmid, "pve1", "wiki", d.vmid not in (3, 4, 5)) for d in desired}
    guests[8] = Listed(8, "pve1", "stranger", True)
    old = {vmid: look(at=NOW - ROUTINE - SECOND) for vmid in (1, 4, 6)}
    seen = View(
        NOW,
        complete=True,
        guests=guests,
        looks=old | {3: look(at=NOW - AGAIN), 7: FRESH},
        locked={6: ("backup", NOW - 2 * LOCK_LEFT)},
    )
    assert suspects(desired, seen) == [5, 3, 6, 2, 8, 4, 1]


def test_a_proof_that_was_not_told_is_made_again() -> None:
    def missed(age: timedelta, complete: bool = True) -> View:
        return replace(view(replace(GONE, at=NOW - age), None, missing={105: MISSED}, complete=complete), at=NOW)

    assert suspects([app()], missed(PROOF_LASTS)) == []
    assert suspects([app()], missed(PROOF_LASTS + SECOND)) == [105]
    assert suspects([app()], missed(PROOF_LASTS + SECOND, complete=False)) == []
    assert suspects([app(IS_GONE)], missed(PROOF_LASTS + SECOND)) == []


@pytest.mark.parametrize("told", [IS_GONE, findings.unseen(105)])
def test_what_no_list_has_and_is_told_is_looked_at_seldom_until_a_list_has_it(told: Finding) -> None:
    def seen(age: timedelta, listed: Listed | None) -> View:
        state = replace(GONE, at=NOW - age, state="gone" if told.kind == "gone" else "forbidden")
        return at(view(state, listed, missing={} if listed else {105: MISSED}))

    assert suspects([app(told)], seen(UNLISTED_AGAIN, None)) == []
    assert suspects([app(told)], seen(UNLISTED_AGAIN + SECOND, None)) == [105]
    assert suspects([app(told)], seen(AGAIN + SECOND, LISTED)) == [105]
    crashed = [app(told), app(vmid=106)]
    both = seen(2 * UNLISTED_AGAIN, None)
    both = replace(both, guests={106: Listed(106, "pve1", "wiki", False)}, looks={**both.looks, 106: FRESH})
    assert suspects(crashed, both) == [106, 105], "and after whoever is contradicted"


def test_a_proof_that_what_was_not_seen_is_gone_now_is_made_again_soon() -> None:
    proven = replace(GONE, at=NOW - PROOF_LASTS - SECOND)
    assert suspects([app(findings.unseen(105))], at(view(proven, None, missing={105: MISSED}))) == [105]


def test_nobody_is_forgotten_however_many_findings_are_open() -> None:
    """Looks are few: each minute everybody with an open finding is due again, and what no list shows has its turn."""
    unmarked = findings.marker_removed(app().marker)
    desired = [app(vmid=1), *(app(unmarked, vmid=vmid) for vmid in range(2, 30))]
    guests = {d.vmid: Listed(d.vmid, "pve1", "wiki", True) for d in desired}
    looks, now = {d.vmid: look(at=NOW) for d in desired}, NOW
    while now < NOW + 2 * ROUTINE:
        now += 15 * SECOND
        for vmid in suspects(desired, View(now, complete=True, guests=guests, looks=looks))[:1]:
            looks[vmid] = look(at=now)
    assert looks[1].at > NOW + ROUTINE
    assert min(seen.at for seen in looks.values()) > NOW + ROUTINE


def test_missing_counts_complete_lists_in_a_row() -> None:
    times = missing({}, later(1), True, {}, [105])
    assert times == {105: (later(1),)}
    times = missing(times, later(2), False, {}, [105])
    assert times == {105: (later(1),)}
    assert missing(times, later(3), False, {105: LISTED}, [105]) == {}
    assert missing(times, later(3), True, {105: LISTED}, [105]) == {}
    for second in range(3, 10):
        times = missing(times, later(second), True, {}, [105])
    assert times == {105: (later(1), later(3), later(4))}
    assert missing(times, later(10), True, {}, []) == {}


def test_a_lock_is_as_old_as_the_time_since_when_it_is_the_same() -> None:
    backup = {105: replace(LISTED, lock="backup")}
    since = locked({}, later(1), backup)
    assert since == {105: ("backup", later(1))}
    assert locked(since, later(2), backup) == since
    assert locked(since, later(2), {}) == since
    assert locked(since, later(2), {105: replace(LISTED, lock="snapshot")}) == {105: ("snapshot", later(2))}
    assert locked(since, later(2), {105: LISTED}) == {}


def test_who_vanished_from_a_list_that_proves_nothing_is_looked_at_soon() -> None:
    """A token that may see less: the list hides the container, and a direct look tells that it is hidden."""
    seen = look(at=NOW - AGAIN - SECOND)
    assert suspects([app()], at(view(seen, None, complete=False, quorate=True))) == [105]
    assert suspects([app()], at(view(FRESH, None, complete=False, quorate=True))) == []
    assert suspects([app()], at(view(seen, None))) == [], "a complete one counts first"
    told = replace(seen, state="forbidden", values={})
    assert suspects([app()], at(view(told, None, complete=False, quorate=True))) == []


RUNS, STOPPED_NOW = {105: LISTED}, {105: replace(LISTED, running=False)}


def told(*lists: tuple[float, Mapping[int, Listed]]) -> dict[int, Power]:
    """What lists say that were made so many seconds after noon."""
    found: dict[int, Power] = {}
    for seconds, guests in lists:
        found = powers(found, later(seconds), guests, frozenset())
    return found


def test_lists_that_turned_and_then_agree_tell_that_a_container_was_stopped() -> None:
    [power] = told((20, RUNS), (25, STOPPED_NOW), (45, STOPPED_NOW)).values()
    seen = power.as_look(NOON, None)
    assert seen is not None
    assert (seen.at, seen.running, seen.whole, seen.values) == (later(25), False, False, {})
    assert power.as_look(NOON, look(at=later(24))) == seen
    assert found(compared(app(), view(seen, STOPPED_NOW[105], at=later(50)))).keys() == {"stopped_outside"}


@pytest.mark.parametrize(
    ("since", "seen", "lists"),
    [
        (NOON, None, [(20, RUNS), (25, STOPPED_NOW), (44, STOPPED_NOW)]),
        (NOON, None, [(20, RUNS), (25, STOPPED_NOW), (30, RUNS), (35, STOPPED_NOW), (50, STOPPED_NOW)]),
        (NOON, look(at=later(25)), [(20, RUNS), (25, STOPPED_NOW), (45, STOPPED_NOW)]),
        (later(10), None, [(20, RUNS), (25, STOPPED_NOW), (45, STOPPED_NOW)]),
        (NOON, None, [(20, STOPPED_NOW), (45, STOPPED_NOW)]),
        (NOON, None, [(20, {105: replace(LISTED, node="pve2")}), (25, STOPPED_NOW), (45, STOPPED_NOW)]),
    ],
    ids=["one list", "a restart", "looked at since", "may be older than the event", "always so", "on another node"],
)
def test_lists_that_tell_nothing_without_a_look(
    since: datetime, seen: Look | None, lists: list[tuple[float, Mapping[int, Listed]]]
) -> None:
    [power] = told(*lists).values()
    assert power.as_look(since, seen) is None


def test_a_list_repeats_no_news_that_are_older_than_five_minutes() -> None:
    [power] = told((330, STOPPED_NOW), (350, STOPPED_NOW)).values()
    assert power.as_look(NOON, None) is not None
    assert power.as_look(later(30), None) is None


def test_a_list_says_nothing_of_a_node_that_is_away_and_of_what_it_does_not_know() -> None:
    before = told((20, RUNS))
    assert powers(before, later(25), STOPPED_NOW, frozenset({"pve1"})) == before
    assert powers(before, later(25), {105: replace(LISTED, running=None)}, frozenset()) == before
    assert powers(before, later(25), {}, frozenset()) == {}
