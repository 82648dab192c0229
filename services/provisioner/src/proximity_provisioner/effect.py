"""How an effect on Proxmox is carried out: announced, called once, and judged by its answer or else by evidence.

Every way out of here is an event for the log or a later look. A call is repeated only where that is harmless
(domain/application/recovery.py), with the same identity.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, Protocol

from proximity.domain.application import events as ev
from proximity.domain.application import recovery
from proximity.domain.application.adoption import Change
from proximity.domain.application.image import Environment
from proximity.domain.application.plan import plan
from proximity.domain.application.recovery import Evidence, Verdict
from proximity.domain.application.state import Intent
from proximity.domain.operation.cause import Cause
from proximity.messaging.event_store import Conflict
from proximity.proxmox.errors import AlreadyExistsError, NotExecutedError, ProxmoxError, RefusedError, UnansweredError
from proximity.proxmox.observe import Task
from proximity_provisioner import causes, evidence
from proximity_provisioner.job import Answer, Happened, Job, Later, backoff, growing
from proximity_provisioner.slots import Place

BUSY = Cause(code="busy", message="Proximity is doing enough at the same time on this node. It waits its turn.")
KILLED = "unexpected status"  # how Proxmox reports a worker that died


@dataclass(frozen=True)
class Ready:
    """Everything is in place for the call. `digest`: of the configuration it is based on. `node`: where the guest was
    found, if it was looked for. `change`: of the configuration.

    `password` and `environment` hold what the vault has sealed: never shown.
    """

    digest: str | None = None
    node: str | None = None
    change: Change | None = None
    password: str | None = field(default=None, repr=False)
    environment: Environment | None = field(default=None, repr=False)


class Effect(Protocol):
    """`goal`: the power state it leads to: it is not sent after an unsettled opposite. `counted`: its slots."""

    goal: Literal["running", "stopped"] | None
    counted: tuple[Literal["node", "storage"], ...]

    async def prepare(self, job: Job) -> Ready | Answer:
        """Looks first: whose guest it is, and whether there is anything left to do. May raise ProxmoxError."""
        ...

    async def call(self, job: Job, ready: Ready) -> str | None:
        """The one call. The UPID of its task, None if it is done when it is answered."""
        ...

    async def evidence(self, job: Job, intent: Intent, *, answered_exists: bool) -> Evidence:
        """May raise ProxmoxError: nobody can tell."""
        ...

    async def outcome(self, job: Job, warnings: int) -> ev.ApplicationEvent:
        """Of a call that was executed. Raises nothing of Proxmox: what it looks at once more may be left out."""
        ...


async def carry_out(job: Job, effect: Effect) -> Answer:
    """The next thing to do about this step. Raises Conflict when the operation went on without us."""
    intent = job.step.intent
    if intent is None:
        return await _begin(job, effect, attempt=job.op.attempts + 1)
    if intent.upid is not None:
        return await _follow(job, effect, intent, intent.upid)
    if not intent.unanswered:
        # we announced it ourselves, and no call of ours is running: this process broke off in the middle
        return _unanswered(job, "The call was broken off.")
    return await _recover(job, effect, intent)


# --- announce and call


async def _begin(job: Job, effect: Effect, attempt: int) -> Answer:
    try:
        if wait := await _settling(job, effect):
            return wait
        ready = await effect.prepare(job)
        if not isinstance(ready, Ready):
            return ready
        if not await _take_slots(job, effect):
            # a slot given back is offered at once; asked for again are those that another replica held
            return Later(growing(job.waited(), 1.0, 3.0, 0.2), because=BUSY)
        node = ready.node or job.node
        node_time = await job.proxmox.node_time(node)
    except ProxmoxError as error:
        return not_now(job, error)
    me = job.tools.me.name
    if job.step.intent and job.step.intent.runner != me:
        await _take_over(job, job.step.intent, me)
    intended = ev.StepIntended(
        operation_id=job.op.id,
        step=job.step.name,
        runner=me,
        attempt=attempt,
        node=node,
        vmid=job.app.container.vmid if job.app.container else None,
        node_time=node_time,
        digest=ready.digest,
    )
    announced, intent = await job.tools.journal.announce(job.application_id, job.loaded, intended)
    job.tools.me.must_live(me)
    answer = await _call(job, effect, ready, intent)
    return replace(answer, settled=True, on=announced) if isinstance(answer, Happened) else answer


async def _take_over(job: Job, intent: Intent, me: str) -> None:
    """The one who repeats a call is named by the log, too. Raises Conflict: the state to go on from is a new one."""
    taken = ev.StepTakenOver(operation_id=job.op.id, step=intent.step, runner=me, from_runner=intent.runner)
    await job.tools.journal.decide(job.application_id, job.loaded, taken)
    raise Conflict("taken over")


async def _call(job: Job, effect: Effect, ready: Ready, intent: Intent) -> Answer:
    try:
        upid = await effect.call(job, ready)
    except UnansweredError as error:
        return _unanswered(job, error.words)
    except ProxmoxError as error:
        return await _refused(job, effect, intent, error)
    if upid is None:
        return Happened(await effect.outcome(job, 0), settled=True)
    return Happened(ev.TaskAccepted(operation_id=job.op.id, step=job.step.name, upid=upid), settled=True)


async def _refused(job: Job, effect: Effect, intent: Intent, error: ProxmoxError) -> Answer:
    """This call was not executed. An earlier one may have been, and may be the reason."""
    if causes.passes(error) or (isinstance(error, RefusedError) and "running" in error.words):
        return _postponed(job, causes.cause_of(error))
    if not isinstance(error, RefusedError):
        return job.failed(causes.cause_of(error))
    try:
        found = await effect.evidence(job, intent, answered_exists=isinstance(error, AlreadyExistsError))
    except ProxmoxError:
        return _unanswered(job, error.words)
    verdict = _judge(job, intent, found)
    if isinstance(verdict, recovery.NotExecuted):
        return job.failed(causes.cause_of(error))
    return await _conclude(job, effect, intent, verdict)


async def _settling(job: Job, effect: Effect) -> Later | None:
    """A lost start may still be executed: nothing opposite is sent to the guest until it cannot be any more."""
    unsettled = job.app.unsettled
    if unsettled is None or effect.goal is None or effect.goal == unsettled.goal:
        return None
    return await settling(job, unsettled.node_time)


async def settling(job: Job, lost_at: int) -> Later | None:
    """`lost_at`: when (node time) the call was made that may still come. Raises ProxmoxError."""
    passed = timedelta(seconds=await job.proxmox.node_time(job.node) - lost_at)
    if passed >= job.tools.settings.settle:
        return None
    because = Cause(
        code="settling",
        message="An earlier call to the container got no answer and may still take effect. That is awaited first.",
    )
    return Later(job.tools.settings.settle - passed, because=because)


async def _take_slots(job: Job, effect: Effect) -> bool:
    storage = job.app.placement.rootfs_storage if job.app.placement else None
    seen = job.cluster.storages.get((job.node, storage)) if storage else None
    place = Place(job.app.cluster_id, job.node, storage, shared=seen is None or seen.shared)
    return await job.tools.slots.take(job.application_id, job.step, place, effect.counted)


# --- wait for the task


async def _follow(job: Job, effect: Effect, intent: Intent, upid: str) -> Answer:
    try:
        task = await job.proxmox.task(upid) or await evidence.in_list(job, intent, upid)
        if task is None:
            # neither its log nor the list knows it any more: it ended long ago, and only the guest tells how
            found = replace(await effect.evidence(job, intent, answered_exists=False), task_over=True)
            return await _conclude(job, effect, intent, _judge(job, intent, found))
        if task.running:
            return Later(job.tools.pace.look_again(job.app.cluster_id, intent.step, _taken(job, intent)), kind="poll")
        if task.succeeded:
            job.tools.pace.ended(job.app.cluster_id, intent.step, _taken(job, intent))
            return Happened(await effect.outcome(job, task.warnings), settled=True)
        return await _task_failed(job, effect, intent, task)
    except ProxmoxError as error:
        return _not_known(job, intent, recovery.NotKnownYet(causes.cause_of(error), recovery.command(intent)))


def _taken(job: Job, intent: Intent) -> timedelta:
    return job.tools.clock.now() - intent.since


async def _task_failed(job: Job, effect: Effect, intent: Intent, task: Task) -> Answer:
    words = task.exitstatus
    if causes.task_was_locked_out(words):
        because = Cause(
            code="container_locked", message="The container is locked by something else.", proxmox=words or ""
        )
        return _postponed(job, because)
    killed = words is None or words == KILLED
    if killed or job.step.name != "create":
        found = replace(await effect.evidence(job, intent, answered_exists=False), task_over=True)
        verdict = _judge(job, intent, found)
        if killed or isinstance(verdict, recovery.Succeeded):
            return await _conclude(job, effect, intent, verdict)
    log = tuple(await job.proxmox.task_log(task.upid))
    return job.failed(causes.cause_of_task(job.step.name, words, log), task.upid, log)


# --- find out what became of a call


async def _recover(job: Job, effect: Effect, intent: Intent) -> Answer:
    try:
        found = await effect.evidence(job, intent, answered_exists=False)
    except ProxmoxError as error:
        return _not_known(job, intent, recovery.NotKnownYet(causes.cause_of(error), recovery.command(intent)))
    return await _conclude(job, effect, intent, _judge(job, intent, found))


def _judge(job: Job, intent: Intent, found: Evidence) -> Verdict:
    return recovery.judge(intent, found, job.tools.settings.settle)


async def _conclude(job: Job, effect: Effect, intent: Intent, verdict: Verdict) -> Answer:
    match verdict:
        case recovery.InProgress(upid=upid):
            return Happened(ev.TaskAccepted(operation_id=job.op.id, step=intent.step, upid=upid), settled=True)
        case recovery.Succeeded():
            return Happened(await effect.outcome(job, 0), settled=True)
        case recovery.Failed(cause=cause):
            return job.failed(cause)
        case recovery.HalfMade(cause=cause):
            if not _wanted(job, intent):
                return job.failed(cause)
            return Happened(ev.ContainerFoundHalfMade(operation_id=job.op.id, vmid=job.container.vmid))
        case recovery.Undecided(cause=cause, command=command):
            # what is only being cleaned up ends here: it says what is left, and how a person gets rid of it
            return job.failed(_with(cause, command)) if job.op.unwinding else _undecided(job, intent, cause, command)
        case recovery.VmidTaken():
            return Happened(ev.VmidFoundTaken(operation_id=job.op.id, vmid=job.container.vmid))
        case recovery.NotKnownYet():
            return _not_known(job, intent, verdict)
        case recovery.NotExecuted():
            return await _not_executed(job, effect, intent)


async def _not_executed(job: Job, effect: Effect, intent: Intent) -> Answer:
    """Or not yet. Still wanted: the same call again. Else it is given up; what comes late is waited for (_settling)."""
    waited = job.tools.clock.now() - intent.since
    if _wanted(job, intent):
        pause = min(job.tools.settings.repeat_after * intent.attempt, timedelta(seconds=30))
        if waited < pause and intent.upid is None:
            return Later(growing(waited, 0.3, 2.0, 0.2), kind="poll")
        return await _begin(job, effect, attempt=intent.attempt + 1)
    return _postponed(job, Cause(code="given_up", message="The call was not executed and is no longer wanted."))


def _wanted(job: Job, intent: Intent) -> bool:
    return intent.step in plan(job.app, job.op) and (job.op.unwinding or not job.op.overdue)


def _undecided(job: Job, intent: Intent, cause: Cause, command: str) -> Answer:
    if job.op.undecided:
        # somebody may just have run the command and be waiting for what follows
        return Later(timedelta(seconds=15))
    return Happened(
        ev.OperationUndecided(operation_id=job.op.id, kind=job.op.kind, step=intent.step, cause=cause, command=command)
    )


def _with(cause: Cause, command: str) -> Cause:
    return cause.model_copy(update={"message": f"{cause.message} Run `{command}` on the node."})


def _not_known(job: Job, intent: Intent, verdict: recovery.NotKnownYet) -> Answer:
    overdue = job.op.unwind_overdue if job.op.unwinding else job.op.overdue
    if overdue and not job.op.undecided:
        return _undecided(job, intent, verdict.cause, verdict.command)
    waited = job.tools.clock.now() - intent.since
    return Later(growing(waited, 0.5, 30.0 if job.op.undecided else 5.0, 0.2), because=verdict.cause)


# --- answers


def not_now(job: Job, error: ProxmoxError) -> Answer:
    """Nothing was sent yet: what may pass by itself is waited for, the rest is for a person."""
    cause = causes.cause_of(error)
    if causes.passes(error) or not isinstance(error, NotExecutedError):
        return Later(backoff(job.waited()), because=cause)
    return job.failed(cause)


def broken(job: Job, error: Exception) -> Answer:
    """A mistake of ours is no silence either: it is said, tried again, and ends with the operation's time."""
    cause = Cause(
        code="internal_error",
        message=f"Proximity itself failed at this step ({type(error).__name__}); the provisioner's log says where.",
    )
    if job.step.intent is not None:
        return _not_known(job, job.step.intent, recovery.NotKnownYet(cause, recovery.command(job.step.intent)))
    return Later(backoff(job.waited()), because=cause)


def _postponed(job: Job, cause: Cause) -> Happened:
    event = ev.StepPostponed(operation_id=job.op.id, step=job.step.name, cause=cause, withdrawn=True)
    return Happened(event, settled=True)


def _unanswered(job: Job, reason: str) -> Happened:
    return Happened(ev.CallUnanswered(operation_id=job.op.id, step=job.step.name, reason=reason), settled=True)
