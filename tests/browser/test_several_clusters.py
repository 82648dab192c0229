"""Three Proxmox VE with nodes and guests of the same names: told apart everywhere, also when one of them goes away."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.layout import faults, look
from browser.leaving import leave_nothing
from browser.person import Person
from browser.way import Way
from support.simulator import SimulatorProcess
from support.whole import Whole

PATIENCE = 60_000
"""Milliseconds that a change may take to be seen: a cluster is away when it was asked three times, 5 s apart."""
NAMES = ("Attic", "Cellar")


@pytest.fixture(scope="module")
def ways(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    """Two clusters more, and by their names the ways to them."""
    proxmox = SimulatorProcess(tmp_path_factory.mktemp("far"), clusters=len(NAMES))
    proxmox.start()
    ways = {}
    connecting = []
    for name, cluster in zip(NAMES, proxmox.clusters, strict=True):
        there = cluster.connection()
        ways[name] = way = Way(urlsplit(there.url).port or 0)
        body = {
            "name": name,
            "endpoints": [f"https://127.0.0.1:{way.port}"],
            "token_id": there.token_id,
            "token_secret": there.token_secret,
            "fingerprint": there.fingerprint,
        }
        connecting.append(whole.order("POST", "/clusters", body))
    for accepted in connecting:
        assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    yield ways
    for way in ways.values():
        way.open()
    leave_nothing(whole)
    for name in NAMES:
        if (id_ := id_of(whole, name)) is not None:
            removing = whole.order("DELETE", f"/clusters/{id_}")
            assert whole.ended_operation(removing["operation_id"])["status"] == "succeeded"
    for way in ways.values():
        way.close()
    proxmox.stop()


def id_of(whole: Whole, name: str) -> str | None:
    """None: there is no such cluster."""
    return next((row["id"] for row in whole.get("/clusters")["items"] if row["name"] == name), None)


def card(page: Page, name: str) -> Locator:
    """Of a cluster."""
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=True))


def row(page: Page, name: str) -> Locator:
    """Of the rack."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_nodes_and_guests_of_the_same_names_are_told_apart(ada: Person, whole: Whole, ways: dict[str, Way]) -> None:
    page = ada.page
    ada.go("/clusters")
    for name, way in ways.items():
        expect(card(page, name)).to_contain_text(f"https://127.0.0.1:{way.port}")
        expect(card(page, name)).to_contain_text("Connected")
        expect(card(page, name)).to_contain_text("2 nodes", timeout=PATIENCE)

    ada.go("/rack?q=pihole")
    expect(page.get_by_role("treegrid")).to_have_attribute("aria-rowcount", "6", timeout=PATIENCE)
    for name in ("Home", *ways):
        expect(row(page, f"pve1 of {name}")).to_contain_text("Online")
    row(page, "pve1 of Cellar").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="pve1")).to_be_visible()
    expect(page.get_by_role("main").locator("header").get_by_role("link", name="Cellar")).to_be_visible()

    ada.go("/discovery?q=pihole")
    found = page.get_by_role("list", name="Guests found").get_by_role("listitem")
    expect(found).to_have_count(3, timeout=PATIENCE)
    page.get_by_label("Cluster", exact=True).select_option("Attic")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("pve1 of Attic")


def elsewhere(attic: str) -> dict[str, list[re.Pattern[str]]]:
    """Path of a page -> what it says of a cluster that is away, and of one that is not."""
    age = r"as of \d+:\d\d:\d\d"
    said = {
        "/": [r"Attic: the cluster does not answer", age],
        "/clusters": [rf"Attic.*{age}.*Unreachable", r"Home.*Connected"],
        f"/clusters/{attic}": [r"Proxmox VE does not answer", rf"pve1.*{age}.*Unreachable.*pve2.*Unreachable"],
        f"/nodes/{attic}/pve1": [rf"Unreachable.*{age}", r"pihole.*Unknown"],
        "/rack": [r"Attic cannot be reached", rf"pve1 of Attic.*Unreachable.*{age}.*Attic notes.*Unknown"],
        "/rack?q=pihole": [r"pve1 of Attic.*Unreachable.*pihole.*Unknown", r"pve1 of Home.*Online.*pihole.*Running"],
        "/apps": [r"Attic notes.*Unknown"],
    }
    return {path: [re.compile(words, re.S) for words in all_] for path, all_ in said.items()}


def test_an_application_goes_to_the_cluster_that_was_chosen(ada: Person, whole: Whole, ways: dict[str, Way]) -> None:
    page = ada.page
    ada.go("/deploy/memos")
    page.get_by_label("Name", exact=True).fill("Cellar notes")
    page.get_by_role("radio", name="Cellar").check()
    expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Review").click()
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("heading", name="Cellar notes is running")).to_be_visible(timeout=PATIENCE)
    (made,) = [row for row in whole.get("/applications")["items"] if row["name"] == "Cellar notes"]
    assert made["cluster_id"] == id_of(whole, "Cellar")
    ada.go("/apps")
    expect(page.get_by_role("listitem").filter(has_text="Cellar notes")).to_contain_text("of Cellar")


def test_what_one_that_is_away_said_last_is_dimmed_with_its_age_and_nothing_is_asked_of_it(
    ada: Person, whole: Whole, ways: dict[str, Way]
) -> None:
    page = ada.page
    attic = id_of(whole, "Attic")
    deploying = whole.order("POST", "/applications", {"recipe": "memos", "name": "Attic notes", "cluster_id": attic})
    assert whole.ended_operation(deploying["operation_id"])["status"] == "succeeded"
    ada.go(f"/apps/{deploying['application_id']}")
    state = page.get_by_role("main").locator("header [data-state]").first
    expect(state).to_have_text("Running", timeout=PATIENCE)
    page.evaluate("window.here = true")

    ways["Attic"].shut()
    note = page.get_by_role("group", name="Attic does not answer")
    expect(note).to_contain_text(re.compile(r"was seen last, at \d+:\d\d"), timeout=PATIENCE)
    expect(state).to_have_text("Unknown")
    expect(page.locator("[data-dimmed]")).to_have_css("filter", "grayscale(1)")
    for action in ("Start", "Stop", "Delete"):
        button = page.get_by_role("group", name="Actions").get_by_role("button", name=action, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description("Not while Attic does not answer.")
    assert look(page) == {}

    other = ada.context.new_page()
    for path, seen in elsewhere(attic or "").items():
        other.goto(f"{ada.site}{path}")
        for words in seen:
            expect(other.get_by_role("main")).to_contain_text(words, timeout=PATIENCE)
        assert faults(other) == []
    other.goto(f"{ada.site}/deploy/memos")
    expect(other.get_by_role("radio", name="Attic")).to_be_disabled()
    expect(other.get_by_role("radio", name="Home")).to_be_enabled()

    ways["Attic"].open()
    expect(note).to_have_count(0, timeout=PATIENCE)
    expect(state).to_have_text("Running")
    expect(page.locator("[data-dimmed]")).to_have_count(0)
    assert page.evaluate("window.here") is True
