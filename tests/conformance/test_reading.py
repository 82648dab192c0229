"""What can be learned from a Proxmox VE without changing it."""

import dataclasses
from collections.abc import Iterable

import pytest

from conformance.place import Place
from conformance.workbench import Workbench
from proximity.proxmox.certificate import probe
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.errors import (
    CredentialsRefusedError,
    GuestMissingError,
    InvalidRequestError,
    NotExecutedError,
    RightsMissingError,
    UntrustedCertificateError,
)
from proximity.proxmox.observe import NodeSeen


async def test_the_version_is_one_we_know(bench: Workbench) -> None:
    version = await bench.client.version()
    assert int(version.version.split(".")[0]) >= 8
    assert version.version.startswith(version.release)


async def test_the_certificate_can_be_seen_before_it_is_trusted(place: Place) -> None:
    seen = await probe(place.connection.endpoints[0])
    pinned = dataclasses.replace(place.connection, fingerprint=seen.fingerprint, ca=None)
    client = ProxmoxClient(pinned)
    try:
        assert (await client.version()).version
    finally:
        client.close()


async def test_another_certificate_is_not_trusted(place: Place) -> None:
    client = ProxmoxClient(dataclasses.replace(place.connection, fingerprint="00" * 32, ca=None))
    try:
        with pytest.raises(UntrustedCertificateError) as refused:
            await client.version()
    finally:
        client.close()
    assert refused.value.seen == (await probe(place.connection.endpoints[0])).fingerprint


async def test_a_wrong_secret_is_refused(place: Place) -> None:
    client = ProxmoxClient(dataclasses.replace(place.connection, token_secret="00000000-0000-0000-0000-000000000000"))
    try:
        with pytest.raises(CredentialsRefusedError):
            await client.version()
    finally:
        client.close()


async def test_the_node_is_online(bench: Workbench) -> None:
    node = next(node for node in await bench.client.nodes() if node.node == bench.node)
    assert node.online
    assert node.fingerprint
    assert node.cpu is None or 0 <= node.cpu <= 1.5


async def test_the_nodes_of_the_resources_are_the_nodes(bench: Workbench) -> None:
    def known(nodes: Iterable[NodeSeen]) -> set[tuple[object, ...]]:
        return {(node.node, node.online, node.cpus, node.memory) for node in nodes}

    assert known((await bench.client.resources()).nodes) == known(await bench.client.nodes())


async def test_the_storages_of_the_resources_are_those_of_the_nodes(bench: Workbench) -> None:
    listed = {seen.storage: seen for node, seen in (await bench.client.resources()).storages if node == bench.node}
    if not listed:
        pytest.skip("the token may not audit any storage")
    asked = {seen.storage: seen for seen in await bench.client.storages(bench.node)}
    for name, seen in listed.items():
        own = asked[name]
        assert (seen.type, seen.content, seen.shared) == (own.type, own.content, own.shared)
    rootfs = listed[bench.place.rootfs_storage]
    assert rootfs.active
    assert 0 < rootfs.available <= rootfs.total


async def test_the_resources_tell_how_guests_are(bench: Workbench) -> None:
    for guest in (await bench.client.resources()).guests:
        if guest.status == "unknown":
            continue
        assert guest.name
        assert guest.cpus is not None
        assert guest.cpus > 0
        assert guest.memory is not None
        assert guest.memory > 0
        assert (guest.uptime or 0) >= 0
        assert guest.netin is not None


async def test_the_tasks_of_the_cluster(bench: Workbench) -> None:
    tasks = await bench.client.cluster_tasks()
    assert tasks == sorted(tasks, key=lambda task: task.starttime)
    if "Sys.Audit" not in (await bench.client.permissions("/"))["/"]:
        assert tasks == []
    assert all(task.running == (task.exitstatus is None) for task in tasks)


async def test_the_cluster_is_quorate(bench: Workbench) -> None:
    try:
        membership = await bench.client.membership()
    except RightsMissingError as error:
        pytest.skip(f"the token may not see it: {error}")
    assert membership.quorate


async def test_the_storages_can_hold_what_is_put_there(bench: Workbench) -> None:
    storages = {storage.storage: storage for storage in await bench.client.storages(bench.node)}
    assert "rootdir" in storages[bench.place.rootfs_storage].content
    assert "vztmpl" in storages[bench.place.template_storage].content
    assert storages[bench.place.rootfs_storage].active
    assert 0 < storages[bench.place.rootfs_storage].available <= storages[bench.place.rootfs_storage].total


async def test_the_charts_of_a_node_and_a_storage_end_about_now(bench: Workbench) -> None:
    now = await bench.client.node_time(bench.node)
    of_storage = await bench.client.storage_history(bench.node, bench.place.rootfs_storage, "hour")
    assert 0 <= now - of_storage[-1].at < 120
    assert all(p.used <= p.total for p in of_storage if p.used is not None and p.total is not None)
    try:
        of_node = await bench.client.node_history(bench.node, "hour")
    except RightsMissingError as error:
        pytest.skip(f"the token may not see it: {error}")
    assert 0 <= now - of_node[-1].at < 120
    assert any(point.netin is not None and point.disk_used is not None for point in of_node)


async def test_the_template_is_listed(bench: Workbench) -> None:
    assert bench.place.template in await bench.client.templates(bench.node, bench.place.template_storage)


async def test_an_unknown_storage_is_told_in_words(bench: Workbench) -> None:
    with pytest.raises((NotExecutedError,)) as refused:
        await bench.client.templates(bench.node, "no-such-storage")
    assert "no-such-storage" in refused.value.words


async def test_the_node_has_a_template_index(bench: Workbench) -> None:
    index = await bench.client.downloadable_templates(bench.node)
    if not index:
        pytest.skip("the node has not fetched its template index (pveam update)")
    assert any(name.startswith("debian-") and ".tar." in name for name in index)


async def test_the_node_tells_the_time(bench: Workbench) -> None:
    first = await bench.client.node_time(bench.node)
    assert 1_700_000_000 < first <= await bench.client.node_time(bench.node)


async def test_rights_are_told_by_path(bench: Workbench) -> None:
    everything = await bench.client.permissions()
    assert any(everything.values())
    path = f"/nodes/{bench.node}"
    assert set(await bench.client.permissions(path)) == {path}


async def test_a_guest_that_is_not_there(bench: Workbench) -> None:
    vmid = await bench.free_vmid()
    for look in (bench.client.guest_config, bench.client.guest_status):
        with pytest.raises((GuestMissingError, RightsMissingError)):
            await look(bench.node, vmid)
    assert await bench.client.guest_addresses(bench.node, vmid) == []
    assert not await bench.client.vmid_in_use(vmid)
    assert await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=0) == []


async def test_a_number_that_is_none(bench: Workbench) -> None:
    with pytest.raises(InvalidRequestError):
        await bench.client.vmid_in_use(12)


async def test_a_task_nobody_remembers(bench: Workbench) -> None:
    user = bench.place.connection.token_id
    upid = f"UPID:{bench.node}:00000001:00000001:00000001:vzstart:100:{user}:"
    assert await bench.client.task(upid) is None
    assert await bench.client.task_log(upid) == []
