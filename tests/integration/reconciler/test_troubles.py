"""Unseen is not gone: whatever goes away, nothing is said of what cannot be seen."""

import asyncio
from dataclasses import dataclass

import pytest

from proximity.domain.cluster import events as cluster
from proximity.messaging.aggregates import CLUSTER
from support.outside import Outsider
from support.reconciling import Stage, eventually, listed
from support.simulator import SimulatorProcess

VMID, TOKEN = 20001, "watching@pve!test"
ALL = ["VM.Audit", "Pool.Audit", "Datastore.Audit", "Sys.Audit"]
DEMO = 12


@dataclass
class Watched:
    stage: Stage
    simulator: SimulatorProcess
    cluster_id: str
    application_id: str
    secret: str

    def rights(self, *acl: tuple[str, list[str]]) -> None:
        """What the token may do from now on."""
        given = [{"path": path, "privileges": rights, "propagate": 1} for path, rights in acl]
        self.simulator.add_token(TOKEN, given, self.secret)

    async def checked(self) -> None:
        """A person has the cluster checked, as the provisioner leaves it."""
        findings = cluster.Findings(version="9.2", proxmox_name=None, nodes=(), missing={})
        await self.stage.append(
            CLUSTER,
            self.cluster_id,
            cluster.CheckRequested(operation_id="check"),
            cluster.ClusterChecked(operation_id="check", findings=findings),
            cluster.OperationSucceeded(operation_id="check", kind="check"),
        )

    async def nothing_happened(self, *kinds: type[cluster.ClusterEvent]) -> None:
        """Beside those about the cluster itself."""
        await listed(self.simulator, 8)
        new = [r.event for r in await self.stage.store.read(self.head) if not isinstance(r.event, kinds)]
        assert new == []

    head: int = 0


@pytest.fixture
async def watched(stage: Stage, simulator: SimulatorProcess) -> Watched:
    """A cluster with an application and guests that are all known."""
    secret = simulator.add_token(TOKEN, [{"path": "/", "privileges": ALL, "propagate": 1}])
    cluster_id = await stage.connect_cluster(simulator, secret, TOKEN)
    application_id = await stage.application(simulator, cluster_id)
    stage.start()
    await stage.observed(application_id)

    async def all_known() -> bool:
        return len(await stage.guests(cluster_id)) == DEMO

    await eventually(all_known)
    found = Watched(stage, simulator, cluster_id, application_id, secret)
    found.head = await stage.store.head()
    return found


async def test_a_node_that_is_away(watched: Watched) -> None:
    watched.simulator.fault("node_offline", node="pve1")
    await watched.stage.saw(watched.cluster_id, cluster.NodeWentOffline)
    await watched.nothing_happened(cluster.NodeWentOffline)
    watched.simulator.clear_faults()
    await watched.stage.saw(watched.cluster_id, cluster.NodeCameOnline)
    await watched.nothing_happened(cluster.NodeWentOffline, cluster.NodeCameOnline)


async def test_without_quorum_nothing_is_gone(watched: Watched) -> None:
    """Here the guests are really removed: on a Proxmox without quorum that cannot even be."""
    stranger = Outsider.stranger(watched.simulator)
    await stranger.power(VMID, "stop")
    await watched.stage.finding(watched.application_id, "stopped_outside")
    watched.head = await watched.stage.store.head()
    destroying = asyncio.create_task(stranger.destroy(VMID))
    await destroying
    watched.simulator.fault("quorum_lost")
    await watched.nothing_happened()
    watched.simulator.clear_faults()
    await watched.stage.finding(watched.application_id, "gone")
    stranger.close()


async def test_a_cluster_that_is_away(watched: Watched) -> None:
    watched.simulator.fault("596", times=None)
    await watched.stage.saw(watched.cluster_id, cluster.ClusterUnreachable)
    await watched.nothing_happened(cluster.ClusterUnreachable)
    watched.simulator.clear_faults()
    await watched.stage.saw(watched.cluster_id, cluster.ClusterReachable)
    await watched.nothing_happened(cluster.ClusterUnreachable, cluster.ClusterReachable)


