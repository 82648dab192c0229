"""What other people made becomes an application, is operated as one, and is given back as it was."""

from typing import Any
from uuid import uuid4

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.adoption import tags_of
from proximity.domain.application.marker import Marker, markers
from proximity.domain.guest import commands as guest_cmd
from proximity.domain.guest import events as guest_ev
from proximity.domain.guest.state import Guest
from proximity.domain.model import Command
from proximity.domain.operation.events import CommandRejected
from proximity.messaging.aggregates import GUEST
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import EventStore
from support.adopting import PIHOLE, UNIFI, Strangers
from support.provisioning import EVERYTHING, Stage

PUT: dict[str, Any] = {"method": "PUT", "path": r"/lxc/\d+/config$"}


@pytest.fixture
def strangers(running_stage: Stage) -> Strangers:
    return Strangers(running_stage)


async def rejection(stage: Stage, operation_id: str) -> str:
    return str((await stage.happened(operation_id, CommandRejected)).event.code)


async def cause(stage: Stage, application_id: str, operation_id: str) -> str:
    """Why it failed. Nothing of it is left then."""
    end = await stage.ended(application_id, operation_id)
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind is None
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is None
    return end.cause.code


# each with its description and what is added to its tags; the demo set has some with and some without tags of their own
WRITTEN: dict[int, dict[str, str]] = {
    100: {},
    101: {"description": "Filme und Serien\n\n  für *alle*: ÄÖÜ ß 日本 € %20 #1\tTab\n"},
    102: {"description": "several newlines\n\n\n", "tags": "cloud;proximity"},
    103: {"description": "\n\nnewlines first", "tags": "Proximity"},
    104: {"description": "carriage\r\nreturns\r\n", "tags": "zoo,alpha b"},
    105: {},
    106: {"description": "memory: 4096\n[snap]\nproximity:not:a:marker"},
}


async def test_given_back_everything_is_as_it_was(strangers: Strangers) -> None:
    stage = strangers.stage
    before = {vmid: await strangers.write(vmid, **({"onboot": "1"} | values)) for vmid, values in WRITTEN.items()}
    power = {vmid: strangers.power(vmid) for vmid in WRITTEN}
    asked = {vmid: await strangers.adopt(vmid, f"Old {vmid}") for vmid in WRITTEN}
    for vmid, (application_id, operation_id) in asked.items():
        await stage.succeeded(application_id, operation_id)
        config = await strangers.config(vmid)
        assert [m.application for m in markers(config.description)] == [application_id]
        assert config.description.startswith(before[vmid].description)
        assert set(tags_of(config.values)) == {*tags_of(before[vmid].values), "proximity"}
        untouched = config.values.keys() - {"description", "tags"}
        assert {key: config.values[key] for key in untouched} == {key: before[vmid].values[key] for key in untouched}
        app = await stage.application(application_id)
        assert app is not None
        assert app.container is not None
        assert app.container.power == app.desired == power[vmid]
        assert bool(app.container.address) == (power[vmid] == "running")
        assert await stage.has_its_baseline(application_id)

    releases = {vmid: await stage.ask(cmd.ReleaseApplication, id_) for vmid, (id_, _) in asked.items()}

    for vmid, operation_id in releases.items():
        await stage.succeeded(asked[vmid][0], operation_id)
        assert await strangers.config(vmid) == before[vmid], "the digest, too"
        assert strangers.power(vmid) == power[vmid]
    assert stage.creates() == []


async def test_operated_as_any_other_and_given_back(strangers: Strangers) -> None:
    stage = strangers.stage
    before = await strangers.config(PIHOLE)
    application_id = await strangers.adopted(PIHOLE)
    for kind, power in (
        (cmd.StopApplication, "stopped"),
        (cmd.StartApplication, "running"),
        (cmd.RestartApplication, "running"),
        (cmd.ShutdownApplication, "stopped"),
        (cmd.StartApplication, "running"),
    ):
        await stage.succeeded(application_id, await stage.ask(kind, application_id))
        assert strangers.power(PIHOLE) == power
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))
    assert await strangers.config(PIHOLE) == before
    # it is nobody's again, and so is the name
    await strangers.adopted(PIHOLE)


