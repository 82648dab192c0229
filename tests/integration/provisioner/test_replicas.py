"""Several replicas, restarts of NATS: the log keeps them from doing anything twice."""

import asyncio

from proximity.domain.application import events as ev
from support.provisioning import Stage

LEASE = 10.0


async def test_two_replicas_share_the_work_and_create_each_container_once(stage: Stage) -> None:
    stage.provisioner()
    stage.provisioner()
    await stage.connected()

    rounds, runners = 0, set[str]()
    while len(runners) < 2:
        assert rounds < 10, "one of them never does anything"
        deployments = await asyncio.gather(*(stage.deploy(f"Wiki {rounds} {n}") for n in range(6)))
        for application_id, operation_id in deployments:
            await stage.succeeded(application_id, operation_id)
        rounds += 1
        runners = {r.event.runner for r in await stage.everything() if isinstance(r.event, ev.StepIntended)}

    assert len(stage.creates()) == len(stage.ours()) == 6 * rounds


async def test_same_name_at_the_same_moment_is_given_once(stage: Stage) -> None:
    stage.provisioner()
    stage.provisioner()
    await stage.connected()
    deployments = await asyncio.gather(*(stage.deploy("Wiki") for _ in range(4)))
    decided = [await stage.decided(operation_id) for _, operation_id in deployments]
    assert sorted(decided) == ["application.deploy_requested.v1"] + ["operation.command_rejected.v1"] * 3


async def test_nats_restarts_in_the_middle(stage: Stage) -> None:
    process = stage.provisioner()
    await stage.connected()
    deployments = [await stage.deploy(f"Wiki {n}") for n in range(3)]
    await stage.happened(deployments[0][0], ev.StepIntended, step="create")

    await stage.nats.restart()

    for application_id, operation_id in deployments:
        await stage.succeeded(application_id, operation_id)
    assert process.running
    assert len(stage.creates()) == len(stage.ours()) == 3


async def test_outcome_survives_an_absence_of_nats_longer_than_the_lease(stage: Stage) -> None:
    """The answer of Proxmox arrives while nobody can write it down; the lease is lost meanwhile."""
    process = stage.provisioner()
    await stage.connected()
    called = stage.simulator.fault("slow", method="POST", path=r"/lxc$", seconds=2)
    application_id, operation_id = await stage.deploy()
    await stage.arrived(called)
    await stage.nats.server.kill()
    await asyncio.sleep(LEASE + 1)
    await stage.nats.server.start()

    await stage.succeeded(application_id, operation_id)
    assert process.running
    assert len(stage.creates()) == 1


async def test_sigterm_ends_it_and_a_successor_goes_on(stage: Stage) -> None:
    first = stage.provisioner()
    await stage.connected()
    application_id, operation_id = await stage.deploy()
    await stage.happened(application_id, ev.StepIntended, step="create")
    assert first.stop() == 0
    stage.provisioner()
    await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 1


async def test_idle_replica_keeps_quiet(running_stage: Stage) -> None:
    """FastStream must not take an idle fetch for a crash."""
    stage = running_stage
    await asyncio.sleep(6)
    assert "raised an exception" not in stage.logs()
    assert stage.provisioners[0].running
    await stage.running()


async def test_health(stage: Stage, free_port: int) -> None:
    stage.provisioner(PROXIMITY_HEALTH_PORT=str(free_port))
    await stage.connected()
    assert await stage.get(free_port, "/livez") == (200, "ok")
    assert (await stage.get(free_port, "/readyz"))[0] == 200
    status, metrics = await stage.get(free_port, "/metrics")
    assert status == 200
    assert "proximity_received_messages_total{" in metrics
    assert stage.cluster_id not in metrics
    await stage.nats.server.kill()

    async def ready() -> int:
        return (await stage.get(free_port, "/readyz"))[0]

    await stage.until(ready, lambda status: status == 503)
    assert (await stage.get(free_port, "/livez"))[0] == 200


async def test_one_at_a_time_on_a_storage(stage: Stage) -> None:
    """Soft limits: the others wait their turn, whichever replica they are with, and none waits for ever."""
    stage.settings |= {"PROXIMITY_PER_NODE": "1", "PROXIMITY_PER_STORAGE": "1"}
    stage.provisioner()
    stage.provisioner()
    await stage.connected()
    held = stage.simulator.fault("task_held", type="vzcreate")
    first, deploying = await stage.deploy("First")
    await stage.happened(first, ev.TaskAccepted, step="create")
    others = await asyncio.gather(*(stage.deploy(f"Wiki {n}") for n in range(3)))
    for application_id, _ in others:
        await stage.postponed(application_id, "busy")
    stage.simulator.remove_fault(held)
    for application_id, operation_id in ((first, deploying), *others):
        await stage.succeeded(application_id, operation_id)
    assert len(stage.creates()) == 4
