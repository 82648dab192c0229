"""The bugs that are planted in the product: each breaks one rule, and leaves all else as it is."""

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from proximity.domain.application import claims, decider, progress, recovery
from proximity.domain.application import events as ev
from proximity.domain.application.state import Absent
from proximity.messaging import publishing
from proximity.messaging.event_store import Conflict
from proximity.proxmox.errors import GuestMissingError, ProxmoxError
from proximity.vault.hashes import ConfigurationHash
from proximity_provisioner import effect, evidence, journal, ownership
from proximity_provisioner.applications import Applications
from proximity_provisioner.commands import CommandInbox
from proximity_provisioner.incarnation import Incarnation
from proximity_provisioner.job import Happened
from proximity_provisioner.journal import Journal
from proximity_provisioner.ownership import Gone, Ours
from proximity_provisioner.steps.container import Create

Patch = AbstractContextManager[Any]


def number_not_claimed() -> Patch:
    wishes = claims.wishes
    return patch.object(
        journal,
        "application_wishes",
        lambda id_, state, event: [w for w in wishes(id_, state, event) if w.kind != "vmid"],
    )


def upid_not_appended() -> Patch:
    """The task is followed in memory, and only its end is written down."""
    call = effect._call

    async def follow(job: Any, step: Any, ready: Any, intent: Any) -> Any:
        answer = await call(job, step, ready, intent)
        if isinstance(answer, Happened) and isinstance(answer.event, ev.TaskAccepted):
            while (task := await job.proxmox.task(answer.event.upid)) and task.running:
                pass
            return Happened(await step.outcome(job, 0), settled=True)
        return answer

    return patch.object(effect, "_call", follow)


def marker_not_checked() -> Patch:
    async def look(job: Any) -> Any:
        try:
            return Ours(await job.proxmox.guest_config(job.container.node, job.container.vmid))
        except GuestMissingError:
            return Gone()

    return _everywhere("look", ownership.look, look)


def new_number_on_retry() -> Patch:
    judge = recovery.judge

    def mutated(intent: Any, found: Any, *rest: Any) -> Any:
        verdict = judge(intent, found, *rest)
        lost = intent.step == "create" and isinstance(verdict, recovery.NotExecuted)
        return recovery.VmidTaken() if lost else verdict

    return patch.object(recovery, "judge", mutated)


def intent_after_effect() -> Patch:
    announce = Journal.announce

    async def late(self: Any, application_id: str, loaded: Any, event: Any) -> Any:
        job = _JOBS.pop()
        await job.step_effect.call(job.job, job.ready)
        return await announce(self, application_id, loaded, event)

    take = effect._take_slots

    async def remembered(job: Any, step: Any) -> bool:
        _JOBS.append(_Begun(job, step, await step.prepare(job)))
        return await take(job, step)

    return _both(patch.object(Journal, "announce", late), patch.object(effect, "_take_slots", remembered))


@dataclass
class _Begun:
    job: Any
    step_effect: Any
    ready: Any


_JOBS: list[_Begun] = []


def empty_list_is_proof() -> Patch:
    """No task of the lost call is listed, so it never ran: the opposite may be sent."""
    settling = effect._settling

    async def mutated(job: Any, step: Any) -> Any:
        unsettled = job.app.unsettled
        if unsettled is not None:
            kind = "vzstart" if unsettled.goal == "running" else "vzshutdown"
            if not await job.proxmox.tasks(job.node, vmid=job.container.vmid, type=kind, since=unsettled.node_time - 2):
                return None
        return await settling(job, step)

    return patch.object(effect, "_settling", mutated)


def unseen_is_idle() -> Patch:
    """Who works on a guest is read from the list alone, although others' tasks are not in it."""
    gather = evidence.guest_evidence

    async def mutated(job: Any, intent: Any, **known: Any) -> Any:
        found = await gather(job, intent, **known)
        return replace(found, task_over=found.task_over or not found.busy)

    return _everywhere("guest_evidence", gather, mutated)


def own_clock() -> Patch:
    tasks = evidence._tasks

    async def mutated(job: Any, intent: Any) -> Any:
        return await tasks(job, replace(intent, node_time=int(time.time())))

    return patch.object(evidence, "_tasks", mutated)


def opposite_too_early() -> Patch:
    async def mutated(job: Any, step: Any) -> None:
        return None

    return patch.object(effect, "_settling", mutated)


def create_never_waits() -> Patch:
    """A removal that got lost is no reason to wait with what is made anew."""
    return patch.object(Create, "goal", None)


