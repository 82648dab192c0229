"""Signing in, being signed out, one's own password, and what a browser remembers."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.layout import look
from browser.person import Person, in_front_of
from support.whole import PASSWORD, USERNAME, Whole


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(USERNAME)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_who_comes_unsigned_is_let_in_where_they_wanted_to_go(browser: Browser, whole: Whole) -> None:
    with in_front_of(browser, whole) as person:
        page = person.page
        person.go("/settings/appearance?a=b")
        expect(page).to_have_url(re.compile(r"/login\?next="))
        button = page.get_by_role("button", name="Sign in")
        expect(button).to_have_accessible_description("Type your user name first.")

        sign_in(page, "not the password")
        expect(page.get_by_role("alert")).to_contain_text("The user name or the password is wrong.")
        assert look(page) == {}
        expect(page.get_by_role("textbox", name="Password")).to_be_focused()

        # the wrong one is selected: whoever types replaces it
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("switch", name="Keyboard shortcuts")).to_be_visible()
        expect(page).to_have_url(f"{whole.url}/settings/appearance?a=b")


def test_nobody_is_sent_to_another_site(browser: Browser, whole: Whole) -> None:
    with in_front_of(browser, whole) as person:
        person.go("/login?next=//elsewhere.example/clusters")
        sign_in(person.page)
        expect(person.page).to_have_url(f"{whole.url}/")


def test_a_session_that_ended_elsewhere_leads_to_the_sign_in_and_back(ada: Person, whole: Whole) -> None:
    page = ada.page
    ada.go("/clusters")
    expect(page.get_by_role("link", name="Home")).to_be_visible()
    headers = {"Origin": whole.url, "X-Proximity-CSRF": "1"}
    assert ada.context.request.delete(f"{whole.url}/api/v1/session", headers=headers).status == 204
    expect(page).to_have_url(f"{whole.url}/login?next=%2Fclusters")
    expect(page.get_by_role("link", name="Home")).to_have_count(0)
    sign_in(page)
    expect(page.get_by_role("link", name="Home")).to_be_visible()
    expect(page).to_have_url(f"{whole.url}/clusters")


def test_a_changed_password_ends_the_other_sessions_and_no_more(ada: Person, browser: Browser, whole: Whole) -> None:
    page = ada.page
    ada.go("/settings")
    expect(page).to_have_url(f"{whole.url}/settings/profile")
    expect(page.get_by_text("Admin: also connects clusters")).to_be_visible()
    present = page.get_by_role("textbox", name="Present password")
    new = page.get_by_role("textbox", name="New password")
    button = page.get_by_role("button", name="Change password")

    def change(old: str, to: str) -> None:
        present.fill(old)
        new.fill(to)
        button.click()

    with in_front_of(browser, whole) as elsewhere:
        elsewhere.sign_in()
        elsewhere.go("/settings/profile")
        expect(elsewhere.page.get_by_role("heading", name="Settings")).to_be_visible()
        present.fill(PASSWORD)
        new.fill("too short")
        expect(button).to_have_accessible_description("3 characters to go")
        change("not the password", "another one, as long")
        expect(page.get_by_role("alert")).to_contain_text("the present one is wrong")
        change(PASSWORD, "another one, as long")
        expect(page.get_by_role("status").get_by_text("The password is changed.")).to_be_visible()
        expect(elsewhere.page).to_have_url(re.compile("/login"))
    change("another one, as long", PASSWORD)
    expect(present).to_have_value("")
    expect(page.get_by_role("status").get_by_text("The password is changed.")).to_be_visible()
    # whoever set Proximity up was elsewhere, too
    whole.sign_in()

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("shared", ["worker", "channel"])
def test_signing_out_in_one_tab_is_soon_seen_in_all_of_them(ada: Person, shared: str) -> None:
    if shared == "channel":
        ada.context.add_init_script("delete globalThis.SharedWorker")
    tabs = [ada.page, ada.context.new_page(), ada.context.new_page()]
    for tab, path in zip(tabs, ("/settings/profile", "/clusters", "/settings/appearance"), strict=True):
        tab.goto(ada.site + path)
        expect(tab.locator("[data-link]").first).to_have_attribute("data-link", "live")
    ada.page.get_by_role("button", name="Sign out").click()
    for tab in tabs:
        expect(tab).to_have_url(re.compile("/login"))
    assert [tab.get_by_role("link", name="Home").count() for tab in tabs] == [0, 0, 0]


def test_what_was_chosen_holds_in_this_browser(ada: Person) -> None:
    page = ada.page
    ada.go("/settings/appearance")
    page.get_by_role("radio", name="Light").check()
    page.get_by_role("switch", name="Keyboard shortcuts").uncheck()
    page.reload()
    expect(page.get_by_role("radio", name="Light")).to_be_checked()
    expect(page.get_by_role("switch", name="Keyboard shortcuts")).not_to_be_checked()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_an_address_of_nothing(ada: Person) -> None:
    ada.go("/nothing/here")
    expect(ada.page.get_by_role("heading", level=1, name="There is nothing here")).to_be_visible()
    ada.page.get_by_role("link", name="To the deck").click()
    expect(ada.page).to_have_url(f"{ada.site}/")