async def test_delete_gives_back_unless_destroying_is_asked_for(strangers: Strangers) -> None:
    stage = strangers.stage
    before = await strangers.config(PIHOLE)
    application_id = await strangers.adopted(PIHOLE)
    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id))
    assert await strangers.config(PIHOLE) == before
    assert strangers.power(PIHOLE) == "running"

    application_id = await strangers.adopted(PIHOLE)
    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id, destroy=True))
    assert stage.simulator.guest(PIHOLE) is None


async def test_what_others_wrote_meanwhile_stays(strangers: Strangers) -> None:
    stage = strangers.stage
    application_id = await strangers.adopted(UNIFI)
    ours = await strangers.config(UNIFI)
    await strangers.write(UNIFI, description=f"new\n{ours.description}\nnewer", tags="proximity;new", memory="256")
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))
    config = await strangers.config(UNIFI)
    assert (config.description, config.values["tags"], config.values["memory"]) == ("new\nnewer", "new", "256")


# --- calls that are lost


@pytest.mark.parametrize("fault", [("drop_after", {}), ("drop_before", {}), ("late", {"seconds": 1.0}), ("596", {})])
@pytest.mark.parametrize("which", ["mark", "unmark"])
async def test_call_that_is_lost(stage: Stage, which: str, fault: tuple[str, dict[str, Any]]) -> None:
    kind, what = fault
    stage.provisioner(PROXIMITY_REPEAT_AFTER_SECONDS="0.3", PROXIMITY_SETTLE_SECONDS="2")
    await stage.connected()
    strangers = Strangers(stage)
    before = await strangers.write(PIHOLE, description="mine")
    if which == "mark":
        stage.simulator.fault(kind, **PUT, **what)
    application_id = await strangers.adopted(PIHOLE)
    if which == "unmark":
        stage.simulator.fault(kind, **PUT, **what)

    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))

    assert await strangers.config(PIHOLE) == before
    lost = [r.event.step for r in await stage.history(application_id) if isinstance(r.event, ev.CallUnanswered)]
    assert lost == [which]
    await stage.until(_no_faults(stage), bool)
    assert await strangers.config(PIHOLE) == before


async def test_mark_that_comes_after_the_adoption_was_given_up(stage: Stage) -> None:
    stage.provisioner(PROXIMITY_REPEAT_AFTER_SECONDS="30", PROXIMITY_SETTLE_SECONDS="4")
    await stage.connected()
    strangers = Strangers(stage)
    before = await strangers.config(PIHOLE)
    stage.simulator.fault("late", **PUT, seconds=1.5)
    application_id, operation_id = await strangers.adopt(PIHOLE)
    await stage.happened(application_id, ev.CallUnanswered)
    await stage.ask(cmd.CancelOperation, application_id, target_operation_id=operation_id)

    end = await stage.ended(application_id, operation_id)

    assert isinstance(end, ev.OperationCancelled)
    assert end.left_behind is None
    assert await strangers.config(PIHOLE) == before
    puts = [request for request in stage.simulator.requests() if request["method"] == "PUT"]
    assert len(puts) == 2, "the mark came, and was taken off"


def _no_faults(stage: Stage) -> Any:
    async def look() -> bool:
        return stage.simulator.faults() == []

    return look


# --- who has it


