"""What is seen of a cluster reaches the log, once, and nothing else does."""

import asyncio
from collections import Counter

from proximity.domain.cluster import events as cluster
from proximity.messaging import addresses
from proximity.messaging.aggregates import CLUSTER
from proximity.messaging.observations import Observations
from support.reconciling import LOOK, Stage, eventually, listed
from support.simulator import SimulatorProcess

# guests of the simulator's first start
DEMO = 12


async def settled(stage: Stage, cluster_id: str) -> None:
    """The storages of every node and the guests have been seen."""

    async def all_seen() -> bool:
        state = await stage.cluster(cluster_id)
        online = {name for name, is_online in state.nodes.items() if is_online}
        seen = bool(online) and online == {node for node, _ in state.storages}
        return seen and len(await stage.guests(cluster_id)) == DEMO

    await eventually(all_seen)


async def test_nodes_and_storages_appear_once(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    stage.start()
    await settled(stage, cluster_id)
    state = await stage.cluster(cluster_id)
    assert set(state.nodes) == set(simulator.state()["nodes"])
    assert all(state.nodes.values())
    head = await stage.store.head()
    looks = len(simulator.requests())
    await eventually(lambda: _more_requests(simulator, looks + 6))
    assert await stage.store.head() == head, "an unchanged cluster writes nothing"


async def _more_requests(simulator: SimulatorProcess, count: int) -> bool:
    return len(await asyncio.to_thread(simulator.requests)) >= count


async def test_a_node_that_goes_and_comes_and_goes_is_told_each_time(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    stage.start()
    await settled(stage, cluster_id)
    for times in (1, 2):
        fault = simulator.fault("node_offline", node="pve2")
        gone = await stage.saw(cluster_id, cluster.NodeWentOffline, times)
        simulator.remove_fault(fault)
        back = await stage.saw(cluster_id, cluster.NodeCameOnline, times)
        assert [e.node for e in gone] == [e.node for e in back] == ["pve2"] * times
    recorded = await stage.corrections(cluster_id)
    assert max(Counter(r.metadata.id for r in recorded).values()) == 1


async def test_a_cluster_that_does_not_answer_is_unreachable_until_it_does(
    stage: Stage, own_simulator: SimulatorProcess
) -> None:
    cluster_id = await stage.connect_cluster(own_simulator)
    stage.start()
    await settled(stage, cluster_id)
    before = await stage.cluster(cluster_id)
    await asyncio.to_thread(own_simulator.kill)
    [unreachable] = await stage.saw(cluster_id, cluster.ClusterUnreachable)
    assert unreachable.cause.code == "node_unreachable"
    assert unreachable.cause.proxmox
    after = await stage.cluster(cluster_id)
    assert (after.nodes, after.storages) == (before.nodes, before.storages), "what is not seen is not gone"
    await asyncio.to_thread(own_simulator.start)
    await stage.saw(cluster_id, cluster.ClusterReachable)
    assert len(await stage.saw(cluster_id, cluster.ClusterUnreachable)) == 1


async def test_one_failed_look_is_not_the_end_of_the_world(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    stage.start()
    await settled(stage, cluster_id)
    simulator.fault("596", path="/cluster/resources$", times=2)
    looks = len(simulator.requests())
    await eventually(lambda: _more_requests(simulator, looks + 10))
    assert simulator.faults() == []
    state = await stage.cluster(cluster_id)
    assert state.reachable
    assert not [r for r in await stage.corrections(cluster_id) if isinstance(r.event, cluster.ClusterUnreachable)]


async def test_a_wrong_token_is_said(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator, secret="canary-not-the-secret")
    stage.start()
    [unreachable] = await stage.saw(cluster_id, cluster.ClusterUnreachable)
    assert unreachable.cause.code == "credentials_refused"
    assert "canary" not in unreachable.model_dump_json()


async def test_nothing_is_corrected_while_the_cluster_is_being_checked(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    await stage.append(CLUSTER, cluster_id, cluster.CheckRequested(operation_id="check"))
    stage.start()
    await eventually(lambda: _more_requests(simulator, 6))
    assert await stage.corrections(cluster_id) == []
    await stage.append(CLUSTER, cluster_id, cluster.OperationSucceeded(operation_id="check", kind="check"))
    await settled(stage, cluster_id)


async def test_a_removed_cluster_is_no_longer_looked_at(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    stage.start()
    await settled(stage, cluster_id)
    await stage.append(CLUSTER, cluster_id, cluster.ClusterRemoved(operation_id="remove"))

    async def quiet() -> bool:
        before = len(await asyncio.to_thread(simulator.requests))
        await asyncio.sleep(5 * LOOK)
        return len(await asyncio.to_thread(simulator.requests)) == before

    await eventually(quiet)


async def test_figures_are_passed_on(stage: Stage, simulator: SimulatorProcess) -> None:
    watching = ["VM.Audit", "Datastore.Audit"]
    auditing = [{"path": "/", "privileges": [*watching, "Sys.Audit"], "propagate": 1}]
    secret = simulator.add_token("figures@pve!watch", auditing)
    cluster_id = await stage.connect_cluster(simulator, secret, "figures@pve!watch")
    figures = await Observations.bind(await stage.nats.connect("projector"))
    stage.start()
    seen: dict[str, dict[str, object]] = {}

    async def both_kinds() -> bool:
        seen.update({f"{o.kind} {o.key}": o.body for o in await figures.fetch(100, 1.0)})
        known = seen.get(f"node {cluster_id}/pve1", {}).get("netin")
        return bool(known) and any(key.startswith(f"storage {cluster_id}/pve1/") for key in seen)

    await eventually(both_kinds)
    node = seen[f"node {cluster_id}/pve1"]
    assert node.keys() == {"cpu", "memory_used", "disk", "disk_used", "netin", "netout", "uptime"}
    assert None not in node.values()
    storage = next(body for key, body in seen.items() if key.startswith("storage"))
    assert storage.keys() == {"used", "available"}

    # what was seen with a right that is lost is not how it is now
    simulator.add_token("figures@pve!watch", [{"path": "/", "privileges": watching, "propagate": 1}], secret)

    async def none_of_nodes() -> bool:
        seen.update({f"{o.kind} {o.key}": o.body for o in await figures.fetch(100, 1.0)})
        return set(seen[f"node {cluster_id}/pve1"].values()) == {None}

    await eventually(none_of_nodes)


async def test_guests_are_asked_for_nothing_but_their_addresses_and_for_these_once(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    """Whoever takes over knows them."""
    cluster_id = await stage.connect_cluster(simulator)
    first = stage.start()
    await settled(stage, cluster_id)
    containers = {g["vmid"] for g in simulator.guests() if g["type"] == "lxc" and g["status"] == "running"}
    reader = await stage.nats.connect("reconciler")

    async def all_told() -> bool:
        return (await addresses.told(reader, cluster_id)).keys() >= containers

    await eventually(all_told)
    await stage.stop(first)
    stage.start()
    await listed(simulator, 10)
    requests = simulator.requests()
    asked = [request["path"].split("/") for request in requests if "/lxc/" in request["path"]]
    assert {path[-1] for path in asked} == {"interfaces"}
    assert sorted(int(path[-2]) for path in asked) == sorted(containers)
    assert not [request["path"] for request in requests if "/qemu" in request["path"]]
    assert {request["method"] for request in requests} == {"GET"}


async def test_two_replicas_share_the_clusters(stage: Stage, simulator: SimulatorProcess) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    first = stage.start()
    await settled(stage, cluster_id)
    stage.start()
    head = await stage.store.head()
    await stage.stop(first)
    before = len(simulator.requests())
    await eventually(lambda: _more_requests(simulator, before + 4))
    assert await stage.store.head() == head, "the successor finds nothing new"


async def test_a_cluster_gets_few_requests_however_often_it_is_looked_at(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    """In a minute: here it is the first few seconds that would like to have more."""
    cluster_id = await stage.connect_cluster(simulator)
    before = len(simulator.requests())
    stage.start(look_every=0.02, tasks_every=0.02, members_every=0.02, rights_every=0.02, requests_a_minute=45)
    await eventually(lambda: _more_requests(simulator, before + 45))
    await asyncio.sleep(3)
    assert len(simulator.requests()) - before == 45
    assert (await stage.cluster(cluster_id)).nodes


async def test_storages_that_the_token_may_only_use_are_asked_of_the_nodes(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    rights = ["VM.Audit", "Sys.Audit", "Datastore.AllocateSpace"]
    secret = simulator.add_token("few@pve!rights", [{"path": "/", "privileges": rights, "propagate": 1}])
    cluster_id = await stage.connect_cluster(simulator, secret, "few@pve!rights")
    stage.start()
    await settled(stage, cluster_id)
    paths = [request["path"] for request in simulator.requests()]
    assert any(path.endswith("/nodes/pve2/storage") for path in paths)
