"""Given what differs and what is open: what is said in the log, and how flapping is damped."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.decider import correct
from proximity.domain.application.events import Observed
from proximity.domain.application.evolve import evolve
from proximity.domain.application.state import Application, Baseline, State
from proximity.domain.damping import FORGOTTEN
from proximity.domain.drift import Correction, Damping, Desired, Difference, Drift, FirstSeen, Moved, corrections
from proximity.domain.drift import findings as f
from proximity.domain.finding import Explanation, Finding
from proximity.domain.guest import events as guest
from support.comparing import app, later
from support.life import Life, deploy

STOPPED, RENAMED, IS_GONE = f.stopped_outside(), f.renamed(105, "wiki", "wicky"), f.gone(105)
BY_ROOT = Explanation(user="root@pam", task="vzstop", upid="UPID:pve1:1:2:3:vzstop:105:root@pam:", at=1)


def drifts(*found: Finding, application_id: str | None = "a1") -> list[Difference]:
    return [Drift(application_id, 105, finding) for finding in found]


def said(
    desired: Desired, differences: Sequence[Difference], damping: Damping | None = None, seconds: float = 0
) -> list[object]:
    return [c.event for c in corrections([desired], differences, damping or Damping(), later(seconds))[0]]


def test_what_differs_and_is_not_open_opens() -> None:
    assert said(app(), drifts(STOPPED)) == [ev.FindingOpened(finding=STOPPED)]


def test_what_is_open_and_does_not_differ_closes() -> None:
    assert said(app(STOPPED, RENAMED), drifts(RENAMED)) == [ev.FindingClosed(key="stopped_outside")]


def test_what_is_open_and_still_differs_is_not_said_again_however_it_is_worded() -> None:
    reworded = STOPPED.model_copy(update={"message": "In other words."})
    assert said(app(STOPPED), drifts(reworded)) == []


def test_what_is_open_and_differs_in_another_way_now_closes_and_opens() -> None:
    other = f.renamed(105, "wiki", "wookie")
    assert said(app(RENAMED), drifts(other)) == [ev.FindingClosed(key="renamed"), ev.FindingOpened(finding=other)]


def test_what_opens_is_said_before_what_closes() -> None:
    assert said(app(STOPPED), drifts(IS_GONE)) == [
        ev.FindingOpened(finding=IS_GONE),
        ev.FindingClosed(key="stopped_outside"),
    ]


def test_a_move_and_a_first_look_are_told() -> None:
    first = FirstSeen("a1", 105, Baseline({"cores": "2"}, {"TOKEN": "x"}))
    assert said(app(), [first, Moved("a1", 105, "pve2", "pve1")]) == [
        ev.ContainerFoundMoved(node="pve2", from_node="pve1"),
        ev.ConfigurationObserved(values={"cores": "2"}, environment={"TOKEN": "x"}, whole=True),
    ]


def test_the_caller_explains_what_opens_and_what_moved() -> None:
    asked: list[tuple[int, str]] = []

    def explain(vmid: int, kind: str) -> Explanation | None:
        asked.append((vmid, kind))
        return BY_ROOT if kind != "renamed" else None

    differences = [*drifts(STOPPED, RENAMED), Moved("a1", 105, "pve2", "pve1")]
    events = [c.event for c in corrections([app()], differences, Damping(), later(0), explain)[0]]
    assert events == [
        ev.ContainerFoundMoved(node="pve2", from_node="pve1", explained=BY_ROOT),
        ev.FindingOpened(finding=STOPPED.model_copy(update={"explained": BY_ROOT})),
        ev.FindingOpened(finding=RENAMED),
    ]
    assert asked == [(105, "moved"), (105, "stopped_outside"), (105, "renamed")]


def test_findings_about_a_guest_are_said_to_the_guest() -> None:
    orphan = f.orphan(105, None)
    opened, _ = corrections([], drifts(orphan, application_id=None), Damping(), later(0))
    assert opened == [Correction(None, 105, guest.FindingOpened(finding=orphan))]
    closed, _ = corrections([], [], Damping(), later(0), guests={105: {"orphan": orphan}})
    assert closed == [Correction(None, 105, guest.FindingClosed(key="orphan"))]
    adopted, _ = corrections([app()], [], Damping(), later(0), guests={105: {"orphan": orphan}})
    assert adopted == []


class TestDamping:
    """Sweeps of five seconds. The log does what the corrections say."""

    def sweeps(self, states: Sequence[bool], damping: Damping | None = None, begin: float = 0) -> tuple[str, Damping]:
        """For each sweep: what was said (o: opened, c: closed, .: nothing) when it was stopped outside or not."""
        damping, open_, told = damping or Damping(), False, ""
        for number, stopped in enumerate(states):
            at = later(begin + 5 * number)
            desired, differences = app(*[STOPPED] * open_), drifts(*[STOPPED] * stopped)
            out, damping = corrections([desired], differences, damping, at)
            told += "." if not out else "o" if isinstance(out[0].event, ev.FindingOpened) else "c"
            open_ = stopped if out else open_
        return told, damping

    def test_each_time_it_must_be_seen_twice_as_often_and_never_more_than_twelve_times(self) -> None:
        assert self.sweeps([True, False] + [True] * 2 + [False])[0] == "oc.oc"
        told, _ = self.sweeps([True, False] + ([True] * 12 + [False]) * 5)
        quiet = [part.rpartition("c")[2].count(".") for part in told.split("o")[:-1]]
        assert quiet == [0, 1, 3, 7, 11, 11]

    def test_what_comes_and_goes_with_every_sweep_is_said_once(self) -> None:
        assert self.sweeps([True, False] * 500)[0] == "oc" + "." * 998

    def test_only_sightings_in_a_row_count(self) -> None:
        assert self.sweeps([True, False, True, False, True, True])[0] == "oc...o"

    def test_looking_more_often_is_not_seeing_more_often(self) -> None:
        _, flapped = self.sweeps([True, False, False])
        seen, times = drifts(STOPPED), [15, 16, 17, 18, 19]
        told = []
        for seconds in times:
            out, flapped = corrections([app()], seen, flapped, later(seconds))
            told.append(len(out))
        assert told == [0, 0, 0, 0, 1]

    def test_it_is_forgotten_after_ten_quiet_minutes(self) -> None:
        _, flapped = self.sweeps([True, False] + [True] * 2 + [False] + [False])
        assert self.sweeps([True] * 4, flapped, begin=30)[0] == "...o"
        late = 25 + FORGOTTEN.total_seconds()
        assert self.sweeps([True] * 4, flapped, begin=late - 1)[0] == "...o"
        assert self.sweeps([True] * 4, flapped, begin=late + 1)[0] == "o..."

    def test_memory_is_given_up_again(self) -> None:
        _, flapped = self.sweeps([True, False, False])
        assert flapped.flaps
        assert self.sweeps([False], flapped, begin=11 + FORGOTTEN.total_seconds())[1] == Damping()

    def values(self, observed: Sequence[str]) -> str:
        """For each sweep: the value that was told when it was observed; the log does what the corrections say."""
        damping, open_, told = Damping(), list[Finding](), ""
        for number, value in enumerate(observed):
            seen = f.configuration_changed("memory", "512", value)
            out, damping = corrections([app(*open_)], drifts(seen), damping, later(5 * number))
            if out:
                assert [type(c.event) for c in out[-1:]] == [ev.FindingOpened]
                open_ = [seen]
            told += value if out else "."
        return told

    def test_an_open_finding_that_alternates_is_damped_as_one_that_comes_and_goes(self) -> None:
        assert self.values("aabbb") == "a.b.."
        assert self.values("ab" * 300) == "ab" + "." * 598
        assert self.values("abaa") == "ab.a"
        told = self.values("abc" * 100)
        assert told.startswith("ab.a"), "and what is never as it is told is told, ever more seldom"
        assert len(told.replace(".", "")) <= 300 / 12 + 5

    def test_what_the_log_did_not_take_has_not_closed(self) -> None:
        _, damping = corrections([app(STOPPED)], [], Damping(), later(0))
        again, damping = corrections([app(STOPPED)], [], damping, later(5))
        assert [type(c.event) for c in again] == [ev.FindingClosed]
        assert damping.flaps == {}

    def test_what_one_application_does_is_not_held_against_another(self) -> None:
        _, flapped = self.sweeps([True, False, False])
        other = [Drift("a2", 106, STOPPED)]
        told, _ = corrections([app(), app(application_id="a2", vmid=106)], other, flapped, later(20))
        assert [c.application_id for c in told] == ["a2"]


def deployed() -> Life:
    life = Life()
    life.do(deploy())
    life.run()
    return life


def append(state: State, events: Sequence[Observed]) -> tuple[State, list[Observed]]:
    told = []
    for event in events:
        for news in correct(state, event):
            told.append(news)
            state = evolve(state, news, later(0))
    return state, told


@pytest.mark.parametrize(
    ("before", "said_by_both"),
    [
        ([], ev.FindingOpened(finding=STOPPED)),
        ([ev.FindingOpened(finding=RENAMED)], ev.FindingClosed(key="renamed")),
        ([], ev.ContainerFoundMoved(node="pve2", from_node="pve")),
        ([], ev.ConfigurationObserved(values={"cores": "2"}, environment={})),
    ],
)
def test_two_who_say_the_same_have_said_it_once(before: list[Observed], said_by_both: Observed) -> None:
    state, _ = append(deployed().state, before)
    assert append(state, [said_by_both, said_by_both])[1] == [said_by_both]


def folded(*events: Observed) -> Application:
    state, told = append(deployed().state, events)
    assert told == list(events)
    assert isinstance(state, Application)
    return state


def power(*events: Observed) -> str:
    container = folded(*events).container
    assert container
    return container.power


def test_what_a_finding_says_of_the_power_is_known_of_the_container() -> None:
    opened, gone = ev.FindingOpened(finding=STOPPED), ev.FindingOpened(finding=IS_GONE)
    closed, back = ev.FindingClosed(key="stopped_outside"), ev.FindingClosed(key="gone")
    assert power(opened) == "stopped"
    assert power(opened, closed) == "running"
    assert power(gone) == "unknown"
    assert power(opened, gone, closed) == "unknown"
    assert power(gone, back) == "running"
    assert power(gone, opened, back) == "stopped"
    assert folded(opened).desired == "running"


def test_what_we_write_ourselves_is_looked_at_anew() -> None:
    state: State = folded(ev.ConfigurationObserved(values={"cores": "2"}, environment={}))
    assert isinstance(state, Application)
    assert state.baseline is not None
    life = deployed()
    intended = next(e for e in life.events if isinstance(e, ev.StepIntended) and e.step == "configure")
    after = evolve(state, intended, later(0) + timedelta(seconds=1))
    assert isinstance(after, Application)
    assert after.baseline is None


def test_what_is_proven_gone_is_told_at_once_however_often_it_was_gone_and_back() -> None:
    """A proof that had to wait would be old."""
    damping = Damping()
    for number in range(5):
        gone, damping = corrections([app()], drifts(IS_GONE), damping, later(30 * number))
        assert [c.event for c in gone] == [ev.FindingOpened(finding=IS_GONE)]
        back, damping = corrections([app(IS_GONE)], [], damping, later(30 * number + 15))
        assert [c.event for c in back] == [ev.FindingClosed(key="gone")]
