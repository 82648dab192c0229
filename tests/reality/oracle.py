"""What is to be said of a cluster by the truth alone, and what must never have been said."""

from collections.abc import Iterator
from typing import Any

from proximity.domain.application import events as app
from proximity.domain.application.marker import markers
from proximity.domain.cluster import events as cluster
from proximity.domain.drift.overlooked import PATIENCE
from proximity.domain.guest import events as guest
from proximity.domain.guest import state as guest_state
from proximity.messaging.envelope import Recorded
from proximity.vault.hashes import ConfigurationHash
from reality.stage import INSTALLATION, KEY, Stage
from reality.truth import NODE_AHEAD

# So long ago at most is what a look saw: its patience, and the clock's error.
OLD = 10.0
# How much the clocks of those who look may be apart, in seconds.
CLOCK = 4.0
LOCKED_LONG = 15 * 60.0


class Oracle:
    """Looks at each event when it is stored. `false`: what was said although it was not so."""

    def __init__(self, stage: Stage) -> None:
        self.false: list[str] = []
        self.told: dict[int, float] = {}
        # the tasks of which it was said that they ended unseen
        self.unseen: list[str] = []
        self._stage = stage
        self._seen = 0
        stage.log.heard.append(self._look)

    def _look(self) -> None:
        events = self._stage.events()
        for event in events[self._seen :]:
            if isinstance(event.event, app.TaskEndedUnseen):
                # it is in the name of whoever asked for the operation
                self.false += self._false_end(event.event, event.stored_at.timestamp())
            elif event.metadata.actor.id == "reconciler":
                self.false += self._false(event)
        self._seen = len(events)

    def _false(self, said: Recorded[Any]) -> Iterator[str]:
        now = said.stored_at.timestamp()
        lately = self._stage.truth.since(now - OLD)
        match said.event:
            case guest.GuestGone():
                vmid = int(said.aggregate_id.rpartition("-")[2])
                if all(vmid in then for then in lately):
                    yield f"{now}: guest {vmid} gone"
            case app.FindingOpened(finding=finding) if finding.kind == "gone":
                vmid = self._stage.made[said.aggregate_id].vmid
                self.told[vmid] = now
                if all(vmid in then for then in lately):
                    yield f"{now}: {said.aggregate_id} gone"
            case app.FindingOpened(finding=finding) if finding.explained:
                workers = [w for w in self._stage.truth.workers if w.upid == finding.explained.upid]
                vmid = self._stage.made[said.aggregate_id].vmid
                if [(w.vmid, w.user) for w in workers] != [(vmid, finding.explained.user)]:
                    yield f"{now}: {said.aggregate_id} explained by {finding.explained.upid}"
            case cluster.NodeGone() | cluster.StorageGone():
                # they are away now and then, and stay
                yield f"{now}: {said.event}"

    def _false_end(self, said: app.TaskEndedUnseen, now: float) -> Iterator[str]:
        [worker] = [w for w in self._stage.truth.workers if w.upid == said.upid]
        if now - worker.ends < PATIENCE.total_seconds() - CLOCK or said.ended != int(worker.ends + NODE_AHEAD):
            yield f"{now}: {said} too soon, or wrong"
        if said.upid in self.unseen:
            yield f"{now}: {said} again"
        self.unseen.append(said.upid)


async def of_application(stage: Stage, key: str) -> set[str]:
    there, made, state = stage.truth.guests.get(stage.made[key].vmid), stage.made[key], await stage.application(key)
    if there is None:
        return {"gone"}
    if there.of != key:
        return {"vmid_taken"}
    baseline = state.baseline
    # without the marker it was never proven to be the one whose configuration is to be kept
    assert baseline or not there.marker
    token = ConfigurationHash(KEY).of(made.vmid, "TOKEN", there.token)
    checks = {
        "stopped_outside": stage.wanted[key] and not there.running,
        "started_outside": not stage.wanted[key] and there.running,
        "renamed": there.name != made.name,
        "marker_removed": not there.marker,
        "configuration_changed:memory": baseline is not None and str(there.memory) != baseline.values["memory"],
        "configuration_changed:env.TOKEN": baseline is not None and token != baseline.environment["TOKEN"],
        "lock_left": there.lock is not None and stage.truth.seconds() - there.locked > LOCKED_LONG,
    }
    return {kind for kind, holds in checks.items() if holds}


async def disagreements(stage: Stage) -> list[str]:
    """Where the log says otherwise than the truth; nobody may be at work."""
    found, managed = [], {stage.made[key].vmid for key in stage.living}
    if lost := (await stage.cluster()).rights_lost:
        found.append(f"rights that were lost for a while: {lost}")
    for key in stage.living:
        state, wanted = await stage.application(key), await of_application(stage, key)
        if set(state.findings) != wanted:
            found.append(f"{key}: {sorted(state.findings)}, but it is {sorted(wanted)}")
        there = stage.truth.guests.get(stage.made[key].vmid)
        if there and there.of == key and there.marker and (not state.container or state.container.node != there.node):
            found.append(f"{key} is on {there.node}, not on {state.container}")
    vmids = {int(e.aggregate_id.rpartition("-")[2]) for e in stage.events() if e.category == "guest"}
    for vmid in sorted(vmids | (stage.truth.guests.keys() - managed)):
        found += _of_guest(stage, vmid, await stage.guest(vmid), vmid in managed)
    return found


def _of_guest(stage: Stage, vmid: int, known: Any, managed: bool) -> Iterator[str]:
    there = None if managed else stage.truth.guests.get(vmid)
    present = isinstance(known, guest_state.Guest) and known.present
    if present != (there is not None):
        yield f"guest {vmid}: {'present' if present else 'absent'} in the log, {there} in truth"
    if not there or not present:
        return
    if (known.facts.node, known.facts.name, known.facts.type) != (there.node, there.name, there.kind):
        yield f"guest {vmid}: {known.facts} in the log, {there} in truth"
    ours = [m for m in markers(there.marker) if m.installation == INSTALLATION and there.kind == "lxc"]
    wanted = {"orphan" if m.vmid == vmid else "marker_copied" for m in ours}
    if set(known.findings) != wanted:
        yield f"guest {vmid}: {sorted(known.findings)}, but it is {sorted(wanted)}"
