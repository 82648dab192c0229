"""The life of a container, one story a test. Every story makes its own container and removes it."""

import dataclasses

import pytest

from conformance.workbench import Workbench
from proximity.domain.application.adoption import has_tag, marked, unmarked
from proximity.domain.application.marker import Marker, markers
from proximity.proxmox.errors import (
    AlreadyExistsError,
    ConfigurationChangedError,
    GuestMissingError,
    NotExecutedError,
    RefusedError,
    RightsMissingError,
    UnansweredError,
)
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from proximity.proxmox.observe import GuestConfig, GuestSeen
from proximity.proxmox.task_id import TaskId


async def test_a_create_leaves_a_complete_marked_stopped_container(bench: Workbench) -> None:
    vmid = await bench.create()
    config = await bench.client.guest_config(bench.node, vmid)
    assert config.description == bench.spec(vmid).description
    assert config.lock is None
    assert "swap" in config.values, "what marks a create as complete"
    assert (config.values["hostname"], config.values["memory"]) == (f"conformance-{vmid}", "256")
    assert (await bench.client.guest_status(bench.node, vmid)).status == "stopped"
    assert await bench.client.vmid_in_use(vmid)


async def test_a_create_that_runs_shows_a_lock_and_is_not_complete(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    upid = await bench.client.create_container(bench.node, bench.spec(vmid))
    config = await bench.client.guest_config(bench.node, vmid)
    task = await bench.client.task(upid)
    assert task is not None
    if not task.running:
        pytest.skip("the create was over before it could be looked at")
    assert config.lock == "create"
    assert "swap" not in config.values
    await bench.success(upid)


async def test_the_task_of_a_create_is_found_while_it_runs_and_afterwards(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    since = await bench.client.node_time(bench.node) - 2
    upid = await bench.client.create_container(bench.node, bench.spec(vmid))
    for _ in range(2):
        (task,) = await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=since)
        assert (task.upid, task.id, task.user) == (upid, str(vmid), bench.place.connection.token_id)
        await bench.success(upid)
    assert not task.running
    assert task.succeeded
    assert task.starttime == TaskId.parse(upid).starttime
    assert await bench.client.tasks(bench.node, vmid=vmid, type="vzdestroy", since=since) == []
    assert await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=task.starttime + 3600) == []


async def test_the_log_of_a_task_ends_with_its_result(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    upid = await bench.client.create_container(bench.node, bench.spec(vmid))
    await bench.success(upid)
    assert (await bench.client.task_log(upid, last=1))[0].startswith(("TASK OK", "TASK WARNINGS"))


async def test_a_number_is_taken_once(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    upid = await bench.client.create_container(bench.node, bench.spec(vmid))
    with pytest.raises(AlreadyExistsError):
        await bench.client.create_container(bench.node, bench.spec(vmid))
    await bench.success(upid)
    with pytest.raises(AlreadyExistsError):
        await bench.client.create_container(bench.node, bench.spec(vmid))
    assert len(await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=0)) == 1


async def test_a_create_whose_answer_nobody_waited_for_is_executed_all_the_same(
    bench: Workbench, request: pytest.FixtureRequest
) -> None:
    if not bench.place.real:
        # it may have answered before a busy machine has let us look
        request.getfixturevalue("simulator").fault("slow", method="POST", path=r"/lxc$", seconds=1.0)
    vmid = await bench.free_vmid()
    hasty = ProxmoxHypervisor(dataclasses.replace(bench.place.connection, read_timeout=0.001))
    try:
        with pytest.raises(UnansweredError):
            await hasty.create_container(bench.node, bench.spec(vmid))
    finally:
        hasty.close()

    async def complete() -> GuestConfig | None:
        try:
            config = await bench.client.guest_config(bench.node, vmid)
        except (GuestMissingError, RightsMissingError):
            return None
        return config if config.lock is None and "swap" in config.values else None

    assert (await bench.until(complete)).description == bench.spec(vmid).description
    tasks = await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=0)
    assert [task.user for task in tasks] == [bench.place.connection.token_id]
    await bench.success(tasks[0].upid)


