"""The rack: every guest on its node, by keyboard, and what is said of a node that cannot be reached."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.layout import faults
from browser.person import NARROW, Person, in_front_of
from support.whole import Whole

PATIENCE = 30_000


@pytest.fixture
def away(whole: Whole) -> Iterator[str]:
    """The name of a node that cannot be reached."""
    fault = whole.simulator.fault("node_offline", node="pve2")
    yield "pve2"
    whole.simulator.remove_fault(fault)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_by_keyboard_alone(ada: Person) -> None:
    page = ada.page
    ada.go("/rack")
    rack = page.get_by_role("treegrid", name="Guests by node")
    expect(rack).to_have_attribute("aria-rowcount", "14", timeout=PATIENCE)
    expect(row(page, "pihole")).to_contain_text(re.compile(r"Running\s*\d+%|Running\s*<1%"))
    expect(row(page, "unifi")).to_contain_text("Stopped")
    expect(row(page, "pve1")).to_contain_text("Online")

    # one key to the filter, one tab stop for all lines
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Filter")
    expect(search).to_be_focused()
    page.keyboard.type("pve1 jelly")
    expect(rack).to_have_attribute("aria-rowcount", "2")
    expect(page).to_have_url(re.compile(r"\?q=pve1[+ %20]+jelly"))
    page.keyboard.press("Tab")
    expect(rack).to_be_focused()
    page.keyboard.press("Shift+Tab")
    search.fill("nothing of the kind")
    page.get_by_role("button", name="Clear the filter").press("Enter")
    expect(search).to_be_focused()
    expect(rack).to_have_attribute("aria-rowcount", "14")

    def active() -> str:
        return str(page.evaluate(_ACTIVE))

    rack.focus()
    expect(rack).to_have_attribute("aria-activedescendant", re.compile("-0$"))
    assert "pve1" in active()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert "jellyfin" in active()
    page.keyboard.press("k")
    assert "pihole" in active()
    page.keyboard.press("End")
    assert "truenas" in active()
    page.keyboard.press("Home")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="pihole")).to_be_visible()
    page.go_back()
    page.get_by_role("treegrid").press("Enter")
    expect(page.get_by_role("heading", level=1, name="pve1")).to_be_visible()


_ACTIVE = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).textContent"


def test_single_keys_can_be_turned_off(ada: Person) -> None:
    page = ada.page
    ada.go("/settings/appearance")
    page.get_by_role("switch", name="Keyboard shortcuts").uncheck()
    ada.go("/rack")
    search = page.get_by_role("searchbox", name="Filter")
    expect(search).to_be_visible()
    page.keyboard.press("/")
    expect(search).not_to_be_focused()


def test_nothing_on_a_node_that_goes_away_is_called_stopped(browser: Browser, whole: Whole, away: str) -> None:
    with in_front_of(browser, whole, width=NARROW) as person:
        person.sign_in()
        page = person.page
        person.go("/rack")
        expect(page.get_by_role("group", name=f"{away} cannot be reached")).to_be_visible(timeout=PATIENCE)
        expect(row(page, away)).to_contain_text("Unreachable")
        # one that ran and one that did not
        for name in ("nextcloud", "unifi"):
            expect(row(page, name)).to_contain_text("Unknown")
            expect(row(page, name)).not_to_contain_text("Stopped")
        expect(row(page, "pihole")).to_contain_text("Running")
        assert faults(page) == []
        with person.context.new_page() as other:
            (cluster,) = whole.get("/clusters")["items"]
            other.goto(f"{person.site}/nodes/{cluster['id']}/{away}")
            expect(other.get_by_role("group", name="The node is offline")).to_be_visible()

        whole.simulator.clear_faults()
        expect(row(page, away)).to_contain_text("Online", timeout=PATIENCE)
        expect(row(page, "unifi")).to_contain_text("Stopped", timeout=PATIENCE)
        expect(page.get_by_role("group", name=f"{away} cannot be reached")).to_have_count(0)
