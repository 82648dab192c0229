"""kill -9 of each process during a deployment: one container, the operation succeeds, the browser learns it."""

from collections.abc import Callable

import pytest

from support.whole import ENDED, Row, Watcher, Whole

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("victim", ["api", "projector", "provisioner", "reconciler", "nats", "postgres"])
def test_killed_process_loses_nothing(whole: Whole, victim: str) -> None:
    name = f"survives-{victim}"
    with Watcher(whole).watching() as browser:
        held = whole.simulator.fault("task_held", type="vzcreate")
        accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": name})
        whole.operation(accepted["operation_id"], has_begun("create"))
        before = whole.children()[victim].pid
        whole.kill(victim)
        whole.simulator.remove_fault(held)

        ended = whole.ended_operation(accepted["operation_id"])
        assert ended["status"] == "succeeded", ended
        browser.wait_for_operation(accepted["operation_id"], "succeeded")
        browser.wait_for(lambda: _last(browser, "applications", accepted["application_id"]).get("status") == "running")

    row = whole.get(f"/applications/{accepted['application_id']}")
    assert row["address"]
    assert whole.journal(name) == ["create"]
    assert whole.children()[victim].pid != before

    deleted = whole.order("DELETE", f"/applications/{accepted['application_id']}")
    assert whole.ended_operation(deleted["operation_id"])["status"] == "succeeded"
    assert whole.journal(name) == ["create", "destroy"]


def test_all_provisioners_killed_at_once(whole: Whole) -> None:
    held = whole.simulator.fault("task_held", type="vzcreate")
    accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": "orphan"})
    whole.operation(accepted["operation_id"], has_begun("create"))
    whole.kill("provisioner")
    whole.kill("provisioner-2")
    whole.simulator.remove_fault(held)
    assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    assert whole.journal("orphan") == ["create"]


def test_what_happens_outside_while_nobody_watches_reaches_the_browser(whole: Whole) -> None:
    accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": "watched"})
    assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    application_id = accepted["application_id"]
    vmid = whole.get(f"/applications/{application_id}")["vmid"]
    finding = f"application/{application_id}/stopped_outside"
    with Watcher(whole).watching() as browser:
        before = whole.children()["reconciler"].pid
        whole.kill("reconciler")
        whole.simulator.power_off(vmid)
        browser.wait_for(lambda: _last(browser, "findings", finding).get("closed_at", "") is None)
        browser.wait_for(lambda: _last(browser, "applications", application_id).get("status") == "stopped")
    assert whole.children()["reconciler"].pid != before


def has_begun(step: str) -> Callable[[Row], bool]:
    def condition(operation: Row) -> bool:
        assert operation["status"] not in ENDED, operation
        return any(s["name"] == step and s["status"] != "pending" for s in operation["steps"])

    return condition


def _last(browser: Watcher, table: str, row_id: str) -> Row:
    versions = browser.rows(table, row_id)
    return versions[-1] if versions else {}
