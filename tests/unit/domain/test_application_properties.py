"""Whatever is asked and whatever happens, in any order and any number of times: what must always hold, holds.

Most of it is checked by Life after every fact: at most one end per operation, something left to do while one is open,
a name that is free exactly when nothing is left, never two holders.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.decider import record
from proximity.domain.application.events import ApplicationEvent, StepName
from proximity.domain.application.evolve import evolve
from proximity.domain.application.process import next_step
from proximity.domain.application.state import INITIAL, Application, State
from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.errors import Rejected
from support.deciders import NOON
from support.images import VAULTWARDEN
from support.life import ADOPTED, CAUSE, CLUSTER, FOUND, INSPECTED, PREFLIGHT, SPEC, Claims, Life, adopt, deploy

STEPS: list[StepName] = [
    "preflight",
    "download_template",
    "pull_image",
    "claim_vmid",
    "create",
    "configure",
    "start",
    "find_address",
    "probe",
    "shutdown",
    "stop",
    "destroy",
    "prove_gone",
    "inspect",
    "mark",
    "unmark",
]
VMIDS = st.integers(20001, 20004)
VERDICTS = ["succeeded", "not_executed", "failed"]
COMMANDS: list[Callable[..., cmd.ApplicationCommand]] = [
    cmd.StartApplication,
    cmd.ShutdownApplication,
    cmd.StopApplication,
    cmd.RestartApplication,
    cmd.DeleteApplication,
    cmd.ReleaseApplication,
]


def happenings(operation_ids: st.SearchStrategy[str]) -> st.SearchStrategy[ApplicationEvent]:
    """Everything that is ever recorded as having happened."""
    step, runner = st.sampled_from(STEPS), st.sampled_from(["r1", "r2", "r3"])
    of: dict[str, Any] = {"operation_id": operation_ids}
    plain = [
        ev.ContainerConfigured,
        ev.ContainerStarted,
        ev.ApplicationAnswered,
        ev.ContainerShutDown,
        ev.ContainerStopped,
        ev.ContainerDestroyed,
        ev.ContainerUnmarked,
    ]
    return st.one_of(
        st.sampled_from(plain).flatmap(lambda kind: st.builds(kind, **of)),
        operation_ids.map(lambda op: PREFLIGHT.model_copy(update={"operation_id": op})),
        st.builds(ev.TemplateDownloaded, **of, volid=st.just("local:vztmpl/x")),
        st.builds(ev.ImagePulled, **of, volid=st.just("local:vztmpl/x.tar")),
        st.builds(ev.VmidClaimed, **of, cluster_id=st.just(CLUSTER), node=st.just("pve"), vmid=VMIDS),
        st.builds(ev.VmidFoundTaken, **of, vmid=VMIDS),
        st.builds(ev.ContainerFoundHalfMade, **of, vmid=VMIDS),
        st.builds(ev.ContainerCreated, **of, node=st.just("pve"), vmid=VMIDS),
        st.builds(ev.ContainerProvenGone, **of, node=st.just("pve"), vmid=VMIDS),
        st.builds(ev.AddressFound, **of, address=st.just("10.0.0.9")),
        st.sampled_from(["running", "stopped"]).flatmap(
            lambda power: operation_ids.map(
                lambda op: INSPECTED.model_copy(update={"operation_id": op, "power": power})
            )
        ),
        st.builds(ev.ContainerMarked, **of, tagged=st.booleans()),
        st.builds(
            ev.StepIntended,
            **of,
            step=step,
            runner=runner,
            attempt=st.integers(1, 4),
            node=st.just("pve"),
            vmid=VMIDS,
            node_time=st.integers(0, 10**9),
        ),
        st.builds(ev.TaskAccepted, **of, step=step, upid=st.sampled_from(["UPID:1", "UPID:2"])),
        st.builds(ev.CallUnanswered, **of, step=step, reason=st.just("596")),
        st.builds(ev.StepTakenOver, **of, step=step, runner=runner, from_runner=runner),
        st.builds(ev.StepPostponed, **of, step=step, cause=st.just(CAUSE), withdrawn=st.booleans()),
        st.builds(ev.StepFailed, **of, step=step, cause=st.just(CAUSE)),
        st.builds(
            ev.TaskEndedUnseen,
            **of,
            step=step,
            upid=st.sampled_from(["UPID:1", "UPID:2"]),
            exitstatus=st.just("OK"),
            ended=st.none(),
        ),
        st.builds(
            ev.DeadlinePassed, **of, phase=st.sampled_from(["forward", "unwind"]), waiting_for=st.just("something")
        ),
        st.builds(
            ev.OperationUndecided,
            **of,
            kind=st.just("deploy"),
            step=step,
            cause=st.just(CAUSE),
            command=st.just("pct status 20001"),
        ),
    )


GOES_WRONG = ["fails", "postponed", "withdrawn", "lost", "half made", "overdue", "taken", "unseen"]
OPERATIONS = st.sampled_from(["deploy", "one", "two"])
KINDS = st.sampled_from(["deploy", "start", "shutdown", "stop", "restart", "delete", "adopt", "release"])
ANYTHING = st.one_of(
    happenings(OPERATIONS),
    st.builds(
        ev.DeployRequested,
        operation_id=OPERATIONS,
        name=st.just("Wiki"),
        slug=st.just("wiki"),
        cluster_id=st.just(CLUSTER),
        node=st.none(),
        spec=st.sampled_from([SPEC, VAULTWARDEN]),
    ),
    st.builds(
        ev.AdoptRequested,
        operation_id=OPERATIONS,
        name=st.just("Wiki"),
        slug=st.just("wiki"),
        cluster_id=st.just(CLUSTER),
        node=st.just("pve"),
        vmid=st.just(ADOPTED),
        spec=st.just(FOUND),
    ),
    st.sampled_from(
        [ev.StartRequested, ev.ShutdownRequested, ev.StopRequested, ev.RestartRequested, ev.ReleaseRequested]
    ).flatmap(lambda kind: st.builds(kind, operation_id=OPERATIONS)),
    st.builds(ev.DeleteRequested, operation_id=OPERATIONS, force=st.booleans(), destroy=st.booleans()),
    st.builds(ev.CancelRequested, operation_id=OPERATIONS, by_operation_id=OPERATIONS),
    st.builds(
        ev.OperationResolved,
        operation_id=OPERATIONS,
        by_operation_id=OPERATIONS,
        step=st.sampled_from(STEPS),
        verdict=st.sampled_from(VERDICTS),
    ),
    st.builds(ev.OperationSucceeded, operation_id=OPERATIONS, kind=KINDS),
    st.builds(ev.OperationFailed, operation_id=OPERATIONS, kind=KINDS, cause=st.just(CAUSE)),
    st.builds(ev.OperationCancelled, operation_id=OPERATIONS, kind=KINDS, by_operation_id=OPERATIONS),
)


@given(st.lists(ANYTHING, max_size=30))
@settings(max_examples=300, deadline=None)
def test_what_happened_is_never_refused(events: list[ApplicationEvent]) -> None:
    state: State = INITIAL
    for event in events:
        state = evolve(state, event, NOON)
        next_step(state)


class TwoApplicationsWithOneName(RuleBasedStateMachine):
    """Two lives that want the same name, on one cluster."""

    operations = Bundle("operations")

    def __init__(self) -> None:
        super().__init__()
        claims = Claims()
        self.lives = [Life("a1", claims), Life("a2", claims, next_vmid=30000)]
        self.count = 0

    def _ask(self, life: Life, command: cmd.ApplicationCommand) -> Any:
        try:
            life.do(command)
        except (Rejected, ClaimRefusedError):
            return multiple()
        before = life.state
        assert life.do(command) == [], "a command that comes twice is handled once"
        assert life.state == before
        return command.operation_id

    def _new_id(self) -> str:
        self.count += 1
        return f"op-{self.count}"

    @rule(target=operations, which=st.integers(0, 1))
    def deploy(self, which: int) -> Any:
        life = self.lives[which]
        return self._ask(life, deploy(self._new_id(), life.id))

    @rule(target=operations, which=st.integers(0, 1))
    def adopt(self, which: int) -> Any:
        """Both want the same container."""
        life = self.lives[which]
        return self._ask(life, adopt(self._new_id(), life.id, name=f"Wiki {which}"))

    @rule(target=operations, which=st.integers(0, 1), force=st.booleans())
    def delete_and_destroy(self, which: int, force: bool) -> Any:
        life = self.lives[which]
        return self._ask(
            life,
            cmd.DeleteApplication(operation_id=self._new_id(), application_id=life.id, force=force, destroy=True),
        )

    @rule(target=operations, which=st.integers(0, 1), kind=st.sampled_from(COMMANDS))
    def command(self, which: int, kind: Callable[..., cmd.ApplicationCommand]) -> Any:
        life = self.lives[which]
        return self._ask(life, kind(operation_id=self._new_id(), application_id=life.id))

    @rule(which=st.integers(0, 1), target_operation=operations)
    def cancel(self, which: int, target_operation: str) -> None:
        life = self.lives[which]
        self._ask(
            life,
            cmd.CancelOperation(
                operation_id=self._new_id(), application_id=life.id, target_operation_id=target_operation
            ),
        )

    @rule(which=st.integers(0, 1), verdict=st.sampled_from(VERDICTS))
    def becomes_undecided_and_is_resolved(self, which: int, verdict: Any) -> None:
        life = self.lives[which]
        if life.step is None or life.step.intent is None:
            return
        operation_id = life.step.operation_id
        undecided = ev.OperationUndecided(
            operation_id=operation_id, kind="deploy", step=life.step.name, cause=CAUSE, command="pct status 20001"
        )
        self._record(life, undecided)
        self._ask(
            life,
            cmd.ResolveOperation(
                operation_id=self._new_id(),
                application_id=life.id,
                target_operation_id=operation_id,
                verdict=verdict,
            ),
        )

    @rule(which=st.integers(0, 1), times=st.integers(1, 8))
    def go_on(self, which: int, times: int) -> None:
        for _ in range(times):
            if self.lives[which].step:
                self.lives[which].advance()

    @rule(which=st.integers(0, 1), data=st.data(), operation=operations)
    def happen(self, which: int, data: st.DataObject, operation: str) -> None:
        life = self.lives[which]
        self._record(life, data.draw(happenings(st.just(operation))))

    @rule(which=st.integers(0, 1), how=st.sampled_from(GOES_WRONG))
    def goes_wrong(self, which: int, how: str) -> None:
        life = self.lives[which]
        step = life.step
        if step is None:
            return
        op = life.app.operation
        assert op
        of: dict[str, Any] = {"operation_id": op.id, "step": step.name}
        outcome: ApplicationEvent
        match how:
            case "fails":
                outcome = ev.StepFailed(**of, cause=CAUSE)
            case "postponed" | "withdrawn":
                outcome = ev.StepPostponed(**of, cause=CAUSE, withdrawn=how == "withdrawn")
            case "lost":
                outcome = ev.CallUnanswered(**of, reason="596")
            case "half made":
                outcome = ev.ContainerFoundHalfMade(
                    operation_id=op.id, vmid=life.app.container.vmid if life.app.container else 0
                )
            case "overdue":
                phase: Any = "unwind" if op.unwinding else "forward"
                outcome = ev.DeadlinePassed(operation_id=op.id, phase=phase, waiting_for=step.name)
            case "unseen":
                upid = (step.intent and step.intent.upid) or "UPID:1"
                outcome = ev.TaskEndedUnseen(**of, upid=upid, exitstatus="OK", ended=1)
            case _:
                outcome = ev.StepTakenOver(**of, runner="r9", from_runner=op.runner or "nobody")
        self._record(life, outcome)

    def _record(self, life: Life, outcome: ApplicationEvent) -> None:
        try:
            life.happen(outcome)
        except ClaimRefusedError:
            return
        if not isinstance(outcome, ev.StepPostponed):
            assert record(life.state, outcome) == [], "an outcome that comes twice is written once"

    @rule(target=operations, operation=consumes(operations))
    def remember(self, operation: str) -> str:
        return operation

    @invariant()
    def a_vmid_belongs_to_one_application_for_ever(self) -> None:
        for key, claim in self.lives[0].claims.held.items():
            if key.startswith("vmid."):
                assert len(claim.holders) == 1

    @invariant()
    def what_was_adopted_is_destroyed_only_if_that_was_asked_for(self) -> None:
        for life in self.lives:
            asked = {e.operation_id for e in life.events if isinstance(e, ev.DeleteRequested) and e.destroy}
            adopts = any(isinstance(e, ev.AdoptRequested) for e in life.events)
            for event in life.events:
                if adopts and isinstance(event, ev.StepIntended) and event.step == "destroy":
                    assert event.operation_id in asked

    @invariant()
    def nothing_is_marked_before_it_was_inspected(self) -> None:
        for life in self.lives:
            steps = [type(e) if not isinstance(e, ev.StepIntended) else e.step for e in life.events]
            if "mark" in steps:
                assert ev.ContainerInspected in steps[: steps.index("mark")]

    def teardown(self) -> None:
        for life in self.lives:
            life.run()
            if isinstance(life.state, Application):
                assert life.state.operation is None


TestTwoApplicationsWithOneName = TwoApplicationsWithOneName.TestCase
TestTwoApplicationsWithOneName.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_operation_ends_even_if_everything_fails_from_some_point_on(data: st.DataObject) -> None:
    life = Life()
    life.do(deploy() if data.draw(st.booleans()) else adopt())
    for _ in range(data.draw(st.integers(0, 20))):
        if life.step:
            life.advance()
    if data.draw(st.booleans()):
        life.do(cmd.DeleteApplication(operation_id="delete", application_id="a1", force=data.draw(st.booleans())))
    for _ in range(20):
        step = life.step
        if step is None:
            break
        life.happen(ev.StepFailed(operation_id=step.operation_id, step=step.name, cause=CAUSE))
    assert life.app.operation is None
    assert life.app.queued is None
