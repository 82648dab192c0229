"""Connecting a Proxmox VE step by step, and what is seen of it afterwards."""

import re
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page, expect

from browser.layout import faults
from browser.person import Person, in_front_of
from support.whole import Whole

PATIENCE = 30_000
"""Milliseconds that Proxmox VE may take to be looked at, on a machine with much else to do."""
NARROW_TOKEN = "watcher@pve!deck"
OBSERVING = [
    {"path": "/vms", "privileges": ["VM.Audit"], "propagate": True},
    {"path": "/storage", "privileges": ["Datastore.Audit"], "propagate": True},
    {"path": "/nodes", "privileges": ["Sys.Audit"], "propagate": True},
    {"path": "/", "privileges": ["Sys.Audit"], "propagate": False},
]
REST = [
    {"path": "/vms", "privileges": ["VM.Audit", "VM.Allocate", "VM.PowerMgmt", "VM.Config.CPU", "VM.Config.Disk",
                                    "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options"], "propagate": True},
    {"path": "/storage", "privileges": ["Datastore.Audit", "Datastore.AllocateSpace", "Datastore.AllocateTemplate"],
     "propagate": True},
    {"path": "/nodes", "privileges": ["Sys.Audit", "Sys.AccessNetwork"], "propagate": True},
    {"path": "/sdn/zones", "privileges": ["SDN.Use"], "propagate": True},
]  # fmt: skip


def to_the_token(page: Page, endpoint: str, name: str, fingerprint: str) -> None:
    page.get_by_label("Address of a node").fill(endpoint)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="See who answers").click()
    page.get_by_label("Fingerprint that the node shows").fill(fingerprint)
    page.get_by_role("button", name="It is my node, trust it").click()


def connect(page: Page, token_id: str, secret: str) -> None:
    page.get_by_label("Token id").fill(token_id)
    page.get_by_role("textbox", name="Secret").fill(secret)
    page.get_by_role("button", name="Connect", exact=True).click()


def test_a_real_proxmox_is_connected_step_by_step(browser: Browser, new_whole: Whole) -> None:
    """The simulator's own address, as if nobody knew it."""
    new_whole.set_up()
    there = new_whole.simulator.connection()
    with in_front_of(browser, new_whole) as person:
        page = person.page
        person.sign_in()
        person.go("/clusters")
        expect(page.get_by_role("heading", name="No Proxmox VE is connected")).to_be_visible()
        page.get_by_role("link", name="Connect a Proxmox").click()
        expect(page.get_by_role("button", name="Use the simulated cluster")).to_be_visible()

        # nobody is there
        page.get_by_label("Address of a node").fill("127.0.0.1:1")
        expect(page.get_by_role("button", name="See who answers")).to_have_accessible_description(
            "Give it a name first."
        )
        page.get_by_label("Name", exact=True).fill("Attic")
        page.get_by_role("button", name="See who answers").click()
        expect(page.get_by_role("alert")).to_contain_text("Nobody answered as Proxmox VE does")

        # what people copy from the address bar
        page.get_by_label("Address of a node").fill(f"{there.url}/#v1:0:18:4:::::::")
        page.get_by_role("button", name="See who answers").click()
        expect(page.get_by_role("heading", name=re.compile("Certificate"))).to_be_focused()
        expect(page.get_by_text(there.fingerprint)).to_be_visible()
        for seen in ("Subject", "Issuer", "Valid"):
            expect(page.get_by_role("term").filter(has_text=seen)).to_be_visible()
        trust = page.get_by_role("button", name="It is my node, trust it")
        compare = page.get_by_label("Fingerprint that the node shows")
        compare.fill(":".join(["AB"] * 32))
        expect(page.get_by_text("It is another one.")).to_be_visible()
        expect(trust).to_be_disabled()
        compare.fill(there.fingerprint.replace(":", "").lower())
        expect(page.get_by_text("It is the same.")).to_be_visible()
        assert faults(page) == []
        trust.click()

        # the commands follow the token, and what may be reached
        commands = page.get_by_role("group", name="commands")
        expect(commands).to_contain_text("pveum user token add proximity@pve proximity --privsep 1")
        page.get_by_label("Token id").fill(NARROW_TOKEN)
        expect(commands).to_contain_text("--tokens 'watcher@pve!deck' --roles ProximityGuest")
        page.get_by_role("radio", name="One pool").check()
        page.get_by_label("Pool", exact=True).fill("apps")
        expect(commands).to_contain_text("pveum acl modify /pool/apps")
        page.get_by_role("radio", name="Everything").check()
        expect(commands).to_contain_text("pveum acl modify /vms")
        assert faults(page) == []

        secret = new_whole.simulator.add_token(NARROW_TOKEN, OBSERVING)
        connect(page, NARROW_TOKEN, "00000000-0000-0000-0000-000000000000")
        expect(page.get_by_text("Proxmox does not accept this token: the id or the secret is wrong.")).to_be_visible(
            timeout=PATIENCE
        )
        # another address is another machine: nothing of what was found out holds
        page.get_by_role("button", name="Change Address").click()
        expect(page.get_by_role("button", name="Change Certificate")).to_be_visible()
        page.get_by_label("Address of a node").fill("https://127.0.0.1:1")
        expect(page.get_by_role("button", name="Change Certificate")).to_have_count(0)
        to_the_token(page, there.url, "Attic", there.fingerprint)
        connect(page, NARROW_TOKEN, secret)

        expect(page.get_by_text("Attic is connected")).to_be_visible(timeout=PATIENCE)
        deploying = page.get_by_role("listitem").filter(has_text="Deploy applications").last
        expect(deploying).to_contain_text("Missing")
        expect(deploying).to_contain_text("/vms: VM.Config.CPU")
        watching = page.get_by_role("listitem").filter(has_text="See guests and storages").last
        expect(watching).to_contain_text("Allowed")
        cure = page.get_by_role("group", name="What the token may")
        expect(cure).to_contain_text("pveum acl modify /vms --users watcher@pve --tokens 'watcher@pve!deck'")
        expect(cure).to_contain_text('pveum role modify ProximityNet --append 1 --privs "SDN.Use"')
        assert faults(page) == []

        # as the commands would
        new_whole.simulator.add_token(NARROW_TOKEN, [*REST, OBSERVING[-1]], secret)
        page.get_by_role("button", name="Check again").click()
        expect(page.get_by_text("The token may do everything that Proximity does.")).to_be_visible(timeout=PATIENCE)
        page.get_by_role("link", name="Open the cluster").click()
        expect(page.get_by_role("heading", level=1, name="Attic")).to_be_visible()

        # the same one again is refused, in words
        page.goto(f"{new_whole.url}/clusters/new")
        to_the_token(page, there.url, "Attic too", there.fingerprint)
        connect(page, NARROW_TOKEN, secret)
        expect(page.get_by_text("This Proxmox cluster is connected already")).to_be_visible(timeout=PATIENCE)
        deployed_where_it_can_live(page)
        removed_by_its_typed_name(page)


