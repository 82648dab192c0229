"""Recorded answers of a real Proxmox VE, read over a real connection, and the oddities that recordings do not show."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proximity.proxmox import answers
from proximity.proxmox.errors import InvalidRequestError, RightsMissingError, UnansweredError
from proximity.proxmox.observe import GuestStatus, Membership, Point, StoragePoint, Task, Version
from proximity.proxmox.task_id import TaskId
from unit.proxmox.conftest import MakeClient
from unit.proxmox.scripted_server import Answer, ScriptedServer, data, refusal

UPID = "UPID:pve:000001BA:0003668F:6B02FB30:vzcreate:101:root@pam!stand:"
FORBIDDEN = {"data": None, "message": "Permission check failed (/nodes/pve, Sys.Audit)\n"}
Recording = Callable[[str], Answer]


@pytest.fixture
def recording(recorded: Path) -> Recording:
    kept = json.loads((recorded / "answers.json").read_text())["answers"]
    bodies = {answer["id"]: answer["body"] for answer in kept}
    return lambda name: Answer(body=json.dumps(bodies[name]).encode())


async def test_version(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("version")]
    assert await connect(server.endpoint).version() == Version("9.2.11", "9.2")


async def test_nodes_with_and_without_the_right_to_see_figures(
    connect: MakeClient, server: ScriptedServer, recording: Recording
) -> None:
    server.script = [recording("nodes"), recording("nodes without rights")]
    client = connect(server.endpoint)
    (seen,), (shy,) = await client.nodes(), await client.nodes()
    assert (seen.node, seen.online, seen.cpus, seen.memory_used, seen.uptime) == ("pve", True, 2, 1787236352, 2159)
    assert seen.cpu == pytest.approx(0.7685546875)
    assert (shy.cpus, shy.cpu, shy.memory, shy.memory_used, shy.uptime) == (None,) * 5
    assert shy.fingerprint == seen.fingerprint


async def test_resources(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("resources"), recording("resources unswept"), recording("resources tags")]
    client = connect(server.endpoint)
    found = await client.resources()
    assert [(node.node, node.online) for node in found.nodes] == [("pve", True)]
    assert [(guest.vmid, guest.name, guest.status) for guest in found.guests] == [(100, "ct100", "stopped")]
    (guest,) = found.guests
    assert (guest.cpus, guest.memory, guest.disk, guest.cpu, guest.netin, guest.pool) == (
        2,
        1 << 28,
        1 << 30,
        0,
        0,
        None,
    )
    storages = {storage.storage: (node, storage) for node, storage in found.storages}
    node, btr = storages["btr"]
    assert (node, btr.type, btr.active, btr.total, btr.available) == ("pve", "btrfs", True, 10737418240, 10731356160)
    assert "rootdir" in btr.content
    (unswept,) = (await client.resources()).guests
    assert (unswept.status, unswept.name, unswept.memory, unswept.uptime) == ("unknown", None, None, None)
    tagged = next(guest for guest in (await client.resources()).guests if guest.vmid == 101)
    assert tagged.tags == ("a", "b")


def test_a_storage_that_is_away_tells_no_size() -> None:
    entry = {"type": "storage", "node": "pve", "storage": "nfs", "plugintype": "nfs", "status": "unknown", "shared": 1}
    [(node, storage)] = answers.resources([entry]).storages
    assert (node, storage.active, storage.shared, storage.total, storage.available) == ("pve", False, True, 0, 0)


def test_the_tasks_of_a_cluster_running_and_ended() -> None:
    ended = {"upid": UPID, "node": "pve", "type": "vzcreate", "id": "101", "endtime": 1795358010, "status": "OK"}
    running, done = answers.listed_tasks([{"upid": UPID.replace(":101:", ":102:"), "id": "102"}, ended])
    assert (running.running, running.exitstatus, running.id, running.user) == (True, None, "102", "root@pam!stand")
    assert (done.running, done.exitstatus) == (False, "OK")


async def test_storages(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("storages")]
    storages = {storage.storage: storage for storage in await connect(server.endpoint).storages("pve")}
    assert storages["local"].content == {"vztmpl", "iso", "images", "snippets", "rootdir", "backup"}
    assert storages["local"].active
    assert not storages["local"].shared
    assert storages["local"].available < storages["local"].total


async def test_a_single_node_is_quorate(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("standalone")]
    assert await connect(server.endpoint).membership() == Membership(name=None, quorate=True, nodes=frozenset({"pve"}))


def test_a_cluster_without_quorum() -> None:
    entries = [{"type": "cluster", "name": "lab", "quorate": "0"}, {"type": "node", "name": "pve"}]
    assert answers.membership(entries) == Membership(name="lab", quorate=False, nodes=frozenset({"pve"}))


async def test_permissions_keep_the_zeroes_for_they_mean_granted(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [data({"/vms/7001": {"VM.Audit": 0}, "/vms": {"VM.Audit": "1"}})]
    granted = await connect(server.endpoint).permissions("/vms/7001")
    assert granted == {"/vms/7001": {"VM.Audit": 0}, "/vms": {"VM.Audit": 1}}
    assert server.requests[0].line == "GET /api2/json/access/permissions?path=%2Fvms%2F7001 HTTP/1.1"


async def test_node_time_falls_back_to_the_answers_date(
    connect: MakeClient, server: ScriptedServer, recording: Recording
) -> None:
    forbidden = refusal(403, "Permission check failed", FORBIDDEN, Date="Sun, 22 Nov 2026 14:39:45 GMT")
    server.script = [recording("time"), forbidden, refusal(403, "Permission check failed", FORBIDDEN)]
    client = connect(server.endpoint)
    assert await client.node_time("pve") == 1795357421
    assert await client.node_time("pve") == 1795358385
    with pytest.raises(RightsMissingError):
        await client.node_time("pve")


async def test_guest_config(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("config"), recording("config creating")]
    client = connect(server.endpoint)
    config = await client.guest_config("pve", 101)
    assert config.description == "made by stand\nline 2"
    assert config.digest == "9d8a3be8c8e3974e3d6df94c504c7249681dc6be"
    assert config.lock is None
    assert (config.values["memory"], config.values["hostname"]) == ("256", "ct101")
    assert "digest" not in config.values
    creating = await client.guest_config("pve", 101)
    assert (creating.lock, creating.description, creating.values) == ("create", "", {"lock": "create"})


async def test_guest_status(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("status running"), recording("status locked")]
    client = connect(server.endpoint)
    assert (await client.guest_status("pve", 101)).status == "running"
    assert await client.guest_status("pve", 101) == GuestStatus("stopped", lock="create")


async def test_a_hiccup_of_the_command_socket_is_asked_once_more(
    connect: MakeClient, server: ScriptedServer, recording: Recording
) -> None:
    hiccup = refusal(500, "failed to read from command socket: Connection reset by peer")
    server.script = [hiccup, recording("status running"), hiccup, hiccup]
    client = connect(server.endpoint)
    assert (await client.guest_status("pve", 101)).status == "running"
    with pytest.raises(UnansweredError, match="command socket"):
        await client.guest_status("pve", 101)
    assert len(server.requests) == 4


async def test_addresses(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("interfaces"), recording("interfaces stopped")]
    client = connect(server.endpoint)
    assert await client.guest_addresses("pve", 101) == ["10.99.0.51"]
    assert await client.guest_addresses("pve", 101) == []


def test_addresses_of_older_answers_and_of_simulated_guests() -> None:
    found = answers.addresses(
        [
            {"name": "lo", "inet": "127.0.0.1/8"},
            {"name": "eth0", "inet6": "fd00::5/64", "inet": "127.3.0.5/8"},
            {"name": "eth1", "inet": "169.254.1.1/16", "inet6": "fe80::1/64"},
            {"name": "eth2", "inet": "192.168.1.1001/24"},
        ]
    )
    assert found == ["127.3.0.5", "fd00::5"]


async def test_vmid_in_use(connect: MakeClient, server: ScriptedServer) -> None:
    taken = {"data": None, "errors": {"vmid": "VM 6000 already exists"}, "message": "Parameter verification failed.\n"}
    bad = taken | {"errors": {"vmid": "invalid format - value does not look like a valid VM ID\n"}}
    server.script = [data("6999"), refusal(400, "x", taken), refusal(400, "x", bad)]
    client = connect(server.endpoint)
    assert not await client.vmid_in_use(6999)
    assert await client.vmid_in_use(6000)
    with pytest.raises(InvalidRequestError):
        await client.vmid_in_use(12)


async def test_running_and_finished_tasks(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    server.script = [recording("tasks running"), recording("tasks")]
    client = connect(server.endpoint)
    running = await client.tasks("pve", vmid=101, type="vzcreate", since=1795357400)
    assert running == [Task(UPID, "pve", "vzcreate", "101", "root@pam!stand", 1795357488, running=True)]
    query = server.requests[0].line.partition("?")[2]
    for part in ("source=all", "typefilter=vzcreate", "since=1795357400", "vmid=101", "limit=500"):
        assert part in query
    older, newer = await client.tasks("pve", vmid=None, type="vzstart", since=0)
    assert (older.user, older.exitstatus, older.succeeded, older.warnings) == ("root@pam!stand", "WARNINGS: 1", True, 1)
    assert (newer.running, newer.succeeded) == (False, False)
    assert "vmid" not in server.requests[1].line


async def test_a_task_that_is_just_ending_is_listed_twice_and_counts_once(
    connect: MakeClient, server: ScriptedServer
) -> None:
    running: dict[str, Any] = {"upid": UPID, "id": "101", "status": "RUNNING"}
    server.script = [data([running, running | {"status": "OK", "endtime": 1795357490}])]
    (task,) = await connect(server.endpoint).tasks("pve", vmid=101, type="vzcreate", since=0)
    assert (task.running, task.exitstatus, task.endtime) == (False, "OK", 1795357490)


async def test_many_tasks_come_in_pages(connect: MakeClient, server: ScriptedServer) -> None:
    def upid(number: int) -> str:
        return f"UPID:pve:{number:08X}:0003668F:6B02FB30:vzstart:101:root@pam:"

    entries = [{"upid": upid(number), "id": "101", "status": "OK", "endtime": 1} for number in range(501)]
    server.script = [data(entries[:500]), data(entries[500:])]
    assert len(await connect(server.endpoint).tasks("pve", vmid=101, type="vzstart", since=0)) == 501
    assert "start=500" in server.requests[1].line


async def test_a_task(connect: MakeClient, server: ScriptedServer) -> None:
    running = {"upid": UPID, "id": "101", "status": "running", "user": "root@pam", "tokenid": "stand"}
    gone = {"data": None, "errors": {"upid": "no such task"}, "message": "Parameter verification failed.\n"}
    server.script = [
        data(running),
        data(running | {"status": "stopped", "exitstatus": "OK"}),
        refusal(400, "Parameter verification failed.", gone),
    ]
    client = connect(server.endpoint)
    first, second, third = [await client.task(UPID) for _ in range(3)]
    assert first == Task(UPID, "pve", "vzcreate", "101", "root@pam!stand", 1795357488, running=True)
    assert second is not None
    assert second.succeeded
    assert third is None
    assert server.requests[0].line == (
        "GET /api2/json/nodes/pve/tasks/"
        "UPID%3Apve%3A000001BA%3A0003668F%3A6B02FB30%3Avzcreate%3A101%3Aroot%40pam%21stand%3A/status HTTP/1.1"
    )


async def test_a_task_that_ended_without_a_word_did_not_succeed(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [data({"upid": UPID, "status": "stopped"})]
    task = await connect(server.endpoint).task(UPID)
    assert task is not None
    assert (task.exitstatus, task.succeeded) == ("unexpected status", False)


async def test_what_is_no_upid_is_not_asked_for(connect: MakeClient, server: ScriptedServer) -> None:
    with pytest.raises(InvalidRequestError):
        await connect(server.endpoint).task("UPID:foo")
    assert server.connections == 0


async def test_a_task_log(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    lines = [{"n": number, "t": f"line {number}"} for number in range(1, 40)]
    server.script = [data(lines), data([{"n": 1, "t": "no content"}]), recording("task log gone")]
    client = connect(server.endpoint)
    assert await client.task_log(UPID, last=2) == ["line 38", "line 39"]
    assert await client.task_log(UPID) == []
    assert await client.task_log(UPID) == []


async def test_templates(connect: MakeClient, server: ScriptedServer, recording: Recording) -> None:
    index = [{"package": "debian-12-standard", "template": "debian-12-standard_12.12-1_amd64.tar.zst"}]
    server.script = [recording("templates"), data(index)]
    client = connect(server.endpoint)
    assert await client.templates("pve", "local") == ["local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"]
    assert await client.downloadable_templates("pve") == ["debian-12-standard_12.12-1_amd64.tar.zst"]


def test_figures_may_be_text_and_cpu_slightly_negative() -> None:
    (node,) = answers.nodes([{"node": "pve", "status": "online", "cpu": "-0.0065", "maxcpu": "4", "mem": "12"}])
    assert (node.cpu, node.cpus, node.memory_used) == (0.0, 4, 12)


@pytest.mark.parametrize("strange", [None, 3, "x", [1], {"a": 1}])
def test_an_unexpected_shape_says_nothing(strange: Any) -> None:
    with pytest.raises(UnansweredError):
        answers.nodes(strange)


def test_upids() -> None:
    empty = TaskId.parse("UPID:pve-2:0000015C:00034946:6B02FAE5:vzdump::root@pam:")
    assert (empty.node, empty.id, empty.user, empty.starttime) == ("pve-2", "", "root@pam", 0x6B02FAE5)
    assert TaskId.parse("UPID:pve:0000015C:000349461:6B02FAE5:imgdel:110@local:a@pve!t:").id == "110@local"
    for wrong in ("", "UPID:foo", UPID[:-1], UPID + "x", UPID.replace("pve", "../x")):
        with pytest.raises(ValueError, match="UPID"):
            TaskId.parse(wrong)


async def test_history_of_a_node_and_a_guest_has_gaps(connect: MakeClient, server: ScriptedServer) -> None:
    measured = {"time": 60, "cpu": 0.5, "netin": 10, "netout": 20.5}
    of_node = {"memused": 7, "memtotal": 8, "rootused": 9, "roottotal": 10}
    of_guest = {"mem": 1, "maxmem": "2", "disk": 3, "maxdisk": 4}
    stopped = {"time": 120, "disk": 0, "maxdisk": 4}
    server.script = [data([{"time": 0}, measured | of_node]), data([measured | of_guest, stopped])]
    client = connect(server.endpoint)
    gap, point = await client.node_history("pve", "hour")
    assert gap == Point(at=0)
    assert point == Point(60, 0.5, memory_used=7, memory=8, disk_used=9, disk=10, netin=10, netout=20.5)
    point, last = await client.guest_history("pve", "lxc", 100, "year")
    assert (point.memory_used, point.memory, point.disk_used, point.disk) == (1, 2, 3, 4)
    assert last == Point(120, disk=4), "nobody measures the disk of what does not run"
    assert [request.line.split()[1] for request in server.requests] == [
        "/api2/json/nodes/pve/rrddata?timeframe=hour",
        "/api2/json/nodes/pve/lxc/100/rrddata?timeframe=year",
    ]


async def test_history_of_a_storage(connect: MakeClient, server: ScriptedServer) -> None:
    words = "RRD error: opening 'pve-storage-9.0/pve/new': No such file or directory"
    server.script = [data([{"time": 0}, {"time": 60, "used": 1.5, "total": 3}]), refusal(500, words)]
    client = connect(server.endpoint)
    points = await client.storage_history("pve", "tank-1.nfs_a", "hour")
    assert points == [StoragePoint(0), StoragePoint(60, used=1.5, total=3)]
    assert server.requests[0].line.split()[1] == "/api2/json/nodes/pve/storage/tank-1.nfs_a/rrddata?timeframe=hour"
    assert await client.storage_history("pve", "new", "hour") == []


async def test_of_a_guest_that_is_new_there_is_no_history_yet(connect: MakeClient, server: ScriptedServer) -> None:
    words = "RRD error: rrdcached@unix:/s: rrd_fetch_r failed: opening 'pve-vm-9.0/6999': No such file or directory"
    server.script = [refusal(500, words), refusal(500, "RRD error: the daemon is away")]
    client = connect(server.endpoint)
    assert await client.guest_history("pve", "lxc", 6999, "hour") == []
    with pytest.raises(UnansweredError):
        await client.guest_history("pve", "lxc", 6999, "hour")
