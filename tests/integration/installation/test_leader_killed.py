"""The NATS server that leads the log dies in the middle of many deployments: nobody has to do anything about it."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from chaos.readmodel import differences
from proximity.messaging import subjects
from proximity.vault.key import create_key
from support.installation import Installation
from support.nats_cluster import NODES, NatsCluster, kept_on
from support.projecting import eventually
from support.servers import Database
from support.simulator import SimulatorProcess

DEPLOYMENTS = 20
STARTED = 5
"""So many containers have been begun when the leader dies."""


@pytest.mark.slow
async def test_all_deployments_end_and_none_is_made_twice(
    cluster: NatsCluster, database: Database, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    create_key(tmp_path / "vault.key")
    whole = Installation(cluster, database, tmp_path, tmp_path / "vault.key")
    try:
        whole.start()
        await whole.set_up()
        await whole.connect(simulator)
        admin = await cluster.admin()
        before = await cluster.info(admin, subjects.EVENTS, kept_on(NODES))
        assert before.cluster is not None
        leader = cluster.node(before.cluster.leader or "")

        names = [f"app-{number}" for number in range(DEPLOYMENTS)]
        bodies = [{"recipe": "debian", "name": name} for name in names]
        asked = asyncio.gather(*(whole.client.order("POST", "/applications", body) for body in bodies))
        await eventually(lambda: _created(simulator, STARTED))
        await leader.kill()
        answers = await asked

        assert [answer.status for answer in answers] == [202] * DEPLOYMENTS
        for answer in answers:
            await whole.succeeded(answer.body["operation_id"])
        creates = Counter(entry["hostname"] for entry in simulator.journal() if entry["action"] == "create")
        assert creates == Counter(names)
        during = await cluster.info(admin, subjects.EVENTS, lambda info: info.state.messages > before.state.messages)
        assert during.cluster is not None
        assert during.cluster.leader not in (None, before.cluster.leader)

        await leader.start()
        for stream in (subjects.EVENTS, subjects.bucket_stream(subjects.VAULT)):
            await cluster.info(admin, stream, kept_on(NODES))
        assert await differences(whole) == []
    finally:
        whole.end()
        await whole.client.close()


async def _created(simulator: SimulatorProcess, count: int) -> bool:
    journal = await asyncio.to_thread(simulator.journal)
    return len([entry for entry in journal if entry["action"] == "create"]) >= count