def deployed_where_it_can_live(page: Page) -> None:
    """One that was never reached is no choice, nor is one that was removed since the draft was kept."""
    gone = {"name": "Notes", "clusterId": "00000000-0000-4000-8000-000000000000", "node": "pve9", "values": {}}
    page.evaluate("draft => sessionStorage.setItem('draft:memos', JSON.stringify(draft))", gone)
    page.goto(urljoin(page.url, "/deploy/memos"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("Notes")
    expect(page.get_by_text(re.compile(r"It fits on pve\d"))).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("radio")).to_have_count(0)


def removed_by_its_typed_name(page: Page) -> None:
    """Whoever else looks sees it go."""
    with page.context.new_page() as other:
        other.goto(urljoin(page.url, "/clusters"))
        other.get_by_role("link", name="Attic", exact=True).click()
        expect(other.get_by_role("heading", level=1, name="Attic")).to_be_visible()

        page.goto(other.url)
        page.get_by_role("button", name="Remove", exact=True).click()
        dialog = page.get_by_role("alertdialog", name="Remove Attic")
        expect(dialog).to_contain_text("Nothing is changed on Proxmox")
        remove = dialog.get_by_role("button", name="Remove cluster")
        expect(remove).to_have_accessible_description("The name is not typed yet.")
        dialog.get_by_label("Type Attic to confirm").fill("Attic")
        remove.click()
        expect(page).to_have_url(urljoin(page.url, "/clusters"), timeout=PATIENCE)
        expect(page.get_by_role("link", name="Attic", exact=True)).to_have_count(0)
        expect(other.get_by_role("heading", level=1, name="There is no such cluster")).to_be_visible(timeout=PATIENCE)


def test_a_cluster_with_its_nodes_and_storages(ada: Person, whole: Whole) -> None:
    page = ada.page
    ada.go("/clusters")
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_text(whole.simulator.connection().fingerprint)).to_be_visible()
    nodes = page.get_by_role("region", name="Nodes")
    expect(nodes.get_by_role("meter", name="Memory")).to_have_count(2)
    expect(page.get_by_role("region", name="Storages").get_by_text("nfs-share")).to_have_count(1)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_role("button", name="Check again")).to_be_visible(timeout=PATIENCE)

    nodes.get_by_role("link", name="pve1").click()
    expect(page.get_by_role("heading", level=1, name="pve1")).to_be_visible()
    expect(page.get_by_role("group", name="CPU", exact=True)).to_contain_text("%")
    expect(page.get_by_role("grid", name="Guests on this node").get_by_role("link", name="pihole")).to_be_visible()
    expect(page.get_by_role("figure", name="Memory")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("radio", name="Week").check()
    expect(page).to_have_url(re.compile("figures=week"))
    expect(page.get_by_role("figure", name="Network")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("group", name="Root disk")).to_contain_text("GiB")
    expect(page.get_by_role("group", name="Network")).to_contain_text("/s out", timeout=PATIENCE)

    page.get_by_role("region", name="Storages").get_by_role("link", name="local-lvm").press("Enter")
    expect(page.get_by_role("heading", level=1, name="local-lvm")).to_be_visible()
    expect(page.get_by_role("group", name="Used")).to_contain_text("%")
    expect(page.get_by_role("figure", name="Space")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="pve1").first.click()
    expect(page.get_by_role("heading", level=1, name="pve1")).to_be_visible()
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
