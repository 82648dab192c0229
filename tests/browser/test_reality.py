"""What is there already, and what others do to it: adopting, giving back, changes made outside."""

import re
from dataclasses import replace
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.layout import faults
from browser.person import NARROW, Person, in_front_of
from proximity.domain.application.marker import markers
from support.outside import Outside
from support.whole import Row, Whole

PATIENCE = 60_000
"""Milliseconds that a change may take to be seen on a machine with much else to do."""
PIHOLE, JELLYFIN, NEXTCLOUD, VAULTWARDEN, GRAFANA = 100, 101, 102, 103, 104
ORPHAN = 20_900
"""A number for ours: only such are taken for what is left of an application."""
HOSTILE = '<img src=x onerror="window.pwned=1">'


@pytest.fixture(scope="module")
def adopted(browser: Browser, whole: Whole) -> str:
    """The id of an application that was a container of somebody else."""
    with in_front_of(browser, whole) as person:
        person.sign_in()
        person.go("/discovery")
        # it is known by then
        expect(person.page.get_by_role("link", name="Adopt grafana")).to_be_visible(timeout=PATIENCE)
    accepted = whole.order("POST", f"/guests/{cluster_id(whole)}-{GRAFANA}/adopt", {"name": "Figures"})
    assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
    return str(accepted["application_id"])


def cluster_id(whole: Whole) -> str:
    (cluster,) = whole.get("/clusters")["items"]
    return str(cluster["id"])


def on_proxmox(whole: Whole, vmid: int) -> Row:
    guest = whole.simulator.guest(vmid)
    assert guest is not None
    return guest


def about(page: Page, words: str) -> Locator:
    """A finding."""
    return page.get_by_role("article").filter(has_text=words)


def test_a_container_is_adopted_and_given_back(ada: Person, whole: Whole) -> None:
    page = ada.page
    ada.go("/discovery?q=jelly")
    found = page.get_by_role("list", name="Guests found").get_by_role("listitem")
    expect(found).to_have_count(1, timeout=PATIENCE)
    expect(found).to_contain_text("jellyfin, port 8096")
    page.get_by_role("link", name="Adopt jellyfin").click()

    # before anything is asked for: all that will be written, and what takes it away
    written = page.get_by_role("region", name="What is written")
    expect(written).to_contain_text(re.compile(r"proximity:[0-9a-f-]{36}:<application>:<operation>:101"))
    expect(written).to_contain_text("Releasing it takes the line and the tag away again.")
    expect(page.get_by_role("region", name="What is read")).to_contain_text("192.168.1.101")
    assert "proximity" not in on_proxmox(whole, JELLYFIN)["description"]
    expect(page.get_by_label("Port")).to_have_value("8096")
    page.get_by_label("Port").fill("eighty")
    page.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_text("A port is a number from 1 to 65535.")).to_be_visible()
    expect(page.get_by_label("Port")).to_be_focused()
    page.get_by_label("Port").fill("8096")
    page.get_by_label("Name").fill("Films")
    assert faults(page) == []
    page.get_by_role("button", name="Adopt", exact=True).click()

    expect(page.get_by_role("heading", name="Films is adopted")).to_be_visible(timeout=PATIENCE)
    line = re.compile(r"^proximity:[0-9a-f-]{36}:[0-9a-f-]{36}:[0-9a-f-]{36}:101$", re.M)
    assert line.search(on_proxmox(whole, JELLYFIN)["description"])
    page.get_by_role("link", name="Open Films").click()
    expect(page.get_by_role("heading", level=1, name="Films")).to_be_visible()

    page.get_by_role("button", name="Give back").click()
    page.get_by_role("alertdialog", name="Give Films back?").get_by_role("button", name="Give back").click()
    expect(page.get_by_role("heading", name="Films was removed")).to_be_visible(timeout=PATIENCE)
    assert "proximity" not in on_proxmox(whole, JELLYFIN)["description"]
    assert on_proxmox(whole, JELLYFIN)["status"] == "running"
    # by the address that was learned when it was looked at, if not before
    ada.go("/discovery?q=192.168.1.101")
    expect(page.get_by_role("link", name="Adopt jellyfin")).to_be_visible(timeout=PATIENCE)
    expect(found).to_contain_text("192.168.1.101")


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}").check()
    expect(page.get_by_text(f"{len(names)} selected")).to_be_visible()


