"""What is done to an application's container outside is said in the log, by whom, and taken back when it is undone."""

from collections.abc import AsyncIterator

import pytest

from proximity.domain.application import events as app
from proximity.domain.application.marker import Marker
from proximity.messaging.aggregates import APPLICATION
from support.outside import STRANGER, Outsider
from support.reconciling import Stage, eventually, listed
from support.simulator import SimulatorProcess

VMID = 20001


@pytest.fixture
async def stranger(simulator: SimulatorProcess) -> AsyncIterator[Outsider]:
    outsider = Outsider.stranger(simulator)
    yield outsider
    outsider.close()


@pytest.fixture
async def watched(stage: Stage, simulator: SimulatorProcess) -> str:
    """An application that runs and was looked at; its id. The guests beside it are known, too."""
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id)
    stage.start()
    await stage.observed(application_id)

    async def everybody() -> bool:
        return len(await stage.guests(cluster_id)) == len(simulator.guests()) - 1

    await eventually(everybody)
    return application_id


async def test_stopped_and_started_again_outside(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stranger.power(VMID, "stop")
    found = await stage.finding(watched, "stopped_outside")
    assert found.explained
    assert (found.explained.user, found.explained.task) == (STRANGER, "vzstop")
    assert found.explained.upid.startswith("UPID:pve1:")
    await stranger.power(VMID, "start")
    await stage.no_finding(watched)
    said = await stage.said_of(watched)
    assert [type(event) for event in said] == [app.ConfigurationObserved, app.FindingOpened, app.FindingClosed]


async def test_started_outside_although_it_was_stopped(stage: Stage, watched: str, stranger: Outsider) -> None:
    ourselves = Outsider.ourselves(stranger.simulator)
    await stage.append(APPLICATION, watched, app.StopRequested(operation_id="stop"))
    await ourselves.power(VMID, "stop")
    await stage.append(
        APPLICATION,
        watched,
        app.ContainerStopped(operation_id="stop"),
        app.OperationSucceeded(operation_id="stop", kind="stop"),
    )
    ourselves.close()
    await stage.quiet(stranger.simulator)
    await stranger.power(VMID, "start")
    found = await stage.finding(watched, "started_outside")
    assert found.explained
    assert found.explained.task == "vzstart"


async def test_what_goes_down_by_itself_is_nobodys_doing(stage: Stage, watched: str, stranger: Outsider) -> None:
    stranger.simulator.power_off(VMID)
    found = await stage.finding(watched, "stopped_outside")
    assert found.explained is None


async def test_while_an_operation_is_in_flight_nothing_is_said(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stage.append(APPLICATION, watched, app.ShutdownRequested(operation_id="shutdown"))
    await stranger.power(VMID, "stop")
    await stage.quiet(stranger.simulator)


async def test_renamed_and_reconfigured(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stranger.configure(VMID, hostname="other", memory=1024)
    renamed = await stage.finding(watched, "renamed")
    assert (renamed.expected, renamed.observed) == ("wiki", "other")
    changed = await stage.finding(watched, "configuration_changed:memory")
    assert (changed.expected, changed.observed) == ("512", "1024")
    await stranger.configure(VMID, hostname="wiki", memory=512)
    await stranger.power(VMID, "stop")
    await stranger.power(VMID, "start")
    await stage.no_finding(watched)


async def test_moved_to_another_node(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stranger.do("post", f"nodes/pve1/lxc/{VMID}/migrate", target="pve2", restart=1)

    async def moved() -> app.ContainerFoundMoved | None:
        said = await stage.said_of(watched)
        return next((event for event in said if isinstance(event, app.ContainerFoundMoved)), None)

    event = await eventually(moved)
    assert (event.from_node, event.node) == ("pve1", "pve2")
    assert event.explained
    assert (event.explained.user, event.explained.task) == (STRANGER, "vzmigrate")
    assert await stage.findings(watched) == {}


async def test_destroyed_is_gone_when_that_is_proven(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stranger.power(VMID, "stop")
    await stranger.destroy(VMID)
    found = await stage.finding(watched, "gone")
    assert found.explained
    assert found.explained.task == "vzdestroy"


async def test_a_number_that_somebody_else_took(stage: Stage, watched: str, stranger: Outsider) -> None:
    await stranger.power(VMID, "stop")
    await stranger.destroy(VMID)
    await stage.finding(watched, "gone")
    await stranger.create(VMID, "pve1", "foreign", Marker("other", "a", "o", VMID))
    await stage.finding(watched, "vmid_taken")


async def test_a_marker_taken_away_and_put_back(stage: Stage, watched: str, stranger: Outsider) -> None:
    guest = stranger.simulator.guest(VMID)
    assert guest
    await stranger.configure(VMID, description="mine now", hostname="other")
    await stage.finding(watched, "marker_removed")
    await stranger.configure(VMID, description=guest["description"], hostname="wiki")
    await stage.no_finding(watched)


async def test_an_environment_variable_is_told_by_name_only(
    stage: Stage, simulator: SimulatorProcess, stranger: Outsider
) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    application_id = await stage.application(simulator, cluster_id, env="TOKEN=canary-one\0MODE=a")
    stage.start()
    await stage.observed(application_id)
    await stranger.configure(VMID, env="TOKEN=canary-two\0MODE=a", hostname="other")
    found = await stage.finding(application_id, "configuration_changed:env.TOKEN")
    assert "canary" not in found.model_dump_json()
    said = await stage.said_of(application_id)
    assert "canary" not in "".join(event.model_dump_json() for event in said)
    [observed] = [event for event in said if isinstance(event, app.ConfigurationObserved)]
    assert observed.environment.keys() == {"TOKEN", "MODE"}


async def test_a_container_of_an_application_that_is_no_more_is_an_orphan(
    stage: Stage, watched: str, stranger: Outsider
) -> None:
    """Nothing of it is removed: it is told of, as a guest."""
    state = (await stage.store.load(APPLICATION, watched)).state
    cluster_id = getattr(state, "cluster_id", "")
    await stage.append(
        APPLICATION,
        watched,
        app.DeleteRequested(operation_id="delete", force=False),
        app.ContainerProvenGone(operation_id="delete", node="pve1", vmid=VMID),
        app.OperationSucceeded(operation_id="delete", kind="delete"),
    )

    async def orphan() -> bool:
        guest = (await stage.guests(cluster_id)).get(VMID)
        return guest is not None and "orphan" in guest.findings

    await eventually(orphan)
    await stranger.configure(VMID, delete="description")


async def test_a_copy_still_carries_the_marker(stage: Stage, watched: str, stranger: Outsider) -> None:
    state = (await stage.store.load(APPLICATION, watched)).state
    cluster_id = getattr(state, "cluster_id", "")
    await stranger.power(VMID, "stop")
    await stranger.do("post", f"nodes/pve1/lxc/{VMID}/clone", newid=20055, hostname="copy")
    await stranger.power(VMID, "start")

    async def told() -> bool:
        guest = (await stage.guests(cluster_id)).get(20055)
        return guest is not None and "marker_copied" in guest.findings

    await eventually(told)
    await stage.no_finding(watched)


async def test_quiet_is_quiet(stage: Stage, watched: str, stranger: Outsider) -> None:
    await listed(stranger.simulator, 5)
    await stage.quiet(stranger.simulator, lists=20)
