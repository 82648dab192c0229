"""From the catalog to a running application, and what happens when Proxmox fails on the way."""

import re

from playwright.sync_api import Page, expect

from browser.layout import faults, look
from browser.leaving import eventually
from browser.person import Person
from support.outside import Outside
from support.whole import Whole

PATIENCE = 30_000
"""Milliseconds that an operation may take on a machine with much else to do."""


def to_review(page: Page, name: str) -> None:
    """Fills in the name and goes on to the last part."""
    page.get_by_label("Name", exact=True).fill(name)
    while page.get_by_role("button", name="Next").is_visible():
        before = page.url
        page.get_by_role("button", name="Next").click()
        expect(page).not_to_have_url(before)


def test_from_the_catalog_to_a_running_application_by_mouse(ada: Person) -> None:
    page = ada.page
    ada.go("/catalog")
    page.get_by_role("searchbox", name="Search the catalog").fill("notes quickly")
    cards = page.get_by_role("list", name="Catalog").get_by_role("listitem")
    expect(cards).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=notes"))
    cards.get_by_role("link", name="Memos", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Memos")).to_be_visible()
    page.get_by_role("link", name="Deploy Memos").click()

    expect(page.get_by_label("Name", exact=True)).to_have_value("Memos")
    expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
    to_review(page, "Family notes")
    expect(page.get_by_text("Family notes")).to_be_visible()
    page.get_by_role("button", name="Deploy", exact=True).click()

    expect(page.get_by_role("heading", name="Family notes is running")).to_be_visible(timeout=PATIENCE)
    address = page.get_by_role("link", name="Open Family notes").get_attribute("href")
    assert address is not None
    assert re.fullmatch(r"http://127\.\d+\.\d+\.\d+:5230/", address)
    assert page.evaluate("sessionStorage.getItem('draft:memos')") is None
    page.get_by_role("link", name="Go to Family notes").click()
    expect(page.get_by_role("link", name=re.compile("^Open Family notes"))).to_have_attribute("href", address)
    expect(page.get_by_role("list", name="History").get_by_text("Family notes answers.")).to_be_visible()


def test_the_dry_run_tells_before_the_button_and_the_draft_survives_a_reload_without_its_secrets(ada: Person) -> None:
    page = ada.page
    ada.go("/deploy/postgres?part=resources")
    memory = page.get_by_label("Memory", exact=True)
    memory.fill("999999")
    expect(page.get_by_text("There is no place for it now")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(re.compile("999999 MiB are needed"))).to_be_visible()
    memory.fill("1")
    expect(page.get_by_text(re.compile("PostgreSQL takes 256 to"))).to_be_visible(timeout=PATIENCE)
    memory.fill("512")
    expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)

    page.get_by_role("link", name="Settings").last.click()
    page.get_by_label("Password", exact=False).first.fill("very secret indeed")
    page.get_by_label("Database", exact=False).first.fill("Not Valid")
    expect(page.get_by_text("Database does not have the expected form.")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("Database", exact=False).first.fill("blog")
    expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
    assert "very secret" not in page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")

    page.reload()
    expect(page.get_by_label("Database", exact=False).first).to_have_value("blog")
    expect(page.get_by_label("Password", exact=False).first).to_have_value("")
    page.get_by_role("link", name="Review").click()
    expect(page.get_by_text("Made up")).to_be_visible()
    expect(page.get_by_text("512 MiB", exact=True)).to_be_visible()


def test_a_deployment_that_fails_on_the_way_says_why_and_is_tried_again(ada: Person, whole: Whole) -> None:
    page = ada.page
    words = "startup for container failed: the disk is on fire"
    whole.simulator.fault("task_error", type="vzstart", text=words)
    ada.go("/deploy/memos")
    to_review(page, "Hot notes")
    page.get_by_role("button", name="Deploy", exact=True).click()

    expect(page.get_by_role("heading", name="Hot notes was not deployed")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("alert").get_by_text(words)).to_be_visible()
    expect(page.get_by_text("Proxmox says")).to_be_visible()
    assert faults(page) == []
    whole.simulator.fault("task_error", type="vzstart", text="and again")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert").get_by_text("and again")).to_be_visible(timeout=PATIENCE)

    # whatever is filled in since: what failed is what is tried again, and looked over first
    page.evaluate("sessionStorage.setItem('draft:memos', JSON.stringify({name: 'Cold notes', values: {}}))")
    page.reload()
    expect(page.get_by_text("Secrets have to be given anew.")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Try again").click()
    deploying = page.get_by_role("button", name="Deploy", exact=True)
    expect(deploying).to_be_enabled(timeout=PATIENCE)
    expect(page.get_by_role("main")).to_contain_text("Hot notes")
    deploying.click()

    expect(page.get_by_role("heading", name="Hot notes is running")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("link", name="Open Hot notes")).to_be_visible()
    running = [row for row in whole.get("/applications")["items"] if row["name"] == "Hot notes"]
    assert [row["status"] for row in running] == ["running"]


def test_what_failed_before_is_deployed_again_from_its_page_with_the_same_settings(ada: Person, whole: Whole) -> None:
    page = ada.page
    whole.simulator.fault("task_error", type="vzcreate", text="no space left in the thin pool")
    settings = {"memory_mib": 300, "timezone": "Europe/Berlin"}
    accepted = whole.order("POST", "/applications", {"recipe": "memos", "name": "Late notes", "settings": settings})
    assert whole.ended_operation(accepted["operation_id"])["status"] == "failed"

    ada.go(f"/apps/{accepted['application_id']}")
    expect(page.get_by_text("no space left in the thin pool").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Delete it and deploy again").click()
    expect(page.get_by_role("heading", name="Deploy Memos")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Europe/Berlin")).to_be_visible()
    expect(page.get_by_text("300 MiB", exact=True)).to_be_visible()
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("heading", name="Late notes is running")).to_be_visible(timeout=PATIENCE)


def test_an_undecided_deployment_is_explained_and_resolved(ada: Person, whole: Whole, outside: Outside) -> None:
    page = ada.page
    # the worker dies before its effect: an empty guest stays locked, and nobody but a person can say why
    whole.simulator.fault("task_killed", type="vzcreate", stage="early")
    accepted = whole.order("POST", "/applications", {"recipe": "memos", "name": "Half a note"})
    ada.go(f"/operations/{accepted['operation_id']}")
    expect(page.get_by_text("It is not known whether this happened")).to_be_visible(timeout=2 * PATIENCE)
    command = page.get_by_text(re.compile(r"pct unlock \d+"))
    expect(command).to_be_visible()
    assert faults(page) == []
    (number,) = re.findall(r"pct unlock (\d+)", command.inner_text())
    page.get_by_role("radio", name="It failed").check()
    page.get_by_role("button", name="Say so").click()
    expect(page.get_by_text("Deploy failed")).to_be_visible(timeout=PATIENCE)

    # nobody else dares to touch what is locked: who does as they are told can delete it then
    whole.simulator.unlock(int(number))
    outside(lambda stranger: stranger.destroy(int(number)))


def test_a_deployment_is_cancelled_at_the_next_safe_point_and_leaves_nothing(ada: Person, whole: Whole) -> None:
    page = ada.page
    held = whole.simulator.fault("task_held", type="vzcreate")
    ada.go("/deploy/memos")
    to_review(page, "Never mind")
    page.get_by_role("button", name="Deploy", exact=True).click()
    eventually(lambda: bool(whole.simulator.state()["tasks_running"]))
    assert faults(page) == []
    page.get_by_role("button", name="Cancel it").click()
    # as long as somebody reads who is asked: sooner it would be a double click
    page.get_by_role("button", name="Cancel it?").click(delay=400)
    expect(page.get_by_text("Prove that it is gone")).to_be_visible()
    # it was accepted, and the task still runs
    expect(page.get_by_role("button", name="Cancelling at the next safe point")).to_be_visible()
    # a task that runs is not torn down in the middle
    assert whole.journal("never-mind") == []
    whole.simulator.remove_fault(held)

    expect(page.get_by_role("heading", name="Never mind was not deployed")).to_be_visible(timeout=PATIENCE)
    (operation,) = [
        row
        for row in whole.get("/operations")["items"]
        if row["target_name"] == "Never mind" and row["kind"] == "deploy"
    ]
    ada.go(f"/operations/{operation['id']}")
    expect(page.get_by_role("main")).to_contain_text("Cancelled")
    eventually(lambda: whole.journal("never-mind") == ["create", "destroy"])
    ada.go(f"/apps/{operation['target']}")
    expect(page.get_by_role("alert")).to_contain_text("The deployment was cancelled.", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Delete it and deploy again")).to_be_visible()
    assert look(page) == {}
