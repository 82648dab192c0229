"""The port when Proxmox, the network or a token is in trouble. Only the simulator can be told to be."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conformance.conftest import simulated_place
from conformance.workbench import Workbench
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.errors import (
    ConnectionLostError,
    CredentialsRefusedError,
    GuestMissingError,
    LockedError,
    NoQuorumError,
    RightsMissingError,
    UnansweredError,
    UnreachableError,
)
from support.simulator import SimulatorProcess

CREATE = r"^/nodes/[^/]+/lxc$"


@pytest.fixture
async def bench(simulator: SimulatorProcess) -> AsyncIterator[Workbench]:
    bench = Workbench(simulated_place(simulator), shift=0)
    yield bench
    simulator.clear_faults()
    await bench.close()


@pytest.fixture
def as_token(simulator: SimulatorProcess, bench: Workbench) -> Callable[..., ProxmoxClient]:
    """A client with a token that has just these rights."""

    def make(name: str, **privileges: list[str]) -> ProxmoxClient:
        acl = [
            {"path": path.replace("_", "/"), "privileges": granted, "propagate": True}
            for path, granted in privileges.items()
        ]
        secret = simulator.add_token(name, acl)
        return ProxmoxClient(dataclasses.replace(bench.place.connection, token_id=name, token_secret=secret))

    return make


def posts(simulator: SimulatorProcess) -> list[dict[str, str]]:
    return [call for call in simulator.requests() if call["method"] == "POST"]


def creates(simulator: SimulatorProcess, vmid: int) -> int:
    return sum(entry["action"] == "create" and entry["vmid"] == vmid for entry in simulator.journal())


@pytest.mark.parametrize(
    ("kind", "what", "executed"),
    [
        ("drop_before", {}, 0),
        ("drop_after", {}, 1),
        ("596", {}, 0),
        ("596", {"effect": True}, 1),
        ("late", {"seconds": 0.2}, 1),
    ],
)
async def test_a_create_without_an_answer_is_unknown_and_sent_once(
    bench: Workbench, simulator: SimulatorProcess, kind: str, what: dict[str, Any], executed: int
) -> None:
    vmid = await bench.free_vmid()
    simulator.fault(kind, method="POST", path=CREATE, **what)
    with pytest.raises(UnansweredError):
        await bench.client.create_container(bench.node, bench.spec(vmid))

    async def done() -> bool | None:
        return True if len(posts(simulator)) == 1 and creates(simulator, vmid) == executed else None

    assert await bench.until(done)
    if executed:
        (task,) = await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=0)
        await bench.success(task.upid)
    assert (len(posts(simulator)), creates(simulator, vmid)) == (1, executed)


async def test_a_read_survives_one_cut_and_not_two(bench: Workbench, simulator: SimulatorProcess) -> None:
    simulator.fault("drop_before", method="GET", path="^/version$")
    assert await bench.client.version()
    simulator.fault("drop_before", method="GET", path="^/version$", times=2)
    with pytest.raises(ConnectionLostError):
        await bench.client.version()


async def test_an_offline_node_is_unreachable(bench: Workbench, simulator: SimulatorProcess) -> None:
    simulator.fault("node_offline", node="pve2")
    with pytest.raises(UnreachableError):
        await bench.client.start_container("pve2", 105)
    with pytest.raises(UnreachableError):
        await bench.client.guest_status("pve2", 105)
    online = {node.node: node.online for node in await bench.client.nodes()}
    assert online == {"pve1": True, "pve2": False}


async def test_without_quorum_nothing_is_changed(bench: Workbench, simulator: SimulatorProcess) -> None:
    vmid = await bench.create()
    config = await bench.client.guest_config(bench.node, vmid)
    fault = simulator.fault("quorum_lost")
    assert not (await bench.client.membership()).quorate
    with pytest.raises(NoQuorumError):
        await bench.client.create_container(bench.node, bench.spec(vmid + 1))
    with pytest.raises(NoQuorumError):
        await bench.client.configure_container(bench.node, vmid, {"cores": "2"}, config.digest)
    simulator.remove_fault(fault)
    assert (await bench.client.membership()).quorate
    assert (await bench.client.guest_config(bench.node, vmid)).digest == config.digest


async def test_a_locked_container_is_left_alone(bench: Workbench, simulator: SimulatorProcess) -> None:
    vmid = await bench.create()
    fault = simulator.fault("lock", vmid=vmid, node=bench.node, lock="backup")
    config = await bench.client.guest_config(bench.node, vmid)
    assert config.lock == "backup"
    assert (await bench.client.guest_status(bench.node, vmid)).lock == "backup"
    with pytest.raises(LockedError):
        await bench.client.configure_container(bench.node, vmid, {"cores": "2"}, config.digest)
    with pytest.raises(LockedError):
        await bench.client.destroy_container(bench.node, vmid)
    started = await bench.end(await bench.client.start_container(bench.node, vmid))
    assert started.exitstatus == "CT is locked (backup)"
    simulator.remove_fault(fault)


async def test_a_killed_create_leaves_a_lock_that_no_call_removes(
    bench: Workbench, simulator: SimulatorProcess
) -> None:
    vmid = await bench.free_vmid()
    simulator.fault("task_killed", type="vzcreate", vmid=vmid, stage="early")
    task = await bench.end(await bench.client.create_container(bench.node, bench.spec(vmid)))
    assert task.exitstatus == "unexpected status"
    assert not task.succeeded
    config = await bench.client.guest_config(bench.node, vmid)
    assert config.lock == "create"
    assert "swap" not in config.values
    with pytest.raises(LockedError):
        await bench.client.destroy_container(bench.node, vmid)
    simulator.reset()


async def test_a_killed_create_late_looks_whole_but_is_not_complete(
    bench: Workbench, simulator: SimulatorProcess
) -> None:
    vmid = await bench.free_vmid()
    simulator.fault("task_killed", type="vzcreate", vmid=vmid, stage="late")
    assert not (await bench.end(await bench.client.create_container(bench.node, bench.spec(vmid)))).succeeded
    config = await bench.client.guest_config(bench.node, vmid)
    assert config.lock is None
    assert "swap" not in config.values


async def test_a_task_whose_log_is_gone_is_known_by_the_list_only(
    bench: Workbench, simulator: SimulatorProcess
) -> None:
    vmid = await bench.free_vmid()
    upid = await bench.client.create_container(bench.node, bench.spec(vmid))
    await bench.success(upid)
    simulator.fault("task_log_gone", vmid=vmid)
    assert await bench.client.task(upid) is None
    assert await bench.client.task_log(upid) == []
    (task,) = await bench.client.tasks(bench.node, vmid=vmid, type="vzcreate", since=0)
    assert task.succeeded


async def test_a_revoked_token(bench: Workbench, simulator: SimulatorProcess) -> None:
    simulator.fault("token_revoked", token=bench.place.connection.token_id, seconds=3600)
    with pytest.raises(CredentialsRefusedError):
        await bench.client.version()


async def test_a_token_without_rights_sees_little_and_is_told_so(
    bench: Workbench, as_token: Callable[..., ProxmoxClient]
) -> None:
    bare = as_token("bare@pve!token")
    try:
        assert await bare.version()
        assert await bare.permissions() == {}
        assert [node.cpu for node in await bare.nodes()] == [None, None]
        assert (await bare.resources()).guests == ()
        assert await bare.storages(bench.node) == []
        assert abs(await bare.node_time(bench.node) - await bench.client.node_time(bench.node)) <= 2
        with pytest.raises(RightsMissingError, match=r"Sys\.Audit"):
            await bare.membership()
    finally:
        bare.close()


async def test_gone_and_forbidden_are_told_apart_by_the_number(
    bench: Workbench, as_token: Callable[..., ProxmoxClient]
) -> None:
    vmid = await bench.create()
    bare = as_token("bare@pve!token", _nodes=["Sys.Audit"])
    auditor = as_token("auditor@pve!token", _vms=["VM.Audit"])
    try:
        with pytest.raises(RightsMissingError):
            await bare.guest_config(bench.node, vmid)
        assert await bare.vmid_in_use(vmid)
        await bench.success(await bench.client.destroy_container(bench.node, vmid))
        with pytest.raises(RightsMissingError):
            await bare.guest_config(bench.node, vmid)
        assert not await bare.vmid_in_use(vmid)
        with pytest.raises(GuestMissingError):
            await auditor.guest_config(bench.node, vmid)
    finally:
        bare.close()
        auditor.close()


async def test_a_container_on_another_node_is_missing_but_its_number_is_taken(bench: Workbench) -> None:
    with pytest.raises(GuestMissingError):
        await bench.client.guest_config("pve1", 105)
    assert await bench.client.vmid_in_use(105)
    assert next(guest.node for guest in (await bench.client.resources()).guests if guest.vmid == 105) == "pve2"


async def test_the_reading_of_figures_never_asks_every_container(bench: Workbench, simulator: SimulatorProcess) -> None:
    before = len(simulator.requests())
    await bench.client.resources()
    await bench.client.nodes()
    await bench.client.storages(bench.node)
    await bench.client.membership()
    paths = [call["path"].removeprefix("/api2/json") for call in simulator.requests()[before:]]
    assert paths == ["/cluster/resources", "/nodes", f"/nodes/{bench.node}/storage", "/cluster/status"]
