"""The page of an application: what it does, what can be done with it, and what became of that."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from browser.layout import faults
from browser.person import NARROW, Person, in_front_of
from support.whole import Whole

PATIENCE = 30_000
READING = 400
HOSTILE = 'Evil <img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.fixture(scope="module")
def made(whole: Whole) -> str:
    return deployed(whole, "Notes")


@pytest.fixture
def notes(whole: Whole, made: str) -> str:
    """The id of an application that runs, whatever was done with it before."""
    if whole.get(f"/applications/{made}")["status"] != "running":
        started = whole.order("POST", f"/applications/{made}/start")
        assert whole.ended_operation(started["operation_id"])["status"] == "succeeded"
    return made


def deployed(whole: Whole, name: str) -> str:
    accepted = whole.order("POST", "/applications", {"recipe": "memos", "name": name})
    ended = whole.ended_operation(accepted["operation_id"])
    assert ended["status"] == "succeeded", ended
    return str(accepted["application_id"])


def state_of(page: Page) -> Locator:
    return page.get_by_role("main").locator("header [data-state]").first


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Actions").get_by_role("button", name=name, exact=True)


def asking(page: Page, title: str) -> Locator:
    """The dialog that wants an answer."""
    return page.get_by_role("alertdialog", name=title)


def twice(page: Page, name: str) -> None:
    """The second press is as long as somebody reads who is asked: sooner it would be a double click."""
    button(page, name).click()
    button(page, f"{name}?").click(delay=READING)


def hold(page: Page, address: str) -> list[Route]:
    """What is asked for there from now on, and has to be let go on."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held


def test_stopped_and_started_with_the_answer_to_come(ada: Person, notes: str) -> None:
    page = ada.page
    ada.go(f"/apps/{notes}")
    expect(state_of(page)).to_have_text("Running", timeout=PATIENCE)
    expect(button(page, "Start")).to_have_accessible_description("It is running.")
    # a double click is one press
    button(page, "Stop").dblclick()
    expect(button(page, "Stop?")).to_have_accessible_description("Pulls the plug: what it has not saved is lost.")
    expect(state_of(page)).to_have_text("Running")
    assert faults(page) == []
    button(page, "Stop?").click(delay=READING)
    expect(state_of(page)).to_have_text("Stopped", timeout=PATIENCE)
    expect(page.get_by_role("link", name=re.compile("^Open Notes"))).to_have_count(0)
    expect(button(page, "Stop")).to_have_accessible_description("It is stopped.")

    held = hold(page, "**/start")
    button(page, "Start").click()
    # nobody has answered yet
    expect(state_of(page)).to_have_text("Starting")
    expect(button(page, "Start")).to_have_accessible_description("Not now: starting.")
    held[0].continue_()
    expect(state_of(page)).to_have_text("Running", timeout=PATIENCE)
    expect(page.get_by_role("link", name=re.compile("^Open Notes"))).to_be_visible()
    history = page.get_by_role("list", name="History")
    expect(history.get_by_text("Notes is to be stopped.")).to_be_visible()
    expect(history.get_by_text("The start of Notes succeeded.")).to_be_visible()
    # in the chart, too, what explains its lines
    marked = page.get_by_role("figure", name="CPU").get_by_role("listitem")
    expect(marked.filter(has_text="The start of Notes succeeded.")).to_be_visible(timeout=PATIENCE)


def test_a_start_that_fails_is_taken_back_in_the_words_of_proxmox_and_repeated(
    ada: Person, whole: Whole, notes: str
) -> None:
    page = ada.page
    ada.go(f"/apps/{notes}")
    twice(page, "Stop")
    expect(state_of(page)).to_have_text("Stopped", timeout=PATIENCE)
    whole.simulator.fault("task_error", type="vzstart", text="the volume is busy")
    button(page, "Start").click()
    alert = page.get_by_role("main").get_by_role("alert")
    expect(alert.get_by_text("the volume is busy")).to_be_visible(timeout=PATIENCE)
    expect(alert.get_by_text("Start failed")).to_be_visible()
    expect(state_of(page)).to_have_text("Stopped")

    # who does not look any more is told
    whole.simulator.fault("task_error", type="vzstart", text="the volume is still busy")
    held = hold(page, "**/start")
    alert.get_by_role("button", name="Try again").click()
    expect(state_of(page)).to_have_text("Starting")
    page.get_by_role("navigation").get_by_role("link", name="Apps").click()
    held[0].continue_()
    toast = page.get_by_role("region", name="Notifications").get_by_role("listitem")
    expect(toast).to_contain_text("the volume is still busy", timeout=PATIENCE)
    assert faults(page) == []
    page.unroute_all()
    page.go_back()
    expect(alert.get_by_text("the volume is still busy")).to_be_visible()
    alert.get_by_role("button", name="Try again").click()
    expect(state_of(page)).to_have_text("Running", timeout=PATIENCE)
    expect(alert).to_have_count(0)


