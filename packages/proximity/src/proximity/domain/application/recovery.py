"""What became of a call whose answer nobody has: (intent, evidence) -> verdict. Pure.

The rules are measured on a real Proxmox VE: a request that was sent completely always runs, possibly minutes later; an
empty task list proves nothing; a lock that is gone does not prove success; a create leaves `swap` out of the
configuration until its very last write; the lock of a worker that died stays for ever. Calls are repeated only where a
repeat with the same identity is harmless.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from proximity.domain.application.process import SETTLE
from proximity.domain.application.state import Intent
from proximity.domain.operation.cause import Cause


@dataclass(frozen=True)
class GuestEvidence:
    """`exists` None: could not be found out. `ours`: it carries our marker. `blank`: it carries nothing yet, as a guest
    in the middle of its creation. `complete`: the last write of a create has been made (`swap` is there).
    """

    exists: bool | None
    ours: bool = False
    blank: bool = False
    lock: str | None = None
    complete: bool = False
    power: Literal["running", "stopped", "unknown"] = "unknown"


@dataclass(frozen=True)
class Evidence:
    """What was found on the node after the intent was written.

    `upid`: our own task of the intent's type and guest, running or finished. `task_over`: that task is known, and known
    to have ended. `busy`: somebody's task of that type works on the guest. `elapsed`: node time since the intent.
    `goal_reached`: the template is there (download), the configuration is as wanted (configure). `answered_exists`: the
    call was answered "already exists".
    """

    guest: GuestEvidence | None = None
    upid: str | None = None
    task_over: bool = False
    busy: bool = False
    elapsed: timedelta = timedelta()
    goal_reached: bool | None = None
    answered_exists: bool = False


@dataclass(frozen=True)
class InProgress:
    """There is a task, running or finished, that tells."""

    upid: str


@dataclass(frozen=True)
class Succeeded:
    pass


@dataclass(frozen=True)
class NotExecuted:
    """Or not yet: repeating it with the same identity is safe."""


@dataclass(frozen=True)
class NotKnownYet:
    """Look again later. `command`: what a person would run on the node if this never changes."""

    cause: Cause
    command: str


@dataclass(frozen=True)
class Undecided:
    """Only a person on the node can change it, with `command`. Evidence that comes all the same is welcome."""

    cause: Cause
    command: str


@dataclass(frozen=True)
class HalfMade:
    """A create that Proxmox broke off: what is left is ours, without a lock, and no longer worked on."""

    cause: Cause


@dataclass(frozen=True)
class Failed:
    cause: Cause


@dataclass(frozen=True)
class VmidTaken:
    """A guest that is not ours has this number, and our very first send was refused because of it."""


Verdict = InProgress | Succeeded | NotExecuted | NotKnownYet | Undecided | HalfMade | Failed | VmidTaken


def judge(intent: Intent, evidence: Evidence, settle: timedelta = SETTLE) -> Verdict:
    """`settle`: a request whose task did not appear for this long (node time) is taken to be executed or lost."""
    if evidence.upid is not None:
        return InProgress(evidence.upid)
    match intent.step:
        case "create":
            return _create(intent, evidence, settle)
        case "start":
            return _power(intent, evidence, goal="running")
        case "shutdown" | "stop":
            return _power(intent, evidence, goal="stopped")
        case "destroy":
            return _destroy(intent, evidence, settle)
        case _:
            if evidence.goal_reached is None:
                return _unreadable(intent)
            return Succeeded() if evidence.goal_reached else NotExecuted()


def _create(intent: Intent, evidence: Evidence, settle: timedelta) -> Verdict:
    guest = evidence.guest
    if guest is None or guest.exists is None:
        return _unreadable(intent)
    if not guest.exists:
        return NotExecuted()
    if guest.blank:
        return _left_behind(intent, evidence, guest.lock, settle)
    if not guest.ours:
        if evidence.answered_exists and intent.attempt == 1:
            return VmidTaken()
        return Failed(
            Cause(
                code="vmid_in_foreign_hands",
                message=f"VMID {intent.vmid} belongs to a guest that Proximity did not make. It was not touched.",
            )
        )
    if guest.complete and guest.lock != "create":
        return Succeeded()
    if guest.lock:
        return _left_behind(intent, evidence, guest.lock, settle)
    cause = Cause(code="half_made", message=f"Proxmox stopped in the middle of creating CT {intent.vmid}.")
    if _over(evidence, settle):
        return HalfMade(cause)
    return NotKnownYet(cause, command=f"pct config {intent.vmid}")


def _power(intent: Intent, evidence: Evidence, goal: Literal["running", "stopped"]) -> Verdict:
    guest = evidence.guest
    if guest is None or guest.exists is None:
        return _unreadable(intent)
    if not guest.exists:
        return Failed(Cause(code="container_gone", message=f"CT {intent.vmid} is no longer on {intent.node}."))
    if guest.power == "unknown":
        return _unreadable(intent)
    return Succeeded() if guest.power == goal else NotExecuted()


def _destroy(intent: Intent, evidence: Evidence, settle: timedelta) -> Verdict:
    guest = evidence.guest
    if guest is None or guest.exists is None:
        return _unreadable(intent)
    if not guest.exists:
        return Succeeded()
    if guest.lock == "destroyed":
        return _left_behind(intent, evidence, guest.lock, settle)
    # the lock of something else passes: the repeat waits for it
    return NotExecuted()


def _over(evidence: Evidence, settle: timedelta) -> bool:
    """Nothing of the call runs, nor will: its task has ended, or there was none for as long as one could come late."""
    return not evidence.busy and (evidence.task_over or evidence.elapsed >= settle)


def _unreadable(intent: Intent) -> NotKnownYet:
    return NotKnownYet(
        Cause(
            code="evidence_unreadable",
            message=f"{intent.node} does not say what became of the last call ({intent.step}). It is asked again.",
        ),
        command=command(intent),
    )


def command(intent: Intent) -> str:
    """What a person runs on the node to see what became of the call."""
    if intent.vmid is None:
        return "pvesm status"
    return f"pct {'config' if intent.step in ('configure', 'mark', 'unmark') else 'status'} {intent.vmid}"


def _left_behind(intent: Intent, evidence: Evidence, lock: str | None, settle: timedelta) -> NotKnownYet | Undecided:
    """What a dead worker left and no call of ours may touch: it is locked, or nothing on it proves it ours."""
    unlock = [f"pct unlock {intent.vmid}"] if lock else []
    # what is left of a create or of a destroy (a lock and nothing else) is of no use to anybody
    command = " && ".join([*unlock, f"pct destroy {intent.vmid} --purge"])
    state = f"is locked ({lock})" if lock else "is blank"
    if not _over(evidence, settle):
        message = f"CT {intent.vmid} {state} and no task of ours is seen working on it."
        return NotKnownYet(Cause(code="container_locked", message=message), command)
    message = (
        f"Proxmox's worker for the {intent.step} of CT {intent.vmid} died: the container {state}. Only a person on "
        f"{intent.node} can change that; then the operation goes on by itself."
    )
    if not evidence.task_over:
        message += f" No task of ours is known: make sure with `pct config {intent.vmid}` that it is nobody else's."
    return Undecided(Cause(code="left_behind", message=message), command)
