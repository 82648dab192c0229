"""Whatever is seen, in whatever order: what is not proven is not said, what is said comes to rest, nothing breaks."""

from copy import copy
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from proximity.domain.application.events import ConfigurationObserved, FindingOpened, Observed
from proximity.domain.application.process import next_step
from proximity.domain.application.state import Application
from proximity.domain.drift import (
    Damping,
    Desired,
    Known,
    Listed,
    Look,
    View,
    corrections,
    find_drift,
    findings,
    suspects,
)
from proximity.domain.drift.history import MISSES
from proximity.domain.finding import Finding
from support.comparing import APPLICATIONS, INSTALLATION, MARKER, VALUES, app, later
from support.flaky import EVERY, NODES, Guest, Owner

ANY_FINDING = st.sampled_from(
    [
        findings.stopped_outside(),
        findings.started_outside(),
        findings.gone(105),
        findings.vmid_taken(105),
        findings.renamed(105, "wiki", "wicky"),
        findings.marker_removed(MARKER),
        findings.configuration_changed("memory", "512", "1024"),
        findings.environment_changed("TOKEN", "0badcafe"),
        findings.lock_left(105, "backup"),
        findings.unseen(105),
    ]
)
OPEN = st.lists(ANY_FINDING, max_size=4, unique_by=lambda f: f.key)
DESIRED: st.SearchStrategy[Desired] = st.builds(
    lambda open_, changed: app(*open_, **changed),
    OPEN,
    st.fixed_dictionaries(
        {
            "power": st.sampled_from(["running", "stopped", None]),
            "busy": st.sampled_from([False, False, False, True]),
            "node": st.sampled_from(NODES),
            "baseline": st.sampled_from([None, app().baseline]),
        }
    ),
)
TIMES = st.integers(-10, 30).map(later)
LOOKS = st.builds(
    Look,
    at=TIMES,
    state=st.sampled_from(["there", "there", "gone", "gone", "forbidden", "elsewhere"]),
    node=st.sampled_from(NODES),
    running=st.sampled_from([True, False, None]),
    hostname=st.sampled_from(["wiki", "x", None]),
    lock=st.sampled_from([None, "backup"]),
    markers=st.sampled_from([(), (MARKER,), (replace(MARKER, application="a9"),)]),
    values=st.sampled_from([VALUES, {}, VALUES | {"memory": "1"}]),
)
LISTS = st.builds(
    Listed,
    vmid=st.just(105),
    node=st.sampled_from(NODES),
    name=st.sampled_from(["wiki", "x", None]),
    running=st.sampled_from([True, False, None]),
    lock=st.sampled_from([None, "backup"]),
)
ONE = st.just(105)
VIEWS = st.builds(
    View,
    at=st.just(later(30)),
    complete=st.booleans(),
    quorate=st.booleans(),
    away=st.frozensets(st.sampled_from(NODES), max_size=2),
    guests=st.dictionaries(ONE, LISTS, max_size=1),
    looks=st.dictionaries(ONE, LOOKS, max_size=1),
    missing=st.dictionaries(ONE, st.lists(TIMES, max_size=MISSES).map(sorted).map(tuple), max_size=1),
    locked=st.dictionaries(ONE, st.tuples(st.just("backup"), TIMES), max_size=1),
)


def opened_and_closed(desired: Desired, seen: View) -> tuple[set[str], set[str]]:
    found = find_drift([desired], seen, INSTALLATION, APPLICATIONS)
    said, _ = corrections([desired], found, Damping(), seen.at)
    opened = {c.event.finding.key for c in said if isinstance(c.event, FindingOpened)}
    closed = {c.event.key for c in said if not isinstance(c.event, FindingOpened) and hasattr(c.event, "key")}
    return opened, closed


@given(DESIRED, VIEWS)
def test_a_partial_view_never_yields_gone(desired: Desired, seen: View) -> None:
    opened, _ = opened_and_closed(desired, replace(seen, complete=False))
    assert "gone" not in opened


@given(DESIRED, VIEWS)
def test_a_view_that_may_be_without_quorum_says_nothing_and_closes_nothing(desired: Desired, seen: View) -> None:
    partial = replace(seen, complete=False, quorate=False)
    assert opened_and_closed(desired, partial) == (set(), set())


@given(DESIRED, VIEWS)
def test_nothing_is_said_of_what_is_on_a_node_that_is_away(desired: Desired, seen: View) -> None:
    look, listed = seen.looks.get(105), seen.guests.get(105)
    nodes = {it.node for it in (look, listed) if it}
    assert opened_and_closed(desired, replace(seen, away=frozenset(nodes))) == (set(), set())


@given(DESIRED, VIEWS)
def test_a_list_alone_says_nothing(desired: Desired, seen: View) -> None:
    assert opened_and_closed(desired, replace(seen, looks={})) == (set(), set())


@given(DESIRED, VIEWS)
def test_gone_is_said_only_by_a_look_after_lists_that_agree(desired: Desired, seen: View) -> None:
    opened, _ = opened_and_closed(desired, seen)
    if "gone" in opened:
        look = seen.looks[105]
        assert look.state == "gone"
        assert look.at > desired.since
        assert len([t for t in seen.missing[105] if t < look.at]) >= MISSES
        assert seen.complete
        assert not desired.busy


