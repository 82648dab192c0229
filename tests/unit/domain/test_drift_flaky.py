"""A thousand sweeps of a cluster that changes all the time, seen through a bad window by two reconcilers that do not
know of each other and die now and then. Nothing is ever falsely called gone, and once all can be seen for a while, the
log says exactly what is true.
"""

from random import Random

import pytest

from proximity.domain.application.events import FindingClosed, FindingOpened, Observed
from proximity.domain.finding import Finding
from support.flaky import Cluster, Owner
from support.windows import CLEAR, Reconciler, Window, any_window

# Long enough for what no list shows, and for what was damped: see ROUTINE and FORGOTTEN.
CALM, QUIET = 150, 150


class Stage:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cluster = Cluster(self.random, [Owner(n) for n in range(8)])
        self.reconcilers = [Reconciler(self.cluster, {}), Reconciler(self.cluster, {})]
        self.reconcilers[1].guests = self.reconcilers[0].guests
        self.windows: list[Window | None] = [CLEAR, CLEAR]
        self.false_gone = self.said = 0

    def play(self, sweeps: int, *, flaky: bool) -> int:
        """Number of events appended."""
        before = self._said()
        for _ in range(sweeps):
            if flaky:
                self.cluster.stir()
            self.cluster.pass_time()
            self._forget_guests_that_are_gone()
            windows = self._windows(flaky)
            meant = [r.sweep(w) if w else [] for r, w in zip(self.reconcilers, windows, strict=True)]
            for reconciler, said in zip(self.reconcilers, meant, strict=True):
                reconciler.append(said)
            if flaky and self.random.random() < 0.02:
                self._restart()
        return self._said() - before

    def _windows(self, flaky: bool) -> list[Window | None]:
        """Trouble lasts: for ten sweeps or so."""
        vmids = list(self.cluster.truth)
        for n in range(len(self.windows)):
            if self.random.random() < 0.1:
                self.windows[n] = any_window(self.random, vmids)
        return self.windows if flaky else [CLEAR for _ in self.windows]

    def finish_operations(self) -> None:
        for owner in self.cluster.living:
            while owner.busy:
                self.cluster.carry_on(owner)

    def _forget_guests_that_are_gone(self) -> None:
        """Whether a guest is gone is not decided by a comparison."""
        guests, managed = self.reconcilers[0].guests, {owner.vmid for owner in self.cluster.living}
        for vmid in [vmid for vmid in guests if vmid not in self.cluster.truth or vmid in managed]:
            del guests[vmid]

    def _restart(self) -> None:
        died = self.reconcilers.pop(0)
        self.false_gone, self.said = self.false_gone + died.false_gone, self.said + died.said
        self.reconcilers.append(Reconciler(self.cluster, died.guests))

    def _said(self) -> int:
        return self.said + sum(r.said for r in self.reconcilers)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_falsely_gone_and_in_the_end_the_log_says_what_is_true(seed: int) -> None:
    stage = Stage(seed)
    stage.play(10, flaky=False)
    stage.play(1000, flaky=True)
    stage.finish_operations()
    stage.play(CALM, flaky=False)

    assert stage.false_gone + sum(r.false_gone for r in stage.reconcilers) == 0
    cluster = stage.cluster
    for owner in cluster.living:
        app = owner.life.app
        assert set(app.findings) == cluster.findings(owner), owner.id
        there = cluster.truth.get(owner.vmid)
        if there and there.of == owner.id and there.markers:
            assert app.container
            assert app.container.node == there.node
    guests = {vmid: set(open_) for vmid, open_ in stage.reconcilers[0].guests.items() if open_}
    assert guests == cluster.findings_of_guests()
    assert stage.play(QUIET, flaky=False) == 0


def told_by(reconcilers: int, sweeps: int) -> list[list[Observed]]:
    """What is said of each application by so many who see the same at the same time."""
    cluster = Cluster(Random(7), [Owner(n) for n in range(8)])
    guests: dict[int, dict[str, Finding]] = {}
    active = [Reconciler(cluster, guests) for _ in range(reconcilers)]
    for sweep in range(sweeps):
        if sweep > 10:
            cluster.stir()
        cluster.pass_time()
        meant = [reconciler.sweep(CLEAR) for reconciler in active]
        for reconciler, said in zip(active, meant, strict=True):
            reconciler.append(said)
    return [owner.told for owner in cluster.owners]


def test_two_who_are_active_at_once_say_what_one_says() -> None:
    alone = told_by(1, 300)
    assert sum(map(len, alone)) > 50
    assert told_by(2, 300) == alone


def test_the_play_is_worth_watching() -> None:
    """All that can be found was found, and closed, in these plays."""
    opened: set[str] = set()
    closed: set[str] = set()
    for seed in range(3):
        stage = Stage(seed)
        stage.play(10, flaky=False)
        stage.play(1000, flaky=True)
        for owner in stage.cluster.owners:
            opened |= {event.finding.key for event in owner.told if isinstance(event, FindingOpened)}
            closed |= {event.key for event in owner.told if isinstance(event, FindingClosed)}
    everything = {
        *("stopped_outside", "started_outside", "gone", "vmid_taken", "renamed", "marker_removed", "lock_left"),
        *("configuration_changed:memory", "configuration_changed:env.TOKEN", "unseen"),
    }
    assert opened == closed == everything