async def test_a_create_from_a_missing_template_fails_and_leaves_nothing(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    missing = f"{bench.place.template_storage}:vztmpl/no-such-template.tar.zst"
    spec = dataclasses.replace(bench.spec(vmid), template_volid=missing)
    task = await bench.end(await bench.client.create_container(bench.node, spec))
    assert not task.succeeded
    assert "does not exist" in str(task.exitstatus)
    assert not await bench.is_there(vmid)


async def test_a_create_on_a_missing_storage_is_refused(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    with pytest.raises(NotExecutedError):
        await bench.client.create_container(
            bench.node, dataclasses.replace(bench.spec(vmid), rootfs_storage="no-such-storage")
        )
    assert not await bench.is_there(vmid)


async def test_start_and_shutdown(bench: Workbench) -> None:
    vmid = await bench.create()
    await bench.start(vmid)
    assert (await bench.client.guest_status(bench.node, vmid)).status == "running"
    await bench.success(await bench.client.shutdown_container(bench.node, vmid, timeout_seconds=60))
    assert (await bench.client.guest_status(bench.node, vmid)).status == "stopped"


async def test_start_and_stop(bench: Workbench) -> None:
    vmid = await bench.create()
    await bench.start(vmid)
    await bench.success(await bench.client.stop_container(bench.node, vmid))
    assert (await bench.client.guest_status(bench.node, vmid)).status == "stopped"


async def test_what_runs_is_not_started_and_what_stands_is_not_stopped(bench: Workbench) -> None:
    vmid = await bench.create()
    with pytest.raises(RefusedError, match="not running"):
        await bench.client.stop_container(bench.node, vmid)
    with pytest.raises(RefusedError, match="not running"):
        await bench.client.shutdown_container(bench.node, vmid, timeout_seconds=10)
    await bench.start(vmid)
    with pytest.raises(RefusedError, match="already running"):
        await bench.client.start_container(bench.node, vmid)


async def test_a_start_of_nothing_fails_in_the_task(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    try:
        upid = await bench.client.start_container(bench.node, vmid)
    except RightsMissingError as error:
        pytest.skip(f"rights are looked at first: {error}")
    task = await bench.end(upid)
    assert "does not exist" in str(task.exitstatus)


async def test_a_running_container_has_an_address(bench: Workbench) -> None:
    vmid = await bench.create()
    assert await bench.client.guest_addresses(bench.node, vmid) == []
    await bench.start(vmid)

    async def address() -> list[str] | None:
        return await bench.client.guest_addresses(bench.node, vmid) or None

    try:
        found = await bench.until(address, patience=60)
    except AssertionError:
        if bench.place.real:
            pytest.skip(f"nobody gives addresses out on {bench.place.bridge}")
        raise
    assert not any(each.startswith(("fe80", "169.254")) for each in found)


async def test_a_container_that_runs_is_not_destroyed(bench: Workbench) -> None:
    vmid = await bench.create()
    await bench.start(vmid)
    with pytest.raises(RefusedError, match="container is running"):
        await bench.client.destroy_container(bench.node, vmid)
    assert (await bench.client.guest_status(bench.node, vmid)).status == "running"


async def test_what_is_destroyed_is_gone_and_its_number_is_free(bench: Workbench) -> None:
    vmid = await bench.create()
    await bench.success(await bench.client.destroy_container(bench.node, vmid))
    assert not await bench.client.vmid_in_use(vmid)
    assert not await bench.is_there(vmid)
    with pytest.raises((GuestMissingError, RightsMissingError)):
        await bench.client.destroy_container(bench.node, vmid)


async def test_a_configuration_is_changed_by_whoever_read_it_last(bench: Workbench) -> None:
    vmid = await bench.create()
    before = await bench.client.guest_config(bench.node, vmid)
    values = {"memory": "384", "description": before.description + "\nchanged"}
    await bench.client.configure_container(bench.node, vmid, values, before.digest)
    after = await bench.client.guest_config(bench.node, vmid)
    assert after.values["memory"] == "384"
    assert after.description == before.description + "\nchanged"
    assert after.digest != before.digest
    with pytest.raises(ConfigurationChangedError):
        await bench.client.configure_container(bench.node, vmid, {"memory": "512"}, before.digest)
    assert (await bench.client.guest_config(bench.node, vmid)).values["memory"] == "384"


WRITTEN: dict[str, dict[str, str]] = {
    "nothing": {},
    "tags": {"tags": "zoo;docs"},
    "several lines": {"description": "first\n\n  third: ÄÖÜ € %20 #1\tTab"},
    "newlines around it": {"description": "\n\nin between\n\n\n", "tags": "docs"},
    "carriage returns": {"description": "first\r\nsecond\r\n"},
    "what looks like settings": {"description": "memory: 4096\n[snap]", "tags": "proximity"},
}


@pytest.mark.parametrize("name", WRITTEN)
async def test_what_is_written_to_adopt_a_container_can_be_taken_away_exactly(bench: Workbench, name: str) -> None:
    vmid = await bench.create()
    made = await bench.client.guest_config(bench.node, vmid)
    values = {"onboot": "0"} | WRITTEN[name]
    without = () if "description" in values else ("description",)
    await bench.client.configure_container(bench.node, vmid, values, made.digest, delete=without)
    before = await bench.client.guest_config(bench.node, vmid)
    marker = Marker("conformance", "a", "o", vmid)
    had_tag = has_tag(before.values)

    change = marked(before.description, before.values, marker, tag=not had_tag)
    await bench.client.configure_container(bench.node, vmid, change.values, before.digest, delete=change.delete)
    during = await bench.client.guest_config(bench.node, vmid)
    assert markers(during.description) == [marker]
    assert during.description.startswith(before.description)
    assert has_tag(during.values)

    change = unmarked(during.description, during.values, marker, tag=not had_tag)
    await bench.client.configure_container(bench.node, vmid, change.values, during.digest, delete=change.delete)
    assert await bench.client.guest_config(bench.node, vmid) == before


async def test_a_new_container_appears_in_the_resources(bench: Workbench) -> None:
    vmid = await bench.create()

    async def swept() -> GuestSeen | None:
        """A sweep in the middle of the create saw a guest without its name."""
        guests = (await bench.client.resources()).guests
        return next((guest for guest in guests if guest.vmid == vmid and guest.name == f"conformance-{vmid}"), None)

    guest = await bench.until(swept, patience=60)
    assert (guest.node, guest.type, guest.status) == (bench.node, "lxc", "stopped")


async def test_a_template_is_downloaded_from_the_nodes_index(bench: Workbench) -> None:
    if bench.place.real:
        pytest.skip("it would leave a template behind on the storage")
    name = next(name for name in await bench.client.downloadable_templates(bench.node) if name.startswith("alpine-"))
    await bench.success(await bench.client.download_template(bench.node, bench.place.template_storage, name))
    volume = f"{bench.place.template_storage}:vztmpl/{name}"
    assert volume in await bench.client.templates(bench.node, bench.place.template_storage)


async def test_a_template_that_nobody_offers(bench: Workbench) -> None:
    with pytest.raises(NotExecutedError):
        await bench.client.download_template(bench.node, bench.place.template_storage, "no-such-template.tar.zst")
