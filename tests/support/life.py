"""An application's life, played on the decider alone; what must always hold is checked after every fact."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.claims import wishes
from proximity.domain.application.commands import ApplicationCommand
from proximity.domain.application.decider import decide, record
from proximity.domain.application.events import ApplicationEvent, StepName
from proximity.domain.application.evolve import evolve
from proximity.domain.application.process import Step, next_step
from proximity.domain.application.spec import Probe, Resources, Spec, Template
from proximity.domain.application.state import INITIAL, Application, State
from proximity.domain.claim import claim
from proximity.domain.claim.claim import Claim
from proximity.domain.operation.cause import Cause
from support.deciders import NOON

CLUSTER = "c1"
SPEC = Spec(
    recipe="wiki",
    recipe_version="1",
    runtime="template",
    template=Template(name="debian-12-wiki", version="18.0-1"),
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
    probe=Probe(kind="tcp", port=80),
)
ADOPTED = 105  # the VMID of the container that is adopted
FOUND = Spec(
    recipe="adopted",
    recipe_version="1",
    runtime="adopted",
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
)
CAUSE = Cause(code="storage_full", message="The storage is full.", proxmox="no space left")
# A call on Proxmox is announced; the others only look.
EFFECTS: set[StepName] = {
    *("download_template", "pull_image"),
    *("create", "configure", "start", "shutdown", "stop", "destroy", "mark", "unmark"),
}
# Done when it is answered: there is no task.
AT_ONCE: set[StepName] = {"configure", "mark", "unmark"}


@dataclass
class Claims:
    """What is taken, across applications."""

    held: dict[str, Claim] = field(default_factory=dict)

    def grant(self, application_id: str, state: State, events: list[ApplicationEvent]) -> None:
        """All or nothing. Raises ClaimRefusedError."""
        after = dict(self.held)
        for event in events:
            for wish in wishes(application_id, state, event):
                key = f"{wish.kind}.{wish.key}"
                for granted in claim.decide(wish, after.get(key, Claim())):
                    after[key] = claim.evolve(after.get(key, Claim()), granted)
                if not wish.shared:
                    assert len(after.get(key, Claim()).holders) <= 1, f"two hold {key}"
            state = evolve(state, event, NOON)
        self.held = after

    def holders(self, key: str) -> frozenset[str]:
        return self.held.get(key, Claim()).holders


@dataclass
class Life:
    id: str = "a1"
    claims: Claims = field(default_factory=Claims)
    events: list[ApplicationEvent] = field(default_factory=list)
    state: State = INITIAL
    now: datetime = NOON
    next_vmid: int = 20000

    def do(self, command: ApplicationCommand) -> list[ApplicationEvent]:
        """Raises Rejected, ClaimRefusedError."""
        return self._append(decide(command, self.state))

    def happen(self, outcome: ApplicationEvent) -> list[ApplicationEvent]:
        return self._append(record(self.state, outcome))

    @property
    def app(self) -> Application:
        assert isinstance(self.state, Application)
        return self.state

    @property
    def step(self) -> Step | None:
        return next_step(self.state)

    def advance(self) -> list[ApplicationEvent]:
        """What a healthy Proxmox lets happen next."""
        step = self.step
        assert step is not None
        return self.happen(self.favourable(step))

    def run(self, until: StepName | None = None) -> None:
        for _ in range(60):
            if self.step is None or (until and self.step.name == until):
                return
            self.advance()
        raise AssertionError(f"does not come to an end: {self.state}")

    def favourable(self, step: Step) -> ApplicationEvent:
        op = step.operation_id
        ct = self.app.container
        if step.name in EFFECTS and step.intent is None:
            return self.intended(step)
        if step.name in EFFECTS - AT_ONCE and step.intent and step.intent.upid is None:
            return ev.TaskAccepted(operation_id=op, step=step.name, upid=f"UPID:{step.name}:{len(self.events)}")
        match step.name:
            case "claim_vmid":
                self.next_vmid += 1
                return ev.VmidClaimed(operation_id=op, cluster_id=CLUSTER, node="pve", vmid=self.next_vmid)
            case "create":
                assert ct
                return ev.ContainerCreated(operation_id=op, node=ct.node, vmid=ct.vmid)
            case "prove_gone":
                assert ct
                return ev.ContainerProvenGone(operation_id=op, node=ct.node, vmid=ct.vmid)
        return _FAVOURABLE[step.name].model_copy(update={"operation_id": op})

    def intended(self, step: Step, runner: str = "r1") -> ev.StepIntended:
        op, ct = self.app.operation, self.app.container
        assert op
        return ev.StepIntended(
            operation_id=op.id,
            step=step.name,
            runner=runner,
            attempt=op.attempts + 1,
            node="pve",
            vmid=ct.vmid if ct else None,
            node_time=int(self.now.timestamp()),
        )

    def ends(self) -> dict[str, ev.Ended]:
        return {e.operation_id: e for e in self.events if isinstance(e, ev.Ended)}

    def _append(self, events: list[ApplicationEvent]) -> list[ApplicationEvent]:
        self.claims.grant(self.id, self.state, events)
        for event in events:
            self.now += timedelta(seconds=1)
            self.state = evolve(self.state, event, self.now)
            self.events.append(event)
        self._check()
        return events

    def _check(self) -> None:
        ended = Counter(e.operation_id for e in self.events if isinstance(e, ev.Ended))
        assert all(times == 1 for times in ended.values()), "an operation ended twice"
        state = self.state
        if not isinstance(state, Application):
            return
        open_ = {op.id for op in (state.operation, state.queued) if op}
        assert state.handled == open_ | set(ended), "every operation is open or has ended, never both"
        assert len(state.handled) == len(open_) + len(ended)
        assert (state.operation is None) == (next_step(state) is None), "what is open has something left to do"
        assert state.queued is None or state.operation is not None
        left = state.container is not None and state.container.created
        over = state.operation is None and not left and not state.deployed
        free = state.deleted or over
        assert (self.id in self.claims.holders(f"name.{state.slug}")) != free, "a name is free when nothing is left"
        assert (self.id in self.claims.holders(f"tenancy.{CLUSTER}")) != free
        adopts = any(isinstance(event, ev.AdoptRequested) for event in self.events)
        assert (self.id in self.claims.holders(f"guest.{CLUSTER}-{ADOPTED}")) == (adopts and not free)


PREFLIGHT = ev.PreflightPassed(
    operation_id="deploy",
    node="pve",
    rootfs_storage="btr",
    template_storage="local",
    template_volid="local:vztmpl/debian-12-wiki_18.0-1_amd64.tar.gz",
    template_present=False,
    reason="pve: there is room",
)
INSPECTED = ev.ContainerInspected(
    operation_id="adopt", node="pve", hostname="old-wiki", power="running", had_tag=False, had_description=True
)
_FAVOURABLE: dict[StepName, ApplicationEvent] = {
    "preflight": PREFLIGHT,
    "download_template": ev.TemplateDownloaded(operation_id="", volid=PREFLIGHT.template_volid),
    "pull_image": ev.ImagePulled(operation_id="", volid=PREFLIGHT.template_volid),
    "configure": ev.ContainerConfigured(operation_id=""),
    "start": ev.ContainerStarted(operation_id=""),
    "find_address": ev.AddressFound(operation_id="", address="10.0.0.9"),
    "probe": ev.ApplicationAnswered(operation_id=""),
    "shutdown": ev.ContainerShutDown(operation_id=""),
    "stop": ev.ContainerStopped(operation_id=""),
    "destroy": ev.ContainerDestroyed(operation_id=""),
    "inspect": INSPECTED,
    "mark": ev.ContainerMarked(operation_id="", tagged=True),
    "unmark": ev.ContainerUnmarked(operation_id=""),
}


def deploy(
    operation_id: str = "deploy", application_id: str = "a1", name: str = "Wiki", spec: Spec = SPEC
) -> cmd.DeployApplication:
    return cmd.DeployApplication(
        operation_id=operation_id, application_id=application_id, name=name, cluster_id=CLUSTER, spec=spec
    )


def adopt(operation_id: str = "adopt", application_id: str = "a1", name: str = "Wiki") -> cmd.AdoptGuest:
    return cmd.AdoptGuest(
        operation_id=operation_id,
        application_id=application_id,
        name=name,
        cluster_id=CLUSTER,
        node="pve",
        vmid=ADOPTED,
        spec=FOUND,
    )


def adopting(claims: Claims | None = None) -> Life:
    life = Life(claims=claims or Claims())
    life.do(adopt())
    return life


def adopted(power: Literal["running", "stopped"] = "running") -> Life:
    life = adopting()
    life.happen(INSPECTED.model_copy(update={"power": power}))
    life.run()
    return life


def deploying(claims: Claims | None = None, spec: Spec = SPEC) -> Life:
    life = Life(claims=claims or Claims())
    life.do(deploy(spec=spec))
    return life


def deployed(spec: Spec = SPEC) -> Life:
    life = deploying(spec=spec)
    life.run()
    return life


def every_point_of(finished: Life) -> list[list[ApplicationEvent]]:
    """All pasts that this life had, apart from those inside one decision."""
    events = finished.events
    return [events[:length] for length in range(1, len(events)) if not isinstance(events[length], ev.Ended)]


def again(past: list[ApplicationEvent]) -> Life:
    """A life that goes on from this past."""
    life = Life()
    life._append(past)
    life.next_vmid += sum(isinstance(event, ev.VmidClaimed) for event in past)
    return life
