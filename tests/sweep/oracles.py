"""What must hold in every run, whatever went wrong. Some of it is looked at when something happens, some at the end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from proximity.domain.application import events as ev
from proximity.domain.application.events import StepName
from proximity.domain.application.process import SETTLE
from proximity.messaging import subjects
from proximity_provisioner.evidence import TASK_TYPES
from sweep.port import Sent
from sweep.scenarios import APP, Guest, Scenario
from sweep.world import CLUSTER_ID, TOKEN, World

# what a call that comes late would undo
GOALS: dict[StepName, str] = {
    "create": "running",
    "start": "running",
    "shutdown": "stopped",
    "stop": "stopped",
    "destroy": "stopped",
}
# seconds from the last look at the tasks to the call
LOOKED_WITHIN = 2.0
# the node's clock is told in whole seconds, and a call is sent a moment after it was asked
ROUNDING = 3.0


@dataclass
class Oracle:
    """The calls of one run, and what was wrong with them."""

    violations: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    seen: int = 0

    def told(self, world: World, what: str, about: Any) -> None:
        match what:
            case "sent":
                self._may_be_sent(world, about)
                self.sent.append(about)
            case "answered":
                self.answered.add(id(about))
            case "followed":
                if not _accepted(world, about):
                    self._wrong(world, f"{about} is followed and not in the log")

    def watch(self, world: World) -> None:
        """Called when something was stored."""
        for record in world.events()[self.seen :]:
            self.seen += 1
            if isinstance(record.event, ev.StepTakenOver) and record.aggregate_id == APP:
                self._may_be_taken_over(world, record.event)

    def _may_be_taken_over(self, world: World, taken: ev.StepTakenOver) -> None:
        """A call that somebody alive waits for is theirs."""
        before = world.application(APP, self.seen - 1)
        intent = before.operation.intent if before and before.operation else None
        leases = world.log.streams[subjects.bucket_stream(subjects.LEASES)]
        leases.expire(world.log.now())
        lives = leases.last(subjects.bucket_key(subjects.LEASES, f"runner.{taken.from_runner}"))
        if lives and intent and intent.upid is None and not intent.unanswered:
            self._wrong(world, f"{taken.step} is taken over from {taken.from_runner}, which lives")

    def _may_be_sent(self, world: World, now: Sent) -> None:
        if now.vmid in world.foreign and now.step != "create":
            self._wrong(world, f"{now.step} of a stranger's guest {now.vmid}")
        self._intended(world, now)
        if now.step == "create":
            self._numbered(world, now)
        self._settled(world, now)
        self._not_running(world, now)

    def _not_running(self, world: World, now: Sent) -> None:
        """While a task of ours does it, nobody asks for it again. Who stood still could not know."""
        if any(fault.mode == "frozen" for _, fault in world.points.struck):
            return
        for worker in world.proxmox.workers.values():
            same = worker.type == TASK_TYPES.get(now.step) and worker.id == str(now.vmid) and worker.user == TOKEN
            since = world.proxmox.node_time() - worker.starttime
            if same and worker.exitstatus is None and since > LOOKED_WITHIN:
                self._wrong(world, f"{now.step} is sent while {worker.upid} runs")

    def _intended(self, world: World, now: Sent) -> None:
        """Each call has an intent of its own, by whoever sends it, in the log before it."""
        sender = next(replica for replica in world.replicas if replica.name == now.by)
        intents = [r.event for r in world.of_application(APP) if isinstance(r.event, ev.StepIntended)]
        intents = [i for i in intents if i.step == now.step and i.runner in sender.incarnations]
        calls = [sent for sent in self.sent if (sent.step, sent.by) == (now.step, now.by)]
        if len(intents) <= len(calls):
            self._wrong(world, f"{now.step} is sent without an intent of its own")
        elif (intents[-1].node, intents[-1].vmid) != (now.node, now.vmid):
            self._wrong(world, f"{now.step} goes to {now.node} {now.vmid}, intended was {intents[-1].vmid}")

    def _numbered(self, world: World, now: Sent) -> None:
        taken = world.log.streams[subjects.EVENTS].last(subjects.event("claim", f"vmid.{CLUSTER_ID}-{now.vmid}"))
        history = [r.event for r in world.of_application(APP)]
        if not taken or not any(isinstance(e, ev.VmidClaimed) and e.vmid == now.vmid for e in history):
            self._wrong(world, f"create of {now.vmid}, which was not claimed")
        for before in self.sent:
            given_up = any(isinstance(e, ev.VmidFoundTaken) and e.vmid == before.vmid for e in history)
            if before.step == "create" and before.vmid != now.vmid and not given_up:
                self._wrong(world, f"create of {now.vmid} while that of {before.vmid} is open")

    def _settled(self, world: World, now: Sent) -> None:
        """Nothing opposite is sent while an earlier call may still take effect."""
        goal = GOALS.get(now.step)
        for before in self.sent:
            opposite = goal and GOALS.get(before.step) not in (None, goal) and before.vmid == now.vmid
            known = id(before) in self.answered or _accepted(world, self._upid(world, before))
            if opposite and not known and now.at - before.at < SETTLE.total_seconds() - ROUNDING:
                self._wrong(world, f"{now.step} is sent {now.at - before.at:.0f} s after an unanswered {before.step}")

    @staticmethod
    def _upid(world: World, sent: Sent) -> str | None:
        """What Proxmox made of it, whether or not anybody knows."""
        return world.proxmox.made.get(id(sent))

    def _wrong(self, world: World, words: str) -> None:
        self.violations.append(f"{world.proxmox.seconds():.1f} s: {words}")

    # --- at the end

    def finish(self, world: World, scenario: Scenario, *, ended: bool, disturbed: bool) -> list[str]:
        if not ended:
            self._wrong(world, f"not over within {scenario.within:.0f} s")
        if world.undecided:
            self._wrong(world, f"{world.undecided} commands are not acknowledged")
        self._ends(world, scenario)
        self._history(world, scenario, disturbed=disturbed)
        self._guests(world, scenario)
        self._baseline(world, disturbed=disturbed)
        if not disturbed and not world.proxmox.killed:
            lost = [r.event for r in world.of_application(APP) if isinstance(r.event, ev.CallUnanswered)]
            self.violations += [f"a call that was answered counts as unanswered: {event}" for event in lost]
        return self.violations

    def _ends(self, world: World, scenario: Scenario) -> None:
        for operation_id in world.asked:
            ends = [r.event for r in world.of_application(APP) if isinstance(r.event, ev.Ended)]
            ends = [end for end in ends if end.operation_id == operation_id]
            names = [type(end).__name__.removeprefix("Operation").lower() for end in ends]
            names += ["rejected"] * len(world.rejected(operation_id))
            if len(names) != 1:
                self._wrong(world, f"{operation_id} has {len(names)} ends: {names}")
            elif operation_id in scenario.ends and names[0] not in scenario.ends[operation_id]:
                self._wrong(world, f"{operation_id} {names[0]}: {ends}")

    def _history(self, world: World, scenario: Scenario, *, disturbed: bool) -> None:
        versions: Counter[tuple[str, str]] = Counter()
        for record in world.events():
            key = (record.category, record.aggregate_id)
            versions[key] += 1
            if record.metadata.version != versions[key]:
                self._wrong(world, f"a gap in the history of {key} at {record.metadata.version}")
        said = {r.event.command for r in world.events() if isinstance(r.event, ev.OperationUndecided)}
        vmids = [r.event.vmid for r in world.events() if isinstance(r.event, ev.VmidClaimed)]
        expected = {scenario.undecided.format(vmid=vmid) for vmid in vmids} if scenario.undecided else set()
        if not said <= expected or (expected and not said and not disturbed):
            self._wrong(world, f"undecided: {said}, expected {expected}")

    def _guests(self, world: World, scenario: Scenario) -> None:
        for vmid, seen in world.foreign.items():
            guest = world.proxmox.guests.get(vmid)
            if guest is None or (guest.digest, guest.running) != seen:
                self._wrong(world, f"the stranger's guest {vmid} was touched")
        app = world.application(APP)
        number = app.container.vmid if app and app.container and not app.deleted else None
        left: Guest = "none"
        for guest in world.proxmox.guests.values():
            if guest.vmid in world.foreign:
                continue
            left = "running" if guest.running else "stopped"
            as_found = world.found.get(guest.vmid) == guest.digest
            if guest.vmid != number and not as_found:
                self._wrong(world, f"guest {guest.vmid} is left without an application: {guest.config}")
            elif guest.vmid == number and as_found:
                self._wrong(world, f"guest {guest.vmid} is adopted and carries no mark")
            elif guest.lock or "swap" not in guest.config:
                self._wrong(world, f"guest {guest.vmid} is not whole: {guest.config}")
        if left not in scenario.guest:
            self._wrong(world, f"the guest is {left} in the end")
        if app and app.deployed and not app.deleted and left != app.desired:
            self._wrong(world, f"wanted {app.desired}, is {left}")
        creates = sum(entry.action == "create" and entry.vmid not in world.foreign for entry in world.proxmox.journal)
        allowed = 1 + sum("vzcreate" in killed for killed in world.proxmox.killed)
        if creates > allowed:
            self._wrong(world, f"{creates} containers were made")

    def _baseline(self, world: World, *, disturbed: bool) -> None:
        """No reconciler looks at it here: it is what an operation has read."""
        app = world.application(APP)
        if app is None or app.container is None or not app.deployed:
            return
        vmid, known = app.container.vmid, app.baseline
        is_ = world.inspected.get(vmid) or world.configuration(vmid)
        if known is None and (app.adoption or not disturbed):
            self._wrong(world, f"guest {vmid} has no baseline")
        elif known and (known.values, known.environment) != (is_.values, is_.environment):
            self._wrong(world, f"guest {vmid} has the baseline {known}, it was {is_}")


def _accepted(world: World, upid: str | None) -> bool:
    return upid is not None and any(
        isinstance(r.event, ev.TaskAccepted) and r.event.upid == upid for r in world.of_application(APP)
    )
