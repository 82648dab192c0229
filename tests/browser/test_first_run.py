"""From the link in the ready line to the first application, with nothing but the page."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from browser.layout import look
from browser.person import in_front_of
from support.whole import PASSWORD, USERNAME, Whole

PATIENCE = 40_000
"""Milliseconds that a deployment may take on a machine with much else to do."""
FARTHEST = 60
"""Presses of Tab within which everything on a page is reached."""


def link(whole: Whole) -> str:
    """As the ready line has it, without the site."""
    return "/setup#" + whole.ready_line.partition("#")[2]


def tab_to(page: Page, wanted: Locator) -> None:
    """As who has no mouse. Fails if it cannot be reached, or if nobody could see where they are."""
    expect(wanted).to_be_visible(timeout=PATIENCE)
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            outline = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{wanted} shows no focus"
            return
    raise AssertionError(f"{wanted} is not reached by Tab")


def press(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def test_by_mouse(browser: Browser, new_whole: Whole) -> None:
    with in_front_of(browser, new_whole) as person:
        page = person.page
        person.go("/")
        # without the link the token is asked for
        expect(page).to_have_url(f"{new_whole.url}/setup")
        page.get_by_role("textbox", name="Setup token").fill("not the token")
        page.get_by_label("User name").fill(USERNAME)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Create the first user").click()
        expect(page.get_by_text("This setup token is wrong. Take the one from the ready line.")).to_be_visible()

        person.go(link(new_whole))
        expect(page.get_by_role("textbox", name="Setup token")).to_have_count(0)
        # it stays neither in the address bar nor in the history
        expect(page).to_have_url(f"{new_whole.url}/setup")
        create = page.get_by_role("button", name="Create the first user")
        page.get_by_label("User name").fill(USERNAME)
        page.get_by_role("textbox", name="Password").fill("too short")
        expect(create).to_have_accessible_description("3 characters to go")
        assert look(page) == {}
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        create.click()

        expect(page.get_by_role("heading", name="Connect your Proxmox VE")).to_be_focused()
        assert look(page) == {}
        page.get_by_role("button", name="Use the simulated cluster").click()
        expect(page.get_by_role("heading", name="Simulated is connected")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("The token may do everything that Proximity does.")).to_be_visible()
        assert look(page) == {}
        page.get_by_role("link", name="Open the catalog").click()

        page.get_by_role("list", name="Catalog").get_by_role("link", name="Memos", exact=True).click()
        page.get_by_role("link", name="Deploy Memos").click()
        expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
        while page.get_by_role("button", name="Next").is_visible():
            before = page.url
            page.get_by_role("button", name="Next").click()
            expect(page).not_to_have_url(before)
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_role("heading", name="Memos is running")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("link", name="Open Memos")).to_have_attribute("href", re.compile(r"^http://127\."))


def test_by_keyboard_alone(browser: Browser, new_whole: Whole) -> None:
    with in_front_of(browser, new_whole) as person:
        page = person.page
        person.go(link(new_whole))
        tab_to(page, page.get_by_label("User name"))
        page.keyboard.type(USERNAME)
        tab_to(page, page.get_by_role("textbox", name="Password"))
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="Connect your Proxmox VE")).to_be_focused()
        press(page, page.get_by_role("button", name="Use the simulated cluster"))
        expect(page.get_by_role("heading", name="Simulated is connected")).to_be_focused(timeout=PATIENCE)
        press(page, page.get_by_role("link", name="Open the catalog"))

        press(page, page.get_by_role("list", name="Catalog").get_by_role("link", name="Memos", exact=True))
        press(page, page.get_by_role("link", name="Deploy Memos"))
        expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
        while page.get_by_role("button", name="Next").is_visible():
            before = page.url
            press(page, page.get_by_role("button", name="Next"))
            expect(page).not_to_have_url(before)
        press(page, page.get_by_role("button", name="Deploy", exact=True))
        expect(page.get_by_role("heading", name="Memos is running")).to_be_visible(timeout=PATIENCE)
        tab_to(page, page.get_by_role("link", name="Open Memos"))
