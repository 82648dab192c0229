"""What became of a call nobody has an answer to: one row per rule that was measured on a real Proxmox VE."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from proximity.domain.application.events import StepName
from proximity.domain.application.process import SETTLE
from proximity.domain.application.recovery import (
    Evidence,
    Failed,
    GuestEvidence,
    HalfMade,
    InProgress,
    NotExecuted,
    NotKnownYet,
    Succeeded,
    Undecided,
    VmidTaken,
    judge,
)
from proximity.domain.application.state import Intent
from support.deciders import NOON


def intent(step: StepName, attempt: int = 1) -> Intent:
    return Intent(step, "r1", "pve", 20001, 0, None, attempt, NOON, unanswered=True)


GONE = GuestEvidence(exists=False)
UNKNOWN = GuestEvidence(exists=None)
OURS = GuestEvidence(exists=True, ours=True, complete=True, power="stopped")
HALF = replace(OURS, complete=False)
FOREIGN = GuestEvidence(exists=True, ours=False, complete=True, power="running")
RUNNING = replace(OURS, power="running")

CREATING = replace(HALF, lock="create")
BLANK = GuestEvidence(exists=True, blank=True, lock="create")
UNLOCKED = replace(BLANK, lock=None)
DESTROYING = replace(OURS, lock="destroyed")


def over(**found: Any) -> Evidence:
    """Our task is known, and known to have ended."""
    return Evidence(task_over=True, **found)


def late(**found: Any) -> Evidence:
    """No task of ours appeared for as long as a request was ever seen to wait."""
    return Evidence(elapsed=SETTLE, **found)


ROWS: list[tuple[str, Intent, Evidence, type[Any]]] = [
    ("create: our task is there", intent("create"), Evidence(guest=GONE, upid="UPID:1"), InProgress),
    ("create: no guest", intent("create"), Evidence(guest=GONE), NotExecuted),
    ("create: nobody can tell", intent("create"), Evidence(guest=UNKNOWN), NotKnownYet),
    ("create: nothing was looked at", intent("create"), Evidence(), NotKnownYet),
    ("create: complete and ours", intent("create"), Evidence(guest=OURS), Succeeded),
    ("create: the last write is missing, yet", intent("create"), Evidence(guest=HALF), NotKnownYet),
    ("create: the last write is missing, the task is over", intent("create"), over(guest=HALF), HalfMade),
    ("create: the last write is missing, nothing came for long", intent("create"), late(guest=HALF), HalfMade),
    (
        "create: the last write is missing, somebody works on it",
        intent("create"),
        late(guest=HALF, busy=True),
        NotKnownYet,
    ),
    ("create: still locked", intent("create"), Evidence(guest=CREATING), NotKnownYet),
    ("create: still locked, somebody works on it", intent("create"), late(guest=CREATING, busy=True), NotKnownYet),
    ("create: locked, the task is over", intent("create"), over(guest=CREATING), Undecided),
    ("create: locked, nothing came for long", intent("create"), late(guest=CREATING), Undecided),
    ("create: begun, but by whom?", intent("create"), Evidence(guest=BLANK), NotKnownYet),
    ("create: begun by our task, which is over", intent("create"), over(guest=BLANK), Undecided),
    ("create: begun by our task, and a person just unlocked it", intent("create"), over(guest=UNLOCKED), Undecided),
    ("create: complete and under backup", intent("create"), Evidence(guest=replace(OURS, lock="backup")), Succeeded),
    (
        "create: the first send was answered exists",
        intent("create"),
        Evidence(guest=FOREIGN, answered_exists=True),
        VmidTaken,
    ),
    (
        "create: a repeat was answered exists, and it is ours",
        intent("create", 2),
        Evidence(guest=OURS, answered_exists=True),
        Succeeded,
    ),
    (
        "create: a repeat was answered exists, and it is a stranger",
        intent("create", 2),
        Evidence(guest=FOREIGN, answered_exists=True),
        Failed,
    ),
    ("create: a stranger, without an answer", intent("create"), Evidence(guest=FOREIGN), Failed),
    ("start: runs", intent("start"), Evidence(guest=RUNNING), Succeeded),
    ("start: does not run", intent("start"), Evidence(guest=OURS), NotExecuted),
    ("start: power unknown", intent("start"), Evidence(guest=replace(OURS, power="unknown")), NotKnownYet),
    ("start: gone", intent("start"), Evidence(guest=GONE), Failed),
    ("start: nobody can tell", intent("start"), Evidence(guest=UNKNOWN), NotKnownYet),
    ("stop: stopped", intent("stop"), Evidence(guest=OURS), Succeeded),
    ("stop: runs", intent("stop"), Evidence(guest=RUNNING), NotExecuted),
    ("shutdown: stopped", intent("shutdown"), Evidence(guest=OURS), Succeeded),
    ("shutdown: runs", intent("shutdown"), Evidence(guest=RUNNING), NotExecuted),
    ("shutdown: our task is there", intent("shutdown"), Evidence(guest=RUNNING, upid="UPID:1"), InProgress),
    ("destroy: gone", intent("destroy"), Evidence(guest=GONE), Succeeded),
    ("destroy: still there", intent("destroy"), Evidence(guest=OURS), NotExecuted),
    ("destroy: being destroyed", intent("destroy"), Evidence(guest=DESTROYING), NotKnownYet),
    ("destroy: locked, the task is over", intent("destroy"), over(guest=DESTROYING), Undecided),
    ("destroy: locked, nothing came for long", intent("destroy"), late(guest=DESTROYING), Undecided),
    ("destroy: under backup", intent("destroy"), over(guest=replace(OURS, lock="backup")), NotExecuted),
    ("destroy: nobody can tell", intent("destroy"), Evidence(guest=UNKNOWN), NotKnownYet),
    ("download: there", intent("download_template"), Evidence(goal_reached=True), Succeeded),
    ("download: not there", intent("download_template"), Evidence(goal_reached=False), NotExecuted),
    ("download: nobody can tell", intent("download_template"), Evidence(), NotKnownYet),
    ("configure: as wanted", intent("configure"), Evidence(goal_reached=True), Succeeded),
    ("configure: not as wanted", intent("configure"), Evidence(goal_reached=False), NotExecuted),
]


@pytest.mark.parametrize(("asked", "evidence", "verdict"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_verdict_follows_from_the_evidence(asked: Intent, evidence: Evidence, verdict: type[Any]) -> None:
    assert type(judge(asked, evidence)) is verdict


def test_a_task_is_followed() -> None:
    assert judge(intent("start"), Evidence(upid="UPID:7")) == InProgress("UPID:7")


def test_a_lock_that_stays_has_a_command_for_a_person() -> None:
    verdict = judge(intent("create"), over(guest=CREATING))
    assert isinstance(verdict, Undecided)
    assert verdict.command == "pct unlock 20001 && pct destroy 20001 --purge"
    assert verdict.cause.code == "left_behind"
    verdict = judge(intent("destroy"), over(guest=DESTROYING))
    assert isinstance(verdict, Undecided)
    assert verdict.command == "pct unlock 20001 && pct destroy 20001 --purge", "unlocked, nothing shows whose it was"


def test_a_stranger_is_not_touched_and_that_is_said() -> None:
    verdict = judge(intent("create", 2), Evidence(guest=FOREIGN))
    assert isinstance(verdict, Failed)
    assert verdict.cause.code == "vmid_in_foreign_hands"


def test_a_locked_guest_without_a_task_of_ours_may_be_somebody_else_s_and_that_is_said() -> None:
    verdict = judge(intent("create"), late(guest=CREATING))
    assert isinstance(verdict, Undecided)
    assert "pct config 20001" in verdict.cause.message


def test_the_settle_time_is_a_setting() -> None:
    found = Evidence(guest=CREATING, elapsed=timedelta(seconds=3))
    assert isinstance(judge(intent("create"), found), NotKnownYet)
    assert isinstance(judge(intent("create"), found, settle=timedelta(seconds=2)), Undecided)


def test_what_a_person_has_unlocked_is_still_to_be_destroyed() -> None:
    verdict = judge(intent("create"), over(guest=UNLOCKED))
    assert isinstance(verdict, Undecided)
    assert verdict.command == "pct destroy 20001 --purge"
