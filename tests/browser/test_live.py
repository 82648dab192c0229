"""What keeps the pages true: the server dies, a frame gets lost, nine tabs share one connection, nothing answers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from browser.chromium import arguments, executable
from browser.layout import faults
from browser.leaving import eventually, offer_all
from browser.person import Person, in_front_of
from browser.way import Way
from support.whole import PASSWORD, USERNAME, Row, Whole

PATIENCE = 30_000
"""Milliseconds that a change may take to be seen on a machine with much else to do."""
TABS = 9
"""A browser opens six connections to a server over HTTP/1.1."""


@pytest.fixture
def way(whole: Whole) -> Iterator[Way]:
    made = Way(whole.port)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _offered_again(whole: Whole) -> Iterator[None]:
    yield
    offer_all(whole)


def site(way: Way) -> str:
    return f"http://127.0.0.1:{way.port}"


def found(page: Page, name: str) -> Locator:
    """A guest that can be adopted."""
    return page.get_by_role("list", name="Guests found").get_by_role("link", name=name, exact=True)


def ignore(whole: Whole, name: str) -> Row:
    (guest,) = (row for row in whole.get("/guests")["items"] if row["name"] == name)
    return whole.order("POST", f"/guests/{guest['id']}/ignore")


def snapshots_of(page: Page) -> list[str]:
    """The addresses of those it takes from now on."""
    taken: list[str] = []

    def asked(request: Request) -> None:
        if "/api/v1/snapshot" in request.url:
            taken.append(request.url)

    page.on("request", asked)
    return taken


def link_light(page: Page) -> Locator:
    return page.locator("[data-link]").first


def test_the_server_dies_during_a_deployment_and_the_page_goes_on_where_it_was(ada: Person, whole: Whole) -> None:
    page = ada.page
    taken = snapshots_of(page)
    held = whole.simulator.fault("task_held", type="vzcreate")
    accepted = whole.order("POST", "/applications", {"recipe": "memos", "name": "Notes"})
    ada.go(f"/apps/{accepted['application_id']}")
    state = page.get_by_role("main").locator("header [data-state]").first
    expect(state).to_have_text("Deploying", timeout=PATIENCE)
    eventually(lambda: bool(whole.simulator.state()["tasks_running"]))
    page.evaluate("window.here = true")

    died = whole.children()["api"].pid
    whole.kill("api")
    eventually(lambda: "api" in whole.children() and whole.children()["api"].pid != died)
    assert whole.get(f"/operations/{accepted['operation_id']}")["status"] == "running"
    whole.simulator.remove_fault(held)

    expect(state).to_have_text("Running", timeout=2 * PATIENCE)
    history = page.get_by_role("list", name="History")
    expect(history.get_by_text("Notes is to be deployed from")).to_be_visible()
    expect(history.get_by_text("Notes answers.")).to_be_visible(timeout=PATIENCE)
    expect(link_light(page)).to_have_attribute("data-link", "live")
    # also what was to come from the server while it was away
    expect(page.get_by_role("figure", name="Memory").locator("canvas")).to_be_visible(timeout=PATIENCE)
    # neither loaded again nor begun anew: it was told what it had missed
    assert page.evaluate("window.here") is True
    assert len(taken) == 1


def test_a_lost_frame_is_noticed_and_made_good_by_a_snapshot(browser: Browser, whole: Whole, way: Way) -> None:
    with in_front_of(browser, whole, site=site(way)) as person:
        page = person.page
        person.sign_in()
        taken = snapshots_of(page)
        person.go("/discovery")
        expect(found(page, "pihole")).to_be_visible(timeout=PATIENCE)
        expect(link_light(page)).to_have_attribute("data-link", "live")
        assert len(taken) == 1

        # the frame with its row, and only that one
        way.gate.lose_frame_with('"ignored":true')
        ignore(whole, "pihole")
        ignore(whole, "vaultwarden")
        expect(found(page, "vaultwarden")).to_have_count(0, timeout=PATIENCE)
        expect(found(page, "pihole")).to_have_count(0)
        assert way.gate.tripped.is_set()
        assert len(taken) == 2
        expect(found(page, "jellyfin")).to_be_visible()


def test_nine_tabs_over_plain_http_share_one_stream(browser: Browser, whole: Whole) -> None:
    eventually(lambda: streams(whole) == 0)
    rules = arguments("--host-resolver-rules=MAP prox.lan 127.0.0.1")
    chromium = browser.browser_type.launch(executable_path=executable(), args=rules)
    try:
        with in_front_of(chromium, whole, site=f"http://prox.lan:{whole.port}") as person:
            person.go("/login?next=/discovery")
            person.page.get_by_label("User name").fill(USERNAME)
            person.page.get_by_role("textbox", name="Password").fill(PASSWORD)
            person.page.get_by_role("button", name="Sign in").click()
            expect(found(person.page, "jellyfin")).to_be_visible(timeout=PATIENCE)
            assert person.page.evaluate("isSecureContext") is False
            tabs = [person.page, *(person.context.new_page() for _ in range(TABS - 1))]
            for tab in tabs[1:]:
                tab.goto(f"{person.site}/discovery")
            for tab in tabs:
                expect(found(tab, "jellyfin")).to_be_visible(timeout=PATIENCE)
                expect(link_light(tab)).to_have_attribute("data-link", "live")

            ignore(whole, "jellyfin")
            for tab in tabs:
                expect(found(tab, "jellyfin")).to_have_count(0, timeout=PATIENCE)
            # there is room for what the last one asks for
            tabs[-1].get_by_role("button", name="Ignore nextcloud").click()
            for tab in tabs:
                expect(found(tab, "nextcloud")).to_have_count(0, timeout=PATIENCE)
            assert streams(whole) == 1
    finally:
        chromium.close()


def streams(whole: Whole) -> int:
    """Those that the server holds open."""
    with whole.client() as client:
        told = client.get(f"{whole.url}/metrics").text
    match = re.search(r"^proximity_sse_clients (\d+)", told, re.M)
    assert match is not None
    return int(match[1])


def test_what_is_shown_of_a_server_that_does_not_answer_is_dimmed_and_comes_back(
    browser: Browser, whole: Whole, way: Way
) -> None:
    with in_front_of(browser, whole, site=site(way)) as person:
        page = person.page
        person.sign_in()
        page.clock.install()
        person.go("/discovery")
        expect(found(page, "grafana")).to_be_visible(timeout=PATIENCE)
        expect(link_light(page)).to_have_attribute("data-link", "live")
        button = page.get_by_role("button", name="Ignore minecraft")
        expect(button).not_to_have_attribute("aria-disabled", "true")
        page.evaluate("window.here = true")

        way.shut()
        expect(link_light(page)).to_have_attribute("data-link", "reconnecting", timeout=PATIENCE)
        expect(button).not_to_have_attribute("aria-disabled", "true")
        page.clock.fast_forward(15_000)
        expect(link_light(page)).to_have_text(re.compile(r"Offline, as of \d+:\d\d"))
        expect(page.get_by_text("Proximity does not answer")).to_be_visible()
        expect(found(page, "grafana")).to_be_visible()
        expect(page.locator("[data-dimmed]")).to_have_css("filter", "grayscale(1)")
        assert faults(page) == []
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description("Not while offline: nothing is kept for later.")
        button.click(force=True)

        ignore(whole, "grafana")
        way.open()
        expect(link_light(page)).to_have_attribute("data-link", "live", timeout=PATIENCE)
        expect(found(page, "grafana")).to_have_count(0, timeout=PATIENCE)
        expect(page.get_by_text("Proximity does not answer")).to_have_count(0)
        expect(page.locator("[data-dimmed]")).to_have_count(0)
        expect(button).not_to_have_attribute("aria-disabled", "true")
        # what could not be asked for was not kept, and nothing was loaded again
        expect(found(page, "minecraft")).to_be_visible()
        assert page.evaluate("window.here") is True
