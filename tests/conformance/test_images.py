"""Images: pulled, made a container of, and given an environment.

What is expected here comes from Proxmox VE's sources (pve-storage 9.1.7, pve-container 6.1.10) and was not recorded.
On a real one an archive is uploaded (`PROXIMITY_TEST_PVE_OCI_TAR`), nothing is pulled from a registry.
"""

from pathlib import Path

import pytest

from conformance.workbench import Workbench
from proximity.domain.application.image import Image, Volume, merged
from proximity.proxmox.errors import (
    AlreadyExistsError,
    ConfigurationChangedError,
    InvalidRequestError,
    NotExecutedError,
    RefusedError,
)
from proximity.proxmox.task_id import TaskId
from support.simulator import SimulatorProcess

NGINX = Image(reference="docker.io/library/nginx:1.27.3")


@pytest.fixture
async def archive(bench: Workbench) -> str:
    """The volume id of an image's archive."""
    if bench.place.oci_tar is not None:
        return await bench.upload(bench.place.oci_tar)
    if bench.place.real:
        pytest.skip("PROXIMITY_TEST_PVE_OCI_TAR names no archive")
    await bench.success(await pull(bench))
    return f"{bench.place.template_storage}:vztmpl/{NGINX.archive}.tar"


async def pull(bench: Workbench, reference: str = NGINX.reference, archive: str = NGINX.archive) -> str:
    if bench.place.real:
        pytest.skip("it would leave an image behind on the storage")
    return await bench.client.pull_image(bench.node, bench.place.template_storage, reference, archive)


async def made(bench: Workbench, archive: str) -> int:
    volumes = (Volume(path="/data", size_gib=1), Volume(path="/var/cache/app", size_gib=1))
    return await bench.create(template_volid=archive, volumes=volumes, host_managed=True, nesting=False)


async def test_every_node_tells_its_version(bench: Workbench) -> None:
    seen = await bench.client.node_version(bench.node)
    assert seen.version.startswith(seen.release)
    assert all(number.isdecimal() for number in seen.release.split("."))


async def test_a_pull_is_a_task_named_after_the_archive_that_it_leaves(
    bench: Workbench, request: pytest.FixtureRequest
) -> None:
    if bench.place.real:
        pytest.skip("it would leave an image behind on the storage")
    simulator: SimulatorProcess = request.getfixturevalue("simulator")
    held = simulator.fault("task_held", type="ociregistrypull")
    since = await bench.client.node_time(bench.node) - 2
    storage = bench.place.template_storage
    volume = f"{storage}:vztmpl/{NGINX.archive}.tar"
    upid = await pull(bench)
    parsed = TaskId.parse(upid)
    assert (parsed.type, parsed.id) == ("ociregistrypull", f"{NGINX.archive}.tar")
    assert volume not in await bench.client.templates(bench.node, storage), "it has its name when it is complete"
    simulator.remove_fault(held)
    await bench.success(upid)
    assert volume in await bench.client.templates(bench.node, storage)
    (task,) = await bench.client.tasks(bench.node, vmid=None, type="ociregistrypull", since=since)
    assert (task.upid, task.id, task.user) == (upid, f"{NGINX.archive}.tar", bench.place.connection.token_id)


async def test_an_archive_is_not_pulled_over(bench: Workbench) -> None:
    await bench.success(await pull(bench))
    with pytest.raises(AlreadyExistsError, match="refusing to override existing file"):
        await pull(bench)
    await bench.success(await pull(bench, archive="other"))


@pytest.mark.parametrize("reference", ["docker.io/library/nginx", "docker.io/library/nginx@sha256:0"])
async def test_a_pull_needs_a_tag_and_takes_no_digest(bench: Workbench, reference: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        await bench.client.pull_image(bench.node, bench.place.template_storage, reference, "x")
    assert list(raised.value.errors) == ["reference"]


async def test_an_image_that_nobody_has_fails_in_the_task(bench: Workbench) -> None:
    task = await bench.end(await pull(bench, "docker.io/library/nginx:0.0.1", "missing"))
    assert "skopeo copy docker://docker.io/library/nginx:0.0.1" in str(task.exitstatus)


async def test_a_storage_of_disks_takes_no_archive(bench: Workbench) -> None:
    if bench.place.real:
        pytest.skip("a storage for disks may be one for files, too")
    with pytest.raises(RefusedError, match="not a file based storage"):
        await bench.client.pull_image(bench.node, bench.place.rootfs_storage, NGINX.reference, NGINX.archive)
    with pytest.raises(NotExecutedError):
        await bench.client.pull_image(bench.node, "no-such-storage", NGINX.reference, NGINX.archive)


async def test_a_container_of_an_image_has_its_environment_and_our_volumes(bench: Workbench, archive: str) -> None:
    config = await bench.client.guest_config(bench.node, await made(bench, archive))
    assert config.lock is None
    assert "swap" in config.values, "what marks a create as complete"
    assert config.environment, "the image's own"
    assert config.values["entrypoint"]
    assert config.values["unprivileged"] == "1"
    assert "host-managed=1" in config.values["net0"].split(",")
    for key, path in (("mp0", "/data"), ("mp1", "/var/cache/app")):
        options = config.values[key].split(",")
        assert options[0].startswith(f"{bench.place.rootfs_storage}:")
        assert {f"mp={path}", "backup=1", "size=1G"} <= set(options)


async def test_an_environment_is_replaced_as_a_whole_by_whoever_read_it_last(bench: Workbench, archive: str) -> None:
    vmid = await made(bench, archive)
    before = await bench.client.guest_config(bench.node, vmid)
    ours = {"TOKEN": "a=b c\t%41&x", "EMPTY": "", "PORT": "8080"}
    wanted = merged(before.environment, ours)
    values = {"entrypoint": "/bin/app --port 80"}
    await bench.client.configure_container(bench.node, vmid, values, before.digest, environment=wanted)
    after = await bench.client.guest_config(bench.node, vmid)
    assert after.environment == wanted
    assert after.values["entrypoint"] == "/bin/app --port 80"
    with pytest.raises(ConfigurationChangedError):
        await bench.client.configure_container(bench.node, vmid, {}, before.digest, environment=ours)
    await bench.client.configure_container(bench.node, vmid, {}, after.digest, environment={"ONLY": "this"})
    assert (await bench.client.guest_config(bench.node, vmid)).environment == {"ONLY": "this"}


@pytest.mark.parametrize("environment", [{"A-B": "1"}, {"A": "canary\nsecond"}, {"A": "canary\x1b"}])
async def test_what_no_environment_can_hold_is_refused_without_being_quoted(
    bench: Workbench, archive: str, environment: dict[str, str]
) -> None:
    vmid = await made(bench, archive)
    digest = (await bench.client.guest_config(bench.node, vmid)).digest
    with pytest.raises(InvalidRequestError) as raised:
        await bench.client.configure_container(bench.node, vmid, {}, digest, environment=environment)
    assert list(raised.value.errors) == ["env"]
    assert "canary" not in str(raised.value)


async def test_an_archive_of_ones_own_is_uploaded_once(bench: Workbench, tmp_path: Path) -> None:
    if bench.place.real:
        pytest.skip("it would leave a file behind on the storage")
    file = tmp_path / "own.tar"
    file.write_bytes(b"not looked into")
    volume = await bench.upload(file)
    assert volume in await bench.client.templates(bench.node, bench.place.template_storage)
    assert await bench.upload(file) == volume
