"""Every route of the product, dark and light, on a desk and on a phone: nothing that axe finds, nothing that it cannot
see (texts over each other, cut off, targets too small to hit), and nothing that the browser complains of."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.layout import FRONTEND, faults
from browser.person import HEIGHTS, THEMES, Person, in_front_of
from support.whole import Whole

PATIENCE = 30_000
GRAFANA = 104
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
    "a filter that nothing fits": "/rack?q=nothing-of-the-kind",
    "a virtual machine": "/guests/{cluster}-200",
    "an address that leads nowhere": "/nowhere",
    "nothing there": "/apps/00000000-0000-4000-8000-000000000000",
}
# before anybody is signed in; `/settings` only leads on
ENTRIES = {"/login", "/setup"}


@pytest.fixture(scope="module")
def ids(whole: Whole, browser: Browser) -> dict[str, str]:
    """An application that runs, one that is stopped, one that failed, and an adopted one with a finding."""
    (cluster,) = whole.get("/clusters")["items"]
    deploying = [whole.order("POST", "/applications", {"recipe": "memos", "name": name}) for name in ("Runs", "Stops")]
    for accepted in deploying:
        assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    runs, stops = (accepted["application_id"] for accepted in deploying)
    whole.ended_operation(whole.order("POST", f"/applications/{stops}/stop")["operation_id"])
    whole.simulator.fault("task_error", type="vzcreate", text="no space left on device")
    failing = whole.order("POST", "/applications", {"recipe": "postgres", "name": "Fails"})
    assert whole.ended_operation(failing["operation_id"])["status"] == "failed"
    with in_front_of(browser, whole) as person:
        person.sign_in()
        person.go("/discovery")
        expect(person.page.get_by_role("link", name="Adopt grafana")).to_be_visible(timeout=PATIENCE)
        adopting = whole.order("POST", f"/guests/{cluster['id']}-{GRAFANA}/adopt", {})
        assert whole.ended_operation(adopting["operation_id"])["status"] == "succeeded"
        whole.simulator.power_off(GRAFANA)
        person.go("/findings")
        expect(person.page.get_by_role("article")).to_have_count(1, timeout=PATIENCE)
    return {
        "cluster": cluster["id"],
        "running": runs,
        "stopped": stops,
        "without_container": failing["application_id"],
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
    look(person.page)
    assert person.complaints == []


def test_the_entrances_are_without_fault(browser: Browser, new_whole: Whole) -> None:
    with in_front_of(browser, new_whole) as nobody:
        nobody.go(f"/setup{new_whole.ready_line[new_whole.ready_line.index('#') :]}")
        look(nobody.page)
        new_whole.set_up()
        nobody.go("/login")
        expect(nobody.page.get_by_role("button", name="Sign in")).to_be_visible()
        look(nobody.page)


def look(page: Page) -> None:
    """In four variants, once everything that comes has come."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1, timeout=PATIENCE)
    # the page that shows every piece shows this one, too
    if not page.url.endswith("/dev/ui"):
        expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0, timeout=PATIENCE)
    assert page.title() not in ("", "Proximity")
    found: dict[tuple[int, str], list[str]] = {}
    for width, height in HEIGHTS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found[width, theme] = faults(page)
    assert {variant: said for variant, said in found.items() if said} == {}