def removed_for_good() -> Patch:
    """That something half made was removed counts for what is made in its place, too."""
    return patch.object(progress, "is_remaking", lambda op: False)


def outcome_dropped() -> Patch:
    async def mutated(self: Any, application_id: str, loaded: Any, event: Any) -> None:
        try:
            await self.decide(application_id, loaded, event)
        except (Conflict, journal.NoNewsError):
            return

    return patch.object(Journal, "settle", mutated)


def ack_before_append() -> Patch:
    handle = CommandInbox.handle

    async def mutated(self: Any, message: Any) -> None:
        await message.ack()
        await handle(self, message)

    return patch.object(CommandInbox, "handle", mutated)


def takeover_from_the_living() -> Patch:
    async def mutated(self: Any) -> set[str]:
        return {self.name}

    return patch.object(Incarnation, "living", mutated)


def another_identity() -> Patch:
    call = Create.call

    async def mutated(self: Any, job: Any, ready: Any) -> Any:
        moved = replace(job.app.container, vmid=job.container.vmid + job.op.attempts)
        return await call(self, replace(job, app=replace(job.app, container=moved)), ready)

    return patch.object(Create, "call", mutated)


def exists_is_foreign() -> Patch:
    judge = recovery.judge

    def mutated(intent: Any, found: Any, *rest: Any) -> Any:
        return recovery.VmidTaken() if found.answered_exists else judge(intent, found, *rest)

    return patch.object(recovery, "judge", mutated)


def evidence_ignored() -> Patch:
    async def mutated(job: Any, step: Any, intent: Any) -> Any:
        return Happened(await step.outcome(job, 0), settled=True)

    return patch.object(effect, "_recover", mutated)


def unlocked_is_done() -> Patch:
    judge = recovery.judge

    def mutated(intent: Any, found: Any, *rest: Any) -> Any:
        guest = found.guest and replace(found.guest, complete=True)
        return judge(intent, replace(found, guest=guest), *rest)

    return patch.object(recovery, "judge", mutated)


def unanswered_is_gone() -> Patch:
    look = ownership.look

    async def mutated(job: Any) -> Any:
        try:
            return await look(job)
        except ProxmoxError:
            return Gone()

    return _everywhere("look", look, mutated)


def configuration_not_kept() -> Patch:
    """What it is compared with is left to whoever looks at it first."""
    return patch.object(ConfigurationHash, "configuration", lambda *_: None)


def command_twice() -> Patch:
    """What was handled is not remembered."""
    decide = decider.decide

    def mutated(command: Any, state: Any) -> Any:
        return decide(command, state if isinstance(state, Absent) else replace(state, handled=frozenset()))

    return patch.object(decider, "decide", mutated)


def expectation_ignored() -> Patch:
    """Whoever appends last is right."""

    def mutated(subject: str, headers: dict[str, str], data: bytes, _: int | None) -> publishing.Outgoing:
        return publishing.Outgoing(subject, headers, data)

    return patch("proximity.messaging.event_store.Outgoing", mutated)


def repeated_while_it_runs() -> Patch:
    """A task that runs is no reason to wait."""
    judge = recovery.judge

    def mutated(intent: Any, found: Any, *rest: Any) -> Any:
        verdict = judge(intent, found, *rest)
        return recovery.NotExecuted() if isinstance(verdict, recovery.InProgress) else verdict

    return patch.object(recovery, "judge", mutated)


def told_off_by_silence() -> Patch:
    """A call without an answer counts as failed."""
    return patch.object(effect, "_unanswered", lambda job, reason: job.failed(effect.BUSY))


def runner_not_replaced() -> Patch:
    """What a dead replica announced is left to it."""

    async def mutated(self: Any, application_id: str, loaded: Any, op: Any, step: Any) -> bool:
        intent = step.intent
        return intent is not None and intent.runner != self._tools.me.name

    return patch.object(Applications, "_is_run_by_another", mutated)


def _everywhere(name: str, real: Any, mutated: Any) -> Patch:
    """In every module of the provisioner that has imported it."""
    modules = [
        m for n, m in sys.modules.items() if n.startswith("proximity_provisioner") and getattr(m, name, None) is real
    ]
    return _both(*(patch.object(module, name, mutated) for module in modules))


class _both(AbstractContextManager[None]):  # noqa: N801 - used as a function
    def __init__(self, *patches: Patch) -> None:
        self._patches = patches

    def __enter__(self) -> None:
        for one in self._patches:
            one.__enter__()

    def __exit__(self, *error: Any) -> None:
        for one in self._patches:
            one.__exit__(*error)