async def test_a_token_that_is_revoked(watched: Watched) -> None:
    watched.simulator.fault("token_revoked", token=TOKEN)
    [event] = await watched.stage.saw(watched.cluster_id, cluster.ClusterUnreachable)
    assert event.cause.code == "credentials_refused"
    watched.simulator.clear_faults()
    await watched.stage.saw(watched.cluster_id, cluster.ClusterReachable)
    await watched.nothing_happened(cluster.ClusterUnreachable, cluster.ClusterReachable)


async def test_a_token_that_may_see_nothing_any_more(watched: Watched) -> None:
    watched.rights()
    [event] = await watched.stage.saw(watched.cluster_id, cluster.ClusterUnreachable)
    assert event.cause.code == "missing_rights"
    watched.rights(("/", ALL))
    await watched.stage.saw(watched.cluster_id, cluster.ClusterReachable)
    await watched.nothing_happened(cluster.ClusterUnreachable, cluster.ClusterReachable)


async def test_a_token_that_may_see_one_guest_only(watched: Watched) -> None:
    watched.rights(("/nodes", ["Sys.Audit"]), ("/storage", ["Datastore.Audit"]), ("/vms/101", ["VM.Audit"]))
    [event] = await watched.stage.saw(watched.cluster_id, cluster.RightsLost)
    assert "/: VM.Audit" in event.rights
    await watched.stage.finding(watched.application_id, "unseen")
    await listed(watched.simulator, 10)
    assert len(await watched.stage.guests(watched.cluster_id)) == DEMO, "unseen is not gone"
    assert (await watched.stage.cluster(watched.cluster_id)).reachable
    watched.rights(("/", ALL))
    await watched.stage.saw(watched.cluster_id, cluster.RightsSettled)
    await watched.stage.no_finding(watched.application_id)


async def test_who_takes_over_while_no_guest_can_be_seen(watched: Watched) -> None:
    watched.rights(("/nodes", ["Sys.Audit"]), ("/storage", ["Datastore.Audit"]))
    [event] = await watched.stage.saw(watched.cluster_id, cluster.ClusterUnreachable)
    assert event.cause.code == "missing_rights"
    [reconciler] = watched.stage.running
    await watched.stage.stop(reconciler)
    watched.stage.start()
    await watched.nothing_happened(cluster.ClusterUnreachable)


async def test_a_pool_that_was_replaced_by_another_one(watched: Watched) -> None:
    """The usual way to rename it: what is gone can be proven all the same, and that a right was lost is told."""
    watched.rights(("/pool/before", ALL), ("/vms", ALL))
    await watched.stage.saw(watched.cluster_id, cluster.RightsLost)
    await watched.checked()
    await watched.stage.saw(watched.cluster_id, cluster.RightsSettled)
    watched.rights(("/pool/after", ALL), ("/vms", ALL))
    [_, event] = await watched.stage.saw(watched.cluster_id, cluster.RightsLost, times=2)
    assert event.rights == ("/pool/before: Pool.Audit", "/pool/before: VM.Audit")
    stranger = Outsider.stranger(watched.simulator)
    await stranger.power(VMID, "stop")
    await stranger.destroy(VMID)
    await watched.stage.finding(watched.application_id, "gone")
    stranger.close()


async def test_answers_that_come_now_and_then(watched: Watched) -> None:
    for path in ("/cluster/resources$", "/cluster/status$", "/cluster/tasks$", "/access/permissions$", f"/lxc/{VMID}/"):
        watched.simulator.fault("596", path=path)
        watched.simulator.fault("drop_after", path=path)
    await watched.nothing_happened()


async def test_a_guest_of_nobody_that_is_removed_is_gone(watched: Watched) -> None:
    stranger = Outsider.stranger(watched.simulator)
    await stranger.destroy(105)

    async def without() -> bool:
        return 105 not in await watched.stage.guests(watched.cluster_id)

    await eventually(without)
    assert len(await watched.stage.guests(watched.cluster_id)) == DEMO - 1
    stranger.close()


async def test_a_guest_of_nobody_that_changes(watched: Watched) -> None:
    stranger = Outsider.stranger(watched.simulator)
    await stranger.configure(101, hostname="gitea", tags="git")

    async def changed() -> bool:
        facts = (await watched.stage.guests(watched.cluster_id))[101].facts
        return (facts.name, facts.app, facts.port, facts.tags) == ("gitea", "gitea", 3000, ("git",))

    await eventually(changed)
    stranger.close()