async def test_one_container_is_one_application_s(strangers: Strangers) -> None:
    stage = strangers.stage
    first, operation_id = await strangers.adopt(PIHOLE, "One")
    _, second = await strangers.adopt(PIHOLE, "Two")
    assert await rejection(stage, second) == "guest_taken"
    await stage.succeeded(first, operation_id)

    deployed = await stage.running("Mine")
    app = await stage.application(deployed)
    assert app is not None
    assert app.container is not None
    _, operation_id = await strangers.adopt(app.container.vmid, "Mine too")
    assert await rejection(stage, operation_id) == "guest_taken"

    _, operation_id = await strangers.adopt(UNIFI, "One")
    assert await rejection(stage, operation_id) == "name_taken"
    _, operation_id = await strangers.adopt(UNIFI, cluster_id=str(uuid4()))
    assert await rejection(stage, operation_id) == "cluster_not_found"


async def test_container_of_another_installation_is_left_to_it(strangers: Strangers) -> None:
    stage = strangers.stage
    theirs = Marker("another", "a", "o", UNIFI).line()
    before = await strangers.write(UNIFI, description=f"Unifi\n{theirs}")
    application_id, operation_id = await strangers.adopt(UNIFI)
    assert await cause(stage, application_id, operation_id) == "managed_elsewhere"
    assert await strangers.config(UNIFI) == before


async def test_line_that_was_left_over_gives_way_and_a_copied_one_stays(strangers: Strangers) -> None:
    stage = strangers.stage
    installation = stage.nats.installation_id
    left, copied = Marker(installation, "gone", "o", UNIFI).line(), Marker("another", "a", "o", 999).line()
    await strangers.write(UNIFI, description=f"Unifi\n{left}\n{copied}")
    application_id = await strangers.adopted(UNIFI)
    found = [m.application for m in markers((await strangers.config(UNIFI)).description) if m.vmid == UNIFI]
    assert found == [application_id]
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))
    assert (await strangers.config(UNIFI)).description == f"Unifi\n{copied}"


# --- what cannot be adopted, or not now


async def test_machine_or_nothing_at_all(strangers: Strangers) -> None:
    stage = strangers.stage
    application_id, operation_id = await strangers.adopt(200, "Machine")
    assert await cause(stage, application_id, operation_id) == "not_a_container"
    application_id, operation_id = await strangers.adopt(4711, "Nothing", node="pve1")
    assert await cause(stage, application_id, operation_id) == "container_gone"


async def test_template_is_not_adopted(strangers: Strangers) -> None:
    stage, client = strangers.stage, strangers.stage.proxmox()
    upid = await client._act("post", "nodes", strangers.node(UNIFI), "lxc", UNIFI, "template", values={})
    if upid:
        await stage.task_done(str(upid))
    application_id, operation_id = await strangers.adopt(UNIFI)
    assert await cause(stage, application_id, operation_id) == "is_template"


async def test_lock_is_waited_for(strangers: Strangers) -> None:
    stage = strangers.stage
    stage.simulator.fault("lock", vmid=UNIFI, lock="backup", seconds=2)
    application_id, operation_id = await strangers.adopt(UNIFI)
    postponed = (await stage.happened(application_id, ev.StepPostponed)).event
    assert (postponed.step, postponed.cause.code) == ("inspect", "container_locked")
    await stage.succeeded(application_id, operation_id)


@pytest.mark.parametrize("missing", ["VM.Config.Options", "VM.Audit"])
async def test_missing_right_is_named(stage: Stage, missing: str) -> None:
    stage.provisioner()
    token = "limited@pve!adopt"
    acl = [
        {"path": "/", "privileges": EVERYTHING, "propagate": 1},
        {"path": f"/vms/{UNIFI}", "privileges": [p for p in EVERYTHING if p != missing], "propagate": 1},
    ]
    secret = stage.simulator.add_token(token, acl)
    try:
        stage.cluster_id = await stage.connect(token_id=token, token_secret=await stage.vault.seal(secret))
        await stage.until(lambda: stage.cluster(stage.cluster_id), lambda c: c is not None and c.connected)
        application_id, operation_id = await Strangers(stage).adopt(UNIFI)
        assert await cause(stage, application_id, operation_id) == "missing_rights"
        end = await stage.ended(application_id, operation_id)
    finally:
        stage.simulator.revoke_token(token)
    assert f"{missing} on /vms/{UNIFI}" in end.cause.message


