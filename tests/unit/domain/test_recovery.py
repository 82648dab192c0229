"""What became of a call nobody has an answer to: one row per rule that was measured on a real Proxmox VE."""

from dataclasses import replace
from typing import Any

import pytest

from proximity.domain.application.events import StepName
from proximity.domain.application.recovery import (
    Evidence,
    Failed,
    GuestEvidence,
    InProgress,
    NotExecuted,
    NotKnownYet,
    Succeeded,
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

ROWS: list[tuple[str, Intent, Evidence, type[Any]]] = [
    ("create: our task is there", intent("create"), Evidence(guest=GONE, upid="UPID:1"), InProgress),
    ("create: no guest", intent("create"), Evidence(guest=GONE), NotExecuted),
    ("create: nobody can tell", intent("create"), Evidence(guest=UNKNOWN), NotKnownYet),
    ("create: nothing was looked at", intent("create"), Evidence(), NotKnownYet),
    ("create: complete and ours", intent("create"), Evidence(guest=OURS), Succeeded),
    ("create: ours, the last write is missing", intent("create"), Evidence(guest=HALF), Failed),
    ("create: still locked", intent("create"), Evidence(guest=replace(HALF, lock="create")), NotKnownYet),
    ("create: complete and locked", intent("create"), Evidence(guest=replace(OURS, lock="create")), NotKnownYet),
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
    ("destroy: locked", intent("destroy"), Evidence(guest=replace(OURS, lock="destroyed")), NotKnownYet),
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
    verdict = judge(intent("create"), Evidence(guest=replace(HALF, lock="create")))
    assert isinstance(verdict, NotKnownYet)
    assert verdict.command == "pct unlock 20001 && pct destroy 20001 --purge"
    verdict = judge(intent("destroy"), Evidence(guest=replace(HALF, lock="destroyed")))
    assert isinstance(verdict, NotKnownYet)
    assert verdict.command == "pct unlock 20001"


def test_a_stranger_is_not_touched_and_that_is_said() -> None:
    verdict = judge(intent("create", 2), Evidence(guest=FOREIGN))
    assert isinstance(verdict, Failed)
    assert verdict.cause.code == "vmid_in_foreign_hands"
