"""A reconciler that sees a cluster through a bad window: what it is shown is old, partial, or nothing at all."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from proximity.domain.application.events import FindingOpened
from proximity.domain.drift import (
    Correction,
    Damping,
    Known,
    Listed,
    Look,
    View,
    corrections,
    find_drift,
    locked,
    missing,
    suspects,
)
from proximity.domain.finding import Finding
from proximity.domain.guest import events as guest
from support.comparing import INSTALLATION
from support.flaky import NODES, Cluster, Guest

# so many looks a sweep does the budget leave
LOOKS = 3


@dataclass(frozen=True)
class Window:
    """`omitted`: left out of the list without a word. `age`: how many sweeps old the list is, and what a node without
    quorum says of a configuration. `half`: the status is read and the configuration not. `skew`: of the clock.
    """

    quorate: bool = True
    away: frozenset[str] = frozenset()
    forbidden: frozenset[int] = frozenset()
    omitted: frozenset[int] = frozenset()
    age: int = 0
    half: bool = False
    skew: timedelta = timedelta()

    @property
    def complete(self) -> bool:
        return self.quorate and not self.away and not self.forbidden


CLEAR = Window()


def any_window(random: Random, vmids: list[int]) -> Window | None:
    """None: nothing of the cluster answers."""
    trouble = random.random()
    if trouble < 0.1:
        return None
    some = frozenset(vmid for vmid in vmids if random.random() < 0.3)
    return Window(
        quorate=not 0.1 < trouble < 0.25,
        away=frozenset({random.choice(NODES)}) if trouble > 0.8 else frozenset(),
        forbidden=(some if random.random() < 0.7 else frozenset(vmids)) if 0.25 < trouble < 0.4 else frozenset(),
        omitted=some if 0.4 < trouble < 0.5 else frozenset(),
        age=random.choice([0, 1, 2, 30]) if random.random() < 0.5 else 0,
        half=random.random() < 0.2,
        skew=timedelta(seconds=random.choice([0, 0, -2, 2])),
    )


@dataclass
class Reconciler:
    """What it keeps from sweep to sweep is lost when it dies. `looked`: what the truth was at the last look."""

    cluster: Cluster
    # of guests that no application has: as the log has them, so shared by all
    guests: dict[int, dict[str, Finding]]
    looks: dict[int, Look] = field(default_factory=dict)
    looked: dict[int, Guest | None] = field(default_factory=dict)
    missing: dict[int, tuple[datetime, ...]] = field(default_factory=dict)
    locked: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    damping: Damping = field(default_factory=Damping)
    false_gone: int = 0
    said: int = 0

    def sweep(self, window: Window) -> list[tuple[Correction, int]]:
        """What it means to append, each with the number of events it knows of that application."""
        cluster, at = self.cluster, self.cluster.now + window.skew
        desired = [owner.desired for owner in cluster.living]
        versions = {owner.id: owner.version for owner in cluster.owners}
        view = self._view(window, at)
        for vmid in suspects(desired, view, self.guests)[:LOOKS]:
            self._look(vmid, view, window, at)
        known = {owner.id: Known(owner.slug, owner.life.now) for owner in cluster.owners}
        differences = find_drift(desired, view, INSTALLATION, known, self.guests)
        said, self.damping = corrections(desired, differences, self.damping, at, guests=self.guests)
        return [(c, versions[c.application_id] if c.application_id else 0) for c in said]

    def append(self, said: list[tuple[Correction, int]]) -> None:
        """What somebody else was faster with is dropped."""
        versions = {owner.id: owner.version for owner in self.cluster.owners}
        owners = {owner.id: owner for owner in self.cluster.living}
        for correction, expected in said:
            if correction.application_id is None:
                self._append_to_guest(correction)
            elif correction.application_id in owners and versions[correction.application_id] == expected:
                event = correction.event
                assert not isinstance(event, guest.FindingOpened | guest.FindingClosed)
                told = owners[correction.application_id].observe(event, self.cluster.now)
                self.said += len(told)
                for news in told:
                    if isinstance(news, FindingOpened) and news.finding.kind == "gone":
                        self.false_gone += self.looked[correction.vmid] is not None

    def _append_to_guest(self, correction: Correction) -> None:
        open_ = self.guests.setdefault(correction.vmid, {})
        before = dict(open_)
        if isinstance(correction.event, guest.FindingOpened):
            open_.setdefault(correction.event.finding.key, correction.event.finding)
        elif isinstance(correction.event, guest.FindingClosed):
            open_.pop(correction.event.key, None)
        self.said += open_ != before

    def _view(self, window: Window, at: datetime) -> View:
        then = self.cluster.history[max(0, len(self.cluster.history) - 1 - window.age)]
        listed = {
            vmid: Listed(vmid, it.node, it.name, None if it.node in window.away else it.running, it.lock)
            for vmid, it in then.items()
            if vmid not in window.forbidden | window.omitted
        }
        wanted = [owner.vmid for owner in self.cluster.living]
        self.missing = missing(self.missing, at, window.complete, listed, wanted)
        self.locked = locked(self.locked, at, listed)
        return View(at, window.complete, window.quorate, window.away, listed, self.looks, self.missing, self.locked)

    def _look(self, vmid: int, view: View, window: Window, at: datetime) -> None:
        """As Proxmox would answer; a look that has no answer leaves what was seen before."""
        history, listed = self.cluster.history, view.guests.get(vmid)
        it = history[max(0, len(history) - 1 - (0 if window.quorate else window.age))].get(vmid)
        asked = listed.node if listed else next((o.desired.node for o in self.cluster.living if o.vmid == vmid), "pve")
        if asked in window.away or (it is None and not window.quorate):
            return
        if it is None:
            seen = Look(at, "gone", asked)
        elif vmid in window.forbidden:
            seen = Look(at, "forbidden", asked)
        elif it.node != asked:
            seen = Look(at, "elsewhere", asked)
        elif window.half:
            seen = Look(at, "there", it.node, it.running, lock=it.lock)
        else:
            environment = {"TOKEN": it.token}
            seen = Look(at, "there", it.node, it.running, it.name, it.lock, it.markers, it.values, environment)
        self.looks[vmid], self.looked[vmid] = seen, history[-1].get(vmid)