# --- what moves or vanishes


async def test_container_that_was_moved_is_found(strangers: Strangers) -> None:
    stage = strangers.stage
    before = await strangers.config(UNIFI)
    application_id = await strangers.adopted(UNIFI, node="pve1")
    app = await stage.application(application_id)
    assert app is not None
    assert app.container is not None
    assert app.container.node == "pve2"

    await strangers.migrate(UNIFI, "pve1")
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))
    assert await strangers.config(UNIFI) == before


async def test_container_that_vanished_is_released_all_the_same(strangers: Strangers) -> None:
    stage = strangers.stage
    application_id = await strangers.adopted(UNIFI)
    await strangers.destroy(UNIFI)
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))


async def test_container_that_vanishes_before_it_is_marked(strangers: Strangers) -> None:
    stage = strangers.stage
    stage.simulator.fault("lock", vmid=UNIFI, lock="backup", seconds=1)
    application_id, operation_id = await strangers.adopt(UNIFI)
    await stage.happened(application_id, ev.StepPostponed)
    stage.simulator.clear_faults()
    await strangers.destroy(UNIFI)
    assert await cause(stage, application_id, operation_id) == "container_gone"


async def test_another_container_with_its_number_is_not_touched(strangers: Strangers) -> None:
    stage = strangers.stage
    application_id = await strangers.adopted(UNIFI)
    await strangers.destroy(UNIFI)
    await stage.task_done(await stage.proxmox().create_container("pve1", stage.container_spec(UNIFI)))
    before = await strangers.config(UNIFI)
    destroying = await stage.ask(cmd.DeleteApplication, application_id, destroy=True)
    end = await stage.ended(application_id, destroying)
    assert (end.kind, end.cause.code) == ("delete", "container_moved")
    await stage.succeeded(application_id, await stage.ask(cmd.ReleaseApplication, application_id))
    assert await strangers.config(UNIFI) == before


async def test_release_of_what_proximity_made_is_rejected(running_stage: Stage) -> None:
    stage = running_stage
    application_id = await stage.running()
    assert await rejection(stage, await stage.ask(cmd.ReleaseApplication, application_id)) == "not_adopted"


# --- what nobody has


async def test_guest_is_ignored_and_noticed(running_stage: Stage) -> None:
    stage = running_stage
    guest_id = f"{stage.cluster_id}-{UNIFI}"

    async def ask(kind: type[Command], id_: str) -> str:
        command = kind(operation_id=str(uuid4()), guest_id=id_)  # type: ignore[call-arg]
        return await stage.send("guest", id_, command)

    assert await rejection(stage, await ask(guest_cmd.IgnoreGuest, guest_id)) == "guest_not_found"
    store = EventStore(await stage.nats.connect("reconciler"))
    facts = guest_ev.Facts(node="pve2", type="lxc", name="unifi")
    appeared = guest_ev.GuestAppeared(cluster_id=stage.cluster_id, vmid=UNIFI, facts=facts)
    origin = Origin(str(uuid4()), str(uuid4()), Actor("system", "reconciler"))
    await store.append(GUEST, guest_id, await store.load(GUEST, guest_id), [appeared], origin)
    for kind, happened, ignored in (
        (guest_cmd.IgnoreGuest, guest_ev.GuestIgnored, True),
        (guest_cmd.NoticeGuest, guest_ev.GuestNoticed, False),
    ):
        operation_id = await ask(kind, guest_id)
        await stage.happened(guest_id, happened, operation_id=operation_id)
        await stage.happened(guest_id, guest_ev.OperationSucceeded, operation_id=operation_id)
        guest = (await store.load(GUEST, guest_id)).state
        assert isinstance(guest, Guest)
        assert guest.ignored is ignored
    wrong = cmd.StartApplication(operation_id=str(uuid4()), application_id=guest_id)
    assert await rejection(stage, await stage.send("guest", guest_id, wrong)) == "wrong_target"
