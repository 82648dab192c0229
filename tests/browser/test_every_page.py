"""Every route of the product, dark and light, on a desk and on a phone: nothing that axe finds, nothing that it cannot
see (texts over each other, cut off, targets too small to hit), and nothing that the browser complains of."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.layout import FRONTEND, look
from browser.person import Person, in_front_of
from support.whole import Whole

PATIENCE = 30_000
# route -> one of its addresses; what is in braces is of the installation
ADDRESSES = {
    "/": "/",
    "/rack": "/rack",
    "/apps": "/apps",
    "/apps/[id]": "/apps/{stopped}",
    "/catalog": "/catalog",
    "/catalog/[slug]": "/catalog/memos",
    "/deploy/[slug]": "/deploy/memos",
    "/discovery": "/discovery",
    "/discovery/[guest]/adopt": "/discovery/{cluster}-101/adopt",
    "/guests/[id]": "/guests/{cluster}-100",
    "/findings": "/findings",
    "/clusters": "/clusters",
    "/clusters/new": "/clusters/new",
    "/clusters/[id]": "/clusters/{cluster}",
    "/nodes/[cluster]/[node]": "/nodes/{cluster}/pve1",
    "/storages/[cluster]/[node]/[storage]": "/storages/{cluster}/pve1/local-lvm",
    "/activity": "/activity",
    "/operations/[id]": "/operations/{failed}",
    "/settings/profile": "/settings/profile",
    "/settings/appearance": "/settings/appearance",
    "/dev/ui": "/dev/ui",
}
# the same routes in another state
STATES = {
    "an application that runs": "/apps/{running}",
    "an application that failed": "/apps/{without_container}",
    "an operation that succeeded": "/operations/{succeeded}",
    "a recipe with settings": "/catalog/postgres",
    "resources of a deployment": "/deploy/postgres?part=resources",
    "settings of a deployment": "/deploy/postgres?part=settings",
    "review of a deployment": "/deploy/postgres?part=review",
    "a filter that nothing fits": "/rack?q=nothing-of-the-kind",
    "a virtual machine": "/guests/{cluster}-200",
    "an address that leads nowhere": "/nowhere",
    "nothing there": "/apps/00000000-0000-4000-8000-000000000000",
}
# what comes after everything else, where something does
LAST = {
    "/apps/{running}": "Memory",
    "/clusters/{cluster}": "pve1",
    "/deploy/postgres?part=resources": "It fits on",
    "/discovery": "jellyfin",
    "/findings": "Should be",
    "/nodes/{cluster}/pve1": "Network",
    "/rack": "pihole",
    "/storages/{cluster}/pve1/local-lvm": "Space",
}
# before anybody is signed in: the stories of the first run and of the session look at them
ENTRIES = {"/login", "/setup"}


@pytest.fixture(scope="module")
def ids(whole: Whole) -> dict[str, str]:
    """An application that runs, one that is stopped, one that failed, and one that somebody else turned off."""
    (cluster,) = whole.get("/clusters")["items"]
    names = ("Runs", "Stops", "Suffers")
    deploying = [whole.order("POST", "/applications", {"recipe": "memos", "name": name}) for name in names]
    for accepted in deploying:
        assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    runs, stops, suffers = (accepted["application_id"] for accepted in deploying)
    whole.simulator.power_off(whole.get(f"/applications/{suffers}")["vmid"])
    stopping = whole.order("POST", f"/applications/{stops}/stop")
    assert whole.ended_operation(stopping["operation_id"])["status"] == "succeeded"
    whole.simulator.fault("task_error", type="vzcreate", text="no space left on device")
    failing = whole.order("POST", "/applications", {"recipe": "postgres", "name": "Fails"})
    assert whole.ended_operation(failing["operation_id"])["status"] == "failed"
    return {
        "cluster": cluster["id"],
        "running": runs,
        "stopped": stops,
        "without_container": failing["application_id"],
        "succeeded": stopping["operation_id"],
        "failed": failing["operation_id"],
    }


@pytest.fixture(scope="module")
def person(browser: Browser, whole: Whole) -> Iterator[Person]:
    """Signed in, and the same for all pages: what one of them spoils, the next one shows."""
    with in_front_of(browser, whole) as somebody:
        somebody.sign_in()
        yield somebody


def test_every_route_is_looked_at() -> None:
    routes = FRONTEND / "src" / "routes"
    folders = (page.parent.relative_to(routes).as_posix() for page in routes.rglob("+page.svelte"))
    there = {"/" if folder == "." else f"/{folder}" for folder in folders}
    assert there == set(ADDRESSES) | ENTRIES


@pytest.mark.parametrize("address", [*ADDRESSES.values(), *STATES.values()])
def test_a_page_is_without_fault(person: Person, ids: dict[str, str], address: str) -> None:
    person.go(address.format_map(ids))
    wait_for_all(person.page, LAST.get(address, ""))
    assert look(person.page) == {}
    assert person.complaints == []


def wait_for_all(page: Page, last: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_count(1, timeout=PATIENCE)
    # the page that shows every piece shows this one, too
    if not page.url.endswith("/dev/ui"):
        expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0, timeout=PATIENCE)
    expect(page.get_by_role("main")).to_contain_text(last, timeout=PATIENCE)
    expect(page).not_to_have_title(re.compile("^(Proximity)?$"))