def test_what_is_refused_is_taken_back_at_once(ada: Person, notes: str) -> None:
    page = ada.page
    ada.go(f"/apps/{notes}")
    refusal = {"status": 409, "code": "nobody", "title": "Not like that", "detail": "Proximity would rather not."}
    page.route("**/restart", lambda route: route.fulfill(status=409, json=refusal))
    expect(state_of(page)).to_have_text("Running", timeout=PATIENCE)
    twice(page, "Restart")
    expect(page.get_by_text("Proximity would rather not.")).to_be_visible()
    expect(state_of(page)).to_have_text("Running")


def test_what_somebody_else_does_is_seen_without_asking(
    ada: Person, browser: Browser, whole: Whole, notes: str
) -> None:
    with in_front_of(browser, whole, width=NARROW, theme="light") as other:
        other.sign_in()
        other.go("/apps")
        row = other.page.get_by_role("listitem").filter(has_text="Notes")
        expect(row.get_by_text("Running")).to_be_visible(timeout=PATIENCE)
        ada.go(f"/apps/{notes}")
        twice(ada.page, "Stop")
        expect(row.get_by_text("Stopped")).to_be_visible(timeout=PATIENCE)
        other.page.get_by_role("button", name=re.compile("^Operations")).click()
        drawer = other.page.get_by_role("dialog", name="Operations")
        expect(drawer.get_by_role("link", name="Stop Notes").first).to_be_visible()
        assert faults(other.page) == []
        drawer.get_by_role("link", name="Stop Notes").first.click()
        expect(other.page.get_by_role("heading", level=1, name="Stop Notes")).to_be_visible()
        expect(drawer).to_be_hidden()
        other.page.get_by_role("button", name="More", exact=True).click()
        expect(other.page.get_by_role("navigation").get_by_role("link", name="Activity")).to_be_visible()
        assert faults(other.page) == []
        button(ada.page, "Start").click()
        expect(state_of(ada.page)).to_have_text("Running", timeout=PATIENCE)


def test_deleted_by_who_types_its_name(ada: Person, whole: Whole) -> None:
    page = ada.page
    doomed = deployed(whole, "Short lived")
    ada.go(f"/apps/{doomed}")
    button(page, "Delete").click()
    dialog = asking(page, "Delete Short lived?")
    expect(dialog.get_by_text("Everything in it is lost", exact=False)).to_be_visible()
    confirm = dialog.get_by_role("button", name="Delete", exact=True)
    dialog.get_by_label("Type Short lived to confirm").fill("Short")
    expect(confirm).to_have_attribute("aria-disabled", "true")
    assert faults(page) == []
    dialog.get_by_label("Type Short lived to confirm").fill("Short lived")
    confirm.click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("heading", name="Short lived was removed")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("The deletion of Short lived succeeded.")).to_be_visible()
    assert whole.journal("short-lived") == ["create", "destroy"]


def test_a_hostile_name_is_text_wherever_it_stands(ada: Person, whole: Whole) -> None:
    page = ada.page
    evil = deployed(whole, HOSTILE)
    operation = whole.get(f"/operations?target={evil}")["items"][0]["id"]
    for path in ("/apps", f"/apps/{evil}", f"/operations/{operation}", "/activity", "/catalog/memos"):
        ada.go(path)
        expect(page.get_by_text(HOSTILE).first).to_be_visible(timeout=PATIENCE)
        assert page.evaluate("window.pwned") is None
    ada.go(f"/apps/{evil}")
    button(page, "Delete").click()
    expect(asking(page, f"Delete {HOSTILE}?")).to_be_visible()
    assert page.evaluate("window.pwned") is None
