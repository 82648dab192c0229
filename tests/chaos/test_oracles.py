"""Each oracle says yes to a run that went well, and no to what it is there for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.oracles import Facts, Seen, violations
from proximity.domain.application import events as ev
from proximity.domain.application.marker import Marker
from proximity.domain.operation.cause import Cause
from proximity.domain.operation.events import CommandDeadLettered
from proximity.messaging.envelope import Recorded
from support.projection import deleted, deployed, of, recorded

INSTALLATION = "installation"
Row = dict[str, Any]
Record = Recorded[Any]


def history(*events: Any) -> list[Record]:
    records = recorded(of("application", "a1", events))
    return [replace(r, metadata=replace(r.metadata, version=n)) for n, r in enumerate(records, start=1)]


def guest(vmid: int = 20000, marked: bool = True, **changes: Any) -> Row:
    marker = Marker(INSTALLATION, "a1", "op-deploy", 20000).line()
    what = {"vmid": vmid, "node": "pve1", "status": "running", "lock": None, "config": {"hostname": "wiki"}}
    return what | {"description": marker if marked else ""} | changes


def entry(vmid: int = 20000, action: str = "create", upid: str = "UPID:1") -> Row:
    marker = Marker(INSTALLATION, "a1", "op-deploy", 20000).line()
    return {"action": action, "vmid": vmid, "description": marker, "upid": upid}


def seen(cluster_id: str = "c1", **changes: Any) -> Seen:
    stranger = guest(20007, status="stopped")
    what = {"guests": [guest(), stranger], "journal": [entry()], "foreign": {20007: stranger}}
    return Seen(cluster_id, **(what | changes))


def failed(code: str, words: str = "") -> ev.OperationFailed:
    return ev.OperationFailed(
        operation_id="op-deploy", kind="deploy", cause=Cause(code=code, message="?", proxmox=words)
    )


def facts(**changes: Any) -> Facts:
    what: dict[str, Any] = {
        "records": history(*deployed()),
        "clusters": [seen()],
        "accepted": {"op-deploy": "POST"},
        "refused": {},
    }
    return Facts(INSTALLATION, **(what | changes))


def renumbered(records: list[Record]) -> list[Record]:
    return [replace(r, metadata=replace(r.metadata, version=r.metadata.version + 1)) for r in records]


def test_nothing_is_wrong_with_a_run_that_went_well() -> None:
    assert violations(facts()) == []
    gone = seen(guests=[guest(20007, status="stopped")], journal=[entry(), entry(action="destroy")])
    assert violations(facts(records=history(*deployed(), *deleted()), clusters=[gone])) == []


def test_a_container_may_be_made_again_after_its_worker_died() -> None:
    again = seen(journal=[entry(), entry(action="destroy"), entry(upid="UPID:2")], died=frozenset({"UPID:1"}))
    assert violations(facts(clusters=[again])) == []


@pytest.mark.parametrize(
    ("cause", "struck"),
    [
        (("skopeo_missing", ""), "no skopeo"),
        (("oci_unsupported", ""), "old version"),
        (("invalid_request", "not implemented"), "old version"),
        (("no_address", ""), "no DHCP"),
        (("task_failed", ""), "slow"),
    ],
)
def test_a_failure_is_explained_by_what_was_struck(cause: tuple[str, str], struck: str) -> None:
    wrong = violations(facts(records=history(*deployed()[:-1], failed(*cause)), struck=frozenset({struck})))
    assert not [sentence for sentence in wrong if sentence.startswith("ends")]


DEAD = CommandDeadLettered(
    operation_id="op-2", command="c", category="application", target="a1", attempts=6, reason="?", payload={}
)
WRONG: dict[str, tuple[str, Callable[[], Facts]]] = {
    "an event is missing": ("histories", lambda: facts(records=renumbered(history(*deployed())))),
    "an operation goes on": ("ends", lambda: facts(records=history(*deployed()[:-1]))),
    "an operation began twice": ("ends", lambda: facts(records=history(*deployed(), *deleted(), *deleted()))),
    "an operation ended twice": ("ends", lambda: facts(records=history(*deployed(), deployed()[-1]))),
    "a cause that cannot be": ("ends", lambda: facts(records=history(*deployed()[:-1], failed("not_ours")))),
    "an image failed where images can be pulled": (
        "ends",
        lambda: facts(records=history(*deployed()[:-1], failed("skopeo_missing")), struck=frozenset({"old version"})),
    ),
    "a call that no node of this version refuses": (
        "ends",
        lambda: facts(records=history(*deployed()[:-1], failed("invalid_request", "not implemented"))),
    ),
    "a command was given up": ("ends", lambda: facts(records=history(*deployed(), DEAD))),
    "an accepted command was lost": ("answers", lambda: facts(accepted={"op-lost": "POST"})),
    "a refused command was done": ("answers", lambda: facts(refused={"op-deploy": "POST"})),
    "created twice": ("created_once", lambda: facts(clusters=[seen(journal=[entry(), entry(upid="UPID:2")])])),
    "no application for a guest": (
        "guests_and_applications",
        lambda: facts(records=history(*deployed(), *deleted())),
    ),
    "a guest without anything on it": (
        "guests_and_applications",
        lambda: facts(clusters=[seen(guests=[guest(), guest(20001, marked=False), guest(20007, status="stopped")])]),
    ),
    "no guest for an application": (
        "guests_and_applications",
        lambda: facts(clusters=[seen(guests=[guest(20007, status="stopped")])]),
    ),
    "on the other cluster": ("guests_and_applications", lambda: facts(clusters=[seen("c2")])),
    "on the other node": (
        "guests_and_applications",
        lambda: facts(clusters=[seen(guests=[guest(node="pve2"), guest(20007, status="stopped")])]),
    ),
    "stopped behind the log's back": (
        "guests_and_applications",
        lambda: facts(clusters=[seen(guests=[guest(status="stopped"), guest(20007, status="stopped")])]),
    ),
    "a lock that nobody noticed": (
        "guests_and_applications",
        lambda: facts(clusters=[seen(guests=[guest(lock="create"), guest(20007, status="stopped")])]),
    ),
    "a foreign guest was started": ("foreign_guests", lambda: facts(clusters=[seen(guests=[guest(), guest(20007)])])),
    "a foreign guest was configured": (
        "foreign_guests",
        lambda: facts(clusters=[seen(guests=[guest(), guest(20007, status="stopped", config={})])]),
    ),
    "a foreign guest was destroyed": ("foreign_guests", lambda: facts(clusters=[seen(guests=[guest()])])),
    "a foreign guest was made anew": (
        "foreign_guests",
        lambda: facts(clusters=[seen(journal=[entry(), entry(20007, upid="UPID:pve1:proximity@pve!x:")])]),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    oracle, make = WRONG[name]
    assert oracle in {sentence.partition(":")[0] for sentence in violations(make())}