@given(st.lists(DESIRED, max_size=6), VIEWS)
def test_the_same_view_says_the_same_and_only_known_guests_are_suspected(desired: list[Desired], seen: View) -> None:
    each = [replace(d, vmid=105 + n, application_id=f"a{n}") for n, d in enumerate(desired)]
    assert find_drift(each, seen, INSTALLATION, APPLICATIONS) == find_drift(each, seen, INSTALLATION, APPLICATIONS)
    suspected = suspects(each, seen)
    assert len(set(suspected)) == len(suspected)
    assert set(suspected) <= {d.vmid for d in each if not d.busy} | set(seen.guests)


# --- on the real decider: an application, and what becomes of its container

CONTAINERS = st.one_of(
    st.none(),
    st.builds(Guest, vmid=st.just(20001), of=st.none(), node=st.sampled_from(NODES), running=st.booleans()),
    st.fixed_dictionaries(
        {
            "node": st.sampled_from(NODES),
            "running": st.booleans(),
            "name": st.sampled_from(["wiki-0", "renamed", "another"]),
            "memory": st.sampled_from(["512", "1024", "2048"]),
            "token": st.sampled_from(["t1", "t2"]),
            "lock": st.sampled_from([None, "backup"]),
            "marked": st.booleans(),
        }
    ),
)
ORDERS = st.lists(CONTAINERS, max_size=4).flatmap(lambda seen: st.tuples(st.just(seen), st.permutations(seen)))


def container(owner: Owner, drawn: object) -> Guest | None:
    if not isinstance(drawn, dict):
        assert drawn is None or isinstance(drawn, Guest)
        return drawn
    changed = {key: value for key, value in drawn.items() if key != "marked"}
    return replace(owner.made, markers=(owner.marker,) if drawn["marked"] else (), **changed)


def sweep(owner: Owner, it: Guest | None) -> list[Observed]:
    """A sweep that sees everything: what was news."""
    at = owner.life.now + EVERY
    missed = tuple(at - timedelta(seconds=n) for n in range(MISSES, 0, -1))
    if it is None:
        seen = View(at, True, looks={owner.vmid: Look(at, "gone", "pve")}, missing={owner.vmid: missed})
    else:
        environment = {"TOKEN": it.token}
        look = Look(at, "there", it.node, it.running, it.name, it.lock, it.markers, it.values, environment)
        listed = Listed(it.vmid, it.node, it.name, it.running, it.lock)
        since = at - timedelta(hours=1)
        locked = {it.vmid: (it.lock, since)} if it.lock else {}
        seen = View(at, True, guests={it.vmid: listed}, looks={it.vmid: look}, locked=locked)
    known = {owner.id: Known("wiki", owner.life.now)}
    differences = find_drift([owner.desired], seen, INSTALLATION, known)
    said, _ = corrections([owner.desired], differences, Damping(), at)
    news: list[Observed] = []
    for correction in said:
        assert isinstance(correction.event, Observed)
        news += owner.observe(correction.event, at)
    return news


NEW = Owner(0)
FIRST = sweep(NEW, NEW.made)


def watched() -> Owner:
    """Seen once as it was made."""
    owner = copy(NEW)
    owner.life, owner.told = copy(NEW.life), list(NEW.told)
    return owner


def test_the_first_sweep_takes_the_configuration_for_right() -> None:
    assert [type(event) for event in FIRST] == [ConfigurationObserved]


@settings(deadline=None)
@given(st.lists(CONTAINERS, max_size=4), CONTAINERS)
def test_corrections_come_to_rest(before: list[object], drawn: object) -> None:
    owner = watched()
    for earlier in before:
        sweep(owner, container(owner, earlier))
    it = container(owner, drawn)
    sweep(owner, it)
    assert sweep(owner, it) == []


def end(owner: Owner) -> tuple[dict[str, Finding], object, object]:
    state = owner.life.app
    assert state.container
    there = not {"gone", "vmid_taken", "marker_removed"} & state.findings.keys()
    return state.findings, state.container.power, state.container.node if there else None


@settings(deadline=None)
@given(
    st.lists(CONTAINERS, max_size=4).flatmap(lambda seen: st.tuples(st.just(seen), st.permutations(seen))), CONTAINERS
)
def test_the_order_in_which_things_were_seen_does_not_matter(
    orders: tuple[list[object], list[object]], drawn: object
) -> None:
    ends = []
    for order in (*orders, []):
        owner = watched()
        for earlier in [*order, drawn]:
            sweep(owner, container(owner, earlier))
        ends.append(end(owner))
    assert ends[0] == ends[1] == ends[2]


@settings(deadline=None)
@given(st.lists(CONTAINERS, min_size=1, max_size=5))
def test_no_correction_does_anything(drawn: list[object]) -> None:
    """What is wanted stays wanted, nothing is begun, and there is nothing left to do on Proxmox."""
    owner = watched()
    before = owner.life.app
    for it in drawn:
        sweep(owner, container(owner, it))
    after = owner.life.state
    assert isinstance(after, Application)
    assert after.container
    assert after.container.vmid == 20001
    assert (after.desired, after.deployed, after.deleted) == (before.desired, True, False)
    assert after.operation is None
    assert next_step(after) is None
