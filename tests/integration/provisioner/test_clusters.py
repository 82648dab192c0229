"""Several clusters whose nodes and guests have the same names and numbers: each is itself, also when one is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.marker import markers
from proximity.domain.model import Command
from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from support.gate import Gate, gate_to
from support.provisioning import EVERYTHING, Stage
from support.simulator import SimulatedCluster, SimulatorProcess

CLUSTERS = 3
FIRST_VMID = 20000
EACH = 2
AT_ONCE = 3
LATER = 2 * AT_ONCE + 2
"""More than both replicas together do at once: on a cluster that hangs, they would take all places there are."""


@dataclass
class Site:
    """One of the clusters, behind its own gate, and the applications on it."""

    stage: Stage
    simulated: SimulatedCluster
    gate: Gate
    cluster_id: str
    applications: list[str] = field(default_factory=list)

    def ours(self) -> list[dict[str, Any]]:
        return self.simulated.guests_with(f"proximity:{self.stage.nats.installation_id}:")

    def creates(self) -> list[int]:
        return [entry["vmid"] for entry in self.simulated.journal() if entry["action"] == "create"]

    def changes(self) -> int:
        """Requests that ask for something to be done."""
        return len([r for r in self.simulated.requests() if r["method"] != "GET"])

    async def connected(self) -> bool:
        cluster = await self.stage.cluster(self.cluster_id)
        return cluster is not None and cluster.connected

    async def deploy(self, name: str, **other: Any) -> tuple[str, str]:
        application_id, operation_id = await self.stage.deploy(name, cluster_id=self.cluster_id, **other)
        self.applications.append(application_id)
        return application_id, operation_id

    async def ask_all(self, kind: type[Command]) -> list[tuple[str, str]]:
        return [(id_, await self.stage.ask(kind, id_)) for id_ in self.applications]

    def stranger(self) -> ProxmoxHypervisor:
        """Somebody else at this cluster."""
        seen, token = self.simulated.connection(), "stranger@pve!test"
        secret = self.simulated.add_token(token, [{"path": "/", "privileges": EVERYTHING, "propagate": 1}])
        return ProxmoxHypervisor(Connection((seen.url,), token, secret, seen.fingerprint))


@pytest.fixture
async def sites(stage: Stage, tmp_path: Path) -> AsyncIterator[list[Site]]:
    """Two replicas, a reconciler and three connected clusters; each numbers its guests from the same on."""
    simulator = SimulatorProcess(tmp_path / "clusters", clusters=CLUSTERS)
    simulator.start()
    stage.settings |= {"PROXIMITY_AT_ONCE": str(AT_ONCE), "PROXIMITY_REPEAT_AFTER_SECONDS": "1"}
    stage.provisioner()
    stage.provisioner()
    stage.reconciler()
    async with AsyncExitStack() as stack:
        stack.callback(simulator.kill)
        made = []
        for number, simulated in enumerate(simulator.clusters):
            seen = simulated.connection()
            gate = await stack.enter_async_context(gate_to(urlsplit(seen.url).port or 0))
            cluster_id = await stage.connect(
                name=f"Site {number}",
                endpoints=(f"https://127.0.0.1:{gate.port}",),
                token_id=seen.token_id,
                token_secret=await stage.vault.seal(seen.token_secret),
                fingerprint=seen.fingerprint,
                first_vmid=FIRST_VMID,
                last_vmid=FIRST_VMID + 99,
            )
            made.append(Site(stage, simulated, gate, cluster_id))
        for site in made:
            await stage.until(site.connected, bool)
        yield made


async def everywhere(stage: Stage, sites: list[Site], kind: type[Command]) -> None:
    """All at once, on all clusters."""
    asked = [pair for site in sites for pair in await site.ask_all(kind)]
    for application_id, operation_id in asked:
        await stage.succeeded(application_id, operation_id)


async def deployed(stage: Stage, sites: list[Site]) -> None:
    """The same on each."""
    asked = [await site.deploy(f"App {n} of {m}") for n in range(EACH) for m, site in enumerate(sites)]
    for application_id, operation_id in asked:
        await stage.succeeded(application_id, operation_id)


async def each_has_its_own(stage: Stage, sites: list[Site], status: str) -> None:
    """Nothing crossed over: each cluster has just the guests of its own applications, numbered from the same on."""
    for site in sites:
        mine = site.ours()
        numbers = sorted(guest["vmid"] for guest in mine)
        assert {m.application for g in mine for m in markers(g["description"])} == set(site.applications)
        assert sorted(site.creates()) == numbers
        assert numbers[0] == FIRST_VMID
        assert [g["status"] for g in mine] == [status] * EACH
        for application_id in site.applications:
            app = await stage.application(application_id)
            assert app is not None
            assert app.container is not None
            assert app.container.cluster_id == site.cluster_id


async def test_equal_names_and_numbers_on_three_clusters(stage: Stage, sites: list[Site]) -> None:
    await deployed(stage, sites)
    await each_has_its_own(stage, sites, "running")

    # an answer lost on one: the evidence is looked for there, although the others have such a task for that number
    sites[1].simulated.fault("drop_before", method="POST", path="/status/stop$", times=EACH)
    await everywhere(stage, sites, cmd.StopApplication)
    await each_has_its_own(stage, sites, "stopped")
    lost = {r.aggregate_id for r in await stage.everything() if isinstance(r.event, ev.CallUnanswered)}
    assert lost == set(sites[1].applications)

    await everywhere(stage, [sites[0]], cmd.DeleteApplication)
    assert sites[0].ours() == []
    claims = {r.aggregate_id for r in await stage.everything() if r.aggregate_id.startswith("vmid.")}
    assert claims == {f"vmid.{site.cluster_id}-{vmid}" for site in sites for vmid in site.creates()}
    sites[0].applications.clear()
    await each_has_its_own(stage, sites[1:], "stopped")


async def test_marker_of_another_cluster_is_not_ours_here(stage: Stage, sites: list[Site]) -> None:
    """A guest restored on the wrong cluster carries our marker with the right number: it is not touched there."""
    here, there, _ = sites
    application_id, operation_id = await here.deploy("Wiki")
    await stage.succeeded(application_id, operation_id)
    (guest,) = here.ours()
    (marker,) = markers(guest["description"])
    copy = stage.container_spec(guest["vmid"])
    copied = there.stranger()
    upid = await copied.create_container("pve1", type(copy)(**{**vars(copy), "description": marker.line()}))

    async def made() -> bool:
        task = await copied.task(upid)
        return task is not None and task.succeeded

    await stage.until(made, bool)
    other, deploying = await there.deploy("Blog")
    await stage.succeeded(other, deploying)
    await stage.succeeded(application_id, await stage.ask(cmd.DeleteApplication, application_id))

    assert here.ours() == []
    left = there.simulated.guest(guest["vmid"])
    assert left is not None
    assert left["description"].strip() == marker.line()
    app = await stage.application(other)
    assert app is not None
    assert app.container is not None
    assert app.container.vmid != guest["vmid"]


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_one_cluster_away_holds_up_no_other(stage: Stage, sites: list[Site], how: str) -> None:
    """Its operations wait, and end once it is back; those of the others end meanwhile."""
    await deployed(stage, sites)
    away, near = sites[0], sites[1:]
    before = away.changes()
    away.gate.shut() if how == "refuses" else away.gate.hang()

    parked = await away.ask_all(cmd.StopApplication)
    parked += [await away.deploy(f"Later {n}") for n in range(LATER)]
    for kind in (cmd.StopApplication, cmd.StartApplication):
        await everywhere(stage, near, kind)
    for application_id, _ in parked:
        app = await stage.application(application_id)
        assert app is not None
        assert app.operation is not None, "it was to be away all the time"
    assert away.changes() == before
    await each_has_its_own(stage, near, "running")

    await away.gate.open()
    for application_id, operation_id in parked:
        await stage.succeeded(application_id, operation_id, 90)
    assert len(set(away.creates())) == len(away.creates()) == EACH + LATER


async def test_cluster_that_comes_back_with_another_certificate(stage: Stage, sites: list[Site]) -> None:
    """It may be anybody: it is told nothing, and not before it has the trusted one again does anything go on."""
    await deployed(stage, sites)
    changed = sites[0]
    changed.gate.shut()
    waiting = await stage.ask(cmd.StopApplication, changed.applications[0])
    await stage.postponed(changed.applications[0], "node_unreachable", operation_id=waiting)
    before = len(changed.simulated.requests())
    fault = changed.simulated.fault("certificate")
    await changed.gate.open()

    end = await stage.ended(changed.applications[0], waiting)

    assert isinstance(end, ev.OperationFailed)
    assert end.cause.code == "certificate_untrusted"
    assert len(changed.simulated.requests()) == before
    await everywhere(stage, sites[1:], cmd.StopApplication)
    await each_has_its_own(stage, sites[1:], "stopped")

    changed.simulated.remove_fault(fault)
    await everywhere(stage, [changed], cmd.StopApplication)
    await each_has_its_own(stage, sites, "stopped")


async def test_call_under_way_when_the_certificate_changes(stage: Stage, sites: list[Site]) -> None:
    """What became of it cannot be asked: it is not known yet, which is not the same as failed."""
    changed = sites[0]
    held = changed.simulated.fault("task_held", type="vzcreate")
    application_id, operation_id = await changed.deploy("Wiki")
    await stage.happened(application_id, ev.TaskAccepted, step="create")
    fault = changed.simulated.fault("certificate")
    changed.gate.shut()
    await changed.gate.open()
    changed.simulated.remove_fault(held)
    await stage.postponed(application_id, "certificate_untrusted", step="create")

    changed.simulated.remove_fault(fault)

    await stage.succeeded(application_id, operation_id)
    assert len(changed.creates()) == 1
