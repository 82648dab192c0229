"""Carries an application's operation on: what is next, do it, write down what came of it, and so on."""

from datetime import timedelta

import structlog

from proximity.domain.application import events as ev
from proximity.domain.application import recovery
from proximity.domain.application.process import DEADLINES, UNWIND_DEADLINE, Step, next_step
from proximity.domain.application.state import Absent, Application, Operation, State
from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.cluster.state import Cluster
from proximity.messaging.event_store import Conflict, Loaded, UnavailableError
from proximity_provisioner.causes import cause_of
from proximity_provisioner.effect import broken, carry_out
from proximity_provisioner.incarnation import LeaseLostError
from proximity_provisioner.job import Answer, Happened, Job, Later, backoff
from proximity_provisioner.journal import NoNewsError
from proximity_provisioner.sealed import SecretLostError
from proximity_provisioner.steps import EFFECTS, OBSERVATIONS
from proximity_provisioner.tools import Tools

log = structlog.get_logger(__name__)


# about the log or about this replica, not about the step
_PASSED_ON = (Conflict, NoNewsError, LeaseLostError, UnavailableError, TimeoutError)


class Applications:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def run(self, application_id: str) -> None:
        """Goes on until there is nothing to do, or nothing to do now: then a wake-up is scheduled."""
        going = True
        while going and not self._tools.stopping.is_set():
            try:
                going = await self._advance(application_id)
            except Conflict:
                # the operation went on without us: what is next is asked again
                continue
            except NoNewsError as known:
                log.info("nothing new", application=application_id, type=str(known))
                return

    async def _advance(self, application_id: str) -> bool:
        """One step further. False: nothing to do now."""
        loaded = await self._tools.journal.application(application_id)
        state, step = loaded.state, next_step(loaded.state)
        if step is None or isinstance(state, Absent) or state.operation is None:
            return False
        if passed := self._deadline_passed(state.operation, step):
            await self._tools.journal.decide(application_id, loaded, passed)
            return True
        if await self._is_run_by_another(application_id, loaded, state.operation, step):
            return False
        if wait := self._not_yet(loaded, state.operation):
            await self._tools.wake.schedule(state.operation.id, "retry", "application", application_id, wait)
            return False
        try:
            job = await self._job(application_id, loaded, state, state.operation, step)
        except SecretLostError as error:
            await self._cannot_ask(application_id, loaded, state.operation, step, error)
            return False
        try:
            answer = await self._act(job)
        except _PASSED_ON:
            raise
        except Exception as error:
            log.exception("a step broke", application=application_id, operation=job.op.id, step=step.name)
            answer = broken(job, error)
        if isinstance(answer, Happened):
            return await self._write(job, answer)
        await self._wait(job, answer)
        return False

    def _deadline_passed(self, op: Operation, step: Step) -> ev.DeadlinePassed | None:
        """By the log's clock. Only a diagnosis: what follows from it is the domain's."""
        waiting_for = f"{step.name}" + (f": {op.postponed_because.message}" if op.postponed_because else "")
        now = self._tools.clock.now()
        if op.unwinding:
            if op.unwind_overdue or op.unwind_since is None or now < op.unwind_since + UNWIND_DEADLINE:
                return None
            return ev.DeadlinePassed(operation_id=op.id, phase="unwind", waiting_for=waiting_for)
        if op.overdue or now < op.since + DEADLINES[op.kind]:
            return None
        return ev.DeadlinePassed(operation_id=op.id, phase="forward", waiting_for=waiting_for)

    async def _is_run_by_another(self, application_id: str, loaded: Loaded[State], op: Operation, step: Step) -> bool:
        """A call of a living replica is its own business. One that lives no longer is replaced, and that is written."""
        intent = step.intent
        runner = intent.runner if intent else op.runner
        me = self._tools.me.name
        if runner is None or runner == me:
            return False
        if runner in await self._tools.me.living():
            return intent is not None and intent.upid is None and not intent.unanswered
        taken = ev.StepTakenOver(operation_id=op.id, step=step.name, runner=me, from_runner=runner)
        await self._tools.journal.decide(application_id, loaded, taken)
        raise Conflict("taken over")

    def _not_yet(self, loaded: Loaded[State], op: Operation) -> timedelta | None:
        """A postponed call waits, however many hints arrive; a cancellation that came meanwhile is not kept waiting."""
        at = loaded.last_stored_at
        if not op.postponed or op.intent is not None or at is None or op.unwind_since == at:
            return None
        wait = at + backoff(at - op.step_since) - self._tools.clock.now()
        return wait if wait > timedelta(0) else None

    async def _job(
        self, application_id: str, loaded: Loaded[State], app: Application, op: Operation, step: Step
    ) -> Job:
        cluster = (await self._tools.journal.cluster(app.cluster_id)).state
        if not isinstance(cluster, Cluster):
            raise TypeError(f"application {application_id} is on no cluster")
        proxmox = await self._tools.clusters.hypervisor(app.cluster_id, cluster)
        return Job(application_id, loaded, app, op, step, cluster, proxmox, self._tools)

    async def _cannot_ask(
        self, application_id: str, loaded: Loaded[State], op: Operation, step: Step, error: SecretLostError
    ) -> None:
        """A call already made is not undone by that: it waits, until its outcome can be found out."""
        cause = cause_of(error)
        if step.intent is None:
            failed = ev.StepFailed(operation_id=op.id, step=step.name, cause=cause)
            await self._tools.journal.decide(application_id, loaded, failed)
        elif (op.unwind_overdue if op.unwinding else op.overdue) and not op.undecided:
            undecided = ev.OperationUndecided(
                operation_id=op.id, kind=op.kind, step=step.name, cause=cause, command=recovery.command(step.intent)
            )
            await self._tools.journal.decide(application_id, loaded, undecided)
        elif op.postponed_because != cause:
            waiting = ev.StepPostponed(operation_id=op.id, step=step.name, cause=cause, withdrawn=False)
            await self._tools.journal.decide(application_id, loaded, waiting)

    async def _act(self, job: Job) -> Answer:
        if observe := OBSERVATIONS.get(job.step.name):
            return await observe(job)
        return await carry_out(job, EFFECTS[job.step.name])

    async def _write(self, job: Job, answer: Happened) -> bool:
        journal, event, loaded = self._tools.journal, answer.event, answer.on or job.loaded
        if answer.settled:
            await journal.settle(job.application_id, loaded, event)
        else:
            try:
                await journal.decide(job.application_id, loaded, event)
            except ClaimRefusedError as refused:
                log.info("a claim was refused", application=job.application_id, claim=str(refused))
                if not isinstance(event, ev.VmidClaimed):
                    raise
        log.info("written", application=job.application_id, operation=job.op.id, type=event.TYPE)
        if not isinstance(event, ev.TaskAccepted | ev.CallUnanswered):
            await self._tools.slots.give_back(job.op.id)
        return True

    async def _wait(self, job: Job, later: Later) -> None:
        """Said in the log once for each reason. Who only waits keeps no slot from others."""
        if job.step.intent is None:
            await self._tools.slots.give_back(job.op.id)
        because = later.because
        known = job.op.postponed_because
        # an undecided one may wait for days: what it waits for is said already
        if because and not job.op.undecided and (known is None or known.code != because.code):
            postponed = ev.StepPostponed(operation_id=job.op.id, step=job.step.name, cause=because, withdrawn=False)
            await self._tools.journal.decide(job.application_id, job.loaded, postponed)
        after = max(later.after, timedelta(milliseconds=100))
        await self._tools.wake.schedule(job.op.id, later.kind, "application", job.application_id, after)