def test_several_are_adopted_ignored_and_given_back_at_once(ada: Person, whole: Whole) -> None:
    page = ada.page
    ada.go("/discovery")
    found = page.get_by_role("list", name="Guests found")
    expect(found.get_by_role("link", name="minecraft", exact=True)).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Ignore minecraft").click()
    expect(found.get_by_role("link", name="minecraft", exact=True)).to_have_count(0)
    page.get_by_label("Show", exact=True).select_option("Ignored")
    expect(page).to_have_url(re.compile("show=ignored"))
    page.get_by_role("button", name="Offer again minecraft").click()
    expect(page.get_by_role("heading", name="Nothing fits this filter")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Clear the filter").click()

    names = ("pihole", "vaultwarden")
    choose(page, *names)
    page.get_by_role("button", name="Ignore 2").click()
    for name in names:
        expect(found.get_by_role("link", name=name, exact=True)).to_have_count(0, timeout=PATIENCE)
    # the button that was pressed is gone
    expect(page.get_by_role("checkbox", name=re.compile("^Select all"))).to_be_focused()
    page.get_by_label("Show", exact=True).select_option("Ignored")
    page.get_by_role("checkbox", name="Select all 2 shown").check()
    assert faults(page) == []
    page.get_by_role("button", name="Offer 2 again").click()
    expect(page.get_by_role("heading", name="Nothing fits this filter")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Clear the filter").click()

    choose(page, *names)
    page.get_by_role("button", name="Adopt 2").click()
    asked = page.get_by_role("region", name="What was asked for")
    for name in names:
        expect(asked.get_by_role("listitem").filter(has_text=name)).to_contain_text("Succeeded", timeout=PATIENCE)
    expect(found.get_by_role("link", name="pihole", exact=True)).to_have_count(0)
    assert faults(page) == []

    page.reload()
    expect(found.get_by_role("link", name="jellyfin", exact=True)).to_be_visible(timeout=PATIENCE)
    for name in names:
        expect(asked.get_by_role("listitem").filter(has_text=name)).to_contain_text("Succeeded")
        expect(found.get_by_role("link", name=name, exact=True)).to_have_count(0)
    ada.go("/apps")
    for name in names:
        expect(page.get_by_role("listitem").filter(has_text=name)).to_contain_text("adopted")

    page.get_by_label("State", exact=True).select_option("Adopted")
    choose(page, *names)
    page.get_by_role("button", name="Give 2 back").click()
    asked_first = page.get_by_role("alertdialog", name="Give 2 applications back?")
    expect(asked_first).to_contain_text("pihole, vaultwarden")
    assert faults(page) == []
    asked_first.get_by_role("button", name="Give 2 back").click()
    for name in names:
        expect(page.get_by_role("listitem").filter(has_text=name)).to_have_count(0, timeout=PATIENCE)
    expect(page.get_by_role("main")).to_be_focused()
    for vmid in (PIHOLE, VAULTWARDEN):
        assert "proximity" not in on_proxmox(whole, vmid)["description"]


def test_a_change_made_outside_appears_by_itself_in_two_browsers_and_goes_away(
    browser: Browser, ada: Person, whole: Whole, adopted: str, outside: Outside
) -> None:
    with in_front_of(browser, whole, width=NARROW) as other:
        other.sign_in()
        other.go("/")
        ada.go("/findings")
        expect(other.page.get_by_text("Nothing needs you.")).to_be_visible(timeout=PATIENCE)
        expect(ada.page.get_by_role("heading", name="Everything is as it should be")).to_be_visible()

        outside(lambda stranger: stranger.power(GRAFANA, "stop"))
        card = about(ada.page, "It is stopped and should be running")
        expect(card).to_contain_text(re.compile(r"stranger@pve.*vzstop"), timeout=PATIENCE)
        expect(ada.page.get_by_role("region", name="Urgent")).to_be_visible()
        needs = other.page.get_by_role("region", name="Needs you")
        expect(needs).to_contain_text("Figures: stopped, and should be running", timeout=PATIENCE)
        assert faults(other.page) == []

        # what needs a person leads to where it is done, and what one does the other sees
        needs.get_by_role("link", name=re.compile("^Start it")).click()
        other.page.get_by_role("button", name="Start", exact=True).click()
        expect(card).to_have_count(0, timeout=PATIENCE)
        other.go("/")
        expect(other.page.get_by_text("Nothing needs you.")).to_be_visible(timeout=PATIENCE)


def test_a_changed_setting_is_accepted_as_it_is(ada: Person, whole: Whole, adopted: str, outside: Outside) -> None:
    page = ada.page
    ada.go("/findings?severity=warn")
    # no list tells of the memory: the name makes Proximity look
    outside(lambda stranger: stranger.configure(GRAFANA, memory=1536, hostname="charts"))
    changed = about(page, "The setting memory was changed outside Proximity")
    # looks are few, and the stories before have used some
    expect(changed).to_contain_text("1024", timeout=2 * PATIENCE)
    expect(changed).to_contain_text("1536")
    expect(changed).to_contain_text("not known: no task on Proxmox tells of it")
    assert faults(page) == []
    changed.get_by_role("button", name="Accept as it is").click()
    expect(changed).to_have_count(0, timeout=PATIENCE)
    assert on_proxmox(whole, GRAFANA)["config"]["memory"] in (1536, "1536")
    # what it is to be from now on, also for who comes later
    ada.go(f"/apps/{adopted}")
    expect(page.get_by_role("region", name="Container").get_by_text("1.50 GiB")).to_be_visible()
    ada.go("/findings")
    # the other one goes as it came
    expect(about(page, "Its host name is charts and should be grafana")).to_have_count(1, timeout=2 * PATIENCE)
    outside(lambda stranger: stranger.configure(GRAFANA, hostname="grafana"))
    expect(page.get_by_role("article")).to_have_count(0, timeout=2 * PATIENCE)


def test_what_people_write_on_proxmox_runs_no_script_and_an_orphan_is_offered(
    ada: Person, whole: Whole, adopted: str, outside: Outside
) -> None:
    page = ada.page
    outside(lambda stranger: stranger.configure(NEXTCLOUD, description=f"ours: {HOSTILE}"))
    ada.go(f"/guests/{cluster_id(whole)}-{NEXTCLOUD}")
    expect(page.get_by_role("region", name="Description")).to_contain_text(HOSTILE, timeout=PATIENCE)
    expect(page.get_by_role("region", name="What it is")).to_contain_text("192.168.1.102")
    assert page.evaluate("window.pwned") is None

    (ours,) = markers(on_proxmox(whole, GRAFANA)["description"])
    marker = replace(ours, application=str(uuid4()), operation=str(uuid4()), vmid=ORPHAN)
    outside(lambda stranger: stranger.create(ORPHAN, "pve1", "left-over", marker))
    ada.go("/findings")
    orphan = about(page, "left-over")
    expect(orphan).to_contain_text(f"pct destroy {ORPHAN}", timeout=PATIENCE)
    orphan.get_by_role("link", name="Adopt it").click()
    page.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_role("heading", name="left-over is adopted")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Open left-over").click()
    # now it is somebody's, and goes if that is what they say
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("alertdialog", name="Delete left-over?")
    dialog.get_by_label("Type left-over to confirm").fill("left-over")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="left-over was removed")).to_be_visible(timeout=PATIENCE)
    assert whole.simulator.guest(ORPHAN) is None
