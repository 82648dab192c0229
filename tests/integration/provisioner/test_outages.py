"""NATS, Proxmox or PostgreSQL away in the middle of many operations: all of them end, and nothing is done twice."""

import asyncio
import os
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from support.gate import gate_to
from support.provisioning import Stage
from support.whole import Whole

AWAY = 5.0
EACH = 5
PATIENCE = 90.0


@pytest.mark.parametrize("what", ["NATS", "Proxmox"])
async def test_away_in_the_middle_of_many_operations(stage: Stage, what: str) -> None:
    """Deployments, restarts and deletes at once, with two replicas."""
    stage.settings["PROXIMITY_REPEAT_AFTER_SECONDS"] = "1"
    async with gate_to(urlsplit(stage.simulator.connection().url).port or 0) as proxmox:
        stage.provisioner()
        stage.provisioner()
        stage.reconciler()
        stage.cluster_id = await stage.connect(endpoints=(f"https://127.0.0.1:{proxmox.port}",))
        await stage.until(lambda: stage.cluster(stage.cluster_id), lambda c: c is not None and c.connected)
        kept = await asyncio.gather(*(stage.running(f"Kept {n}") for n in range(EACH)))
        gone = await asyncio.gather(*(stage.running(f"Gone {n}") for n in range(EACH)))

        asked = [(id_, await stage.ask(cmd.RestartApplication, id_)) for id_ in kept]
        asked += [(id_, await stage.ask(cmd.DeleteApplication, id_)) for id_ in gone]
        asked += [await stage.deploy(f"New {n}") for n in range(EACH)]
        await stage.happened(asked[-1][0], ev.StepIntended, step="create")
        if what == "NATS":
            await stage.nats.server.kill()
            await asyncio.sleep(AWAY)
            await stage.nats.server.start()
        else:
            proxmox.shut()
            await asyncio.sleep(AWAY)
            await proxmox.open()

        for application_id, operation_id in asked:
            await stage.succeeded(application_id, operation_id, PATIENCE)

    vmids = [entry["vmid"] for entry in stage.creates()]
    assert len(set(vmids)) == len(vmids) == 3 * EACH
    assert await stage.statuses() == ["running"] * 2 * EACH
    records = await stage.everything()
    ends = [r.event.operation_id for r in records if isinstance(r.event, ev.OperationSucceeded)]
    assert len(set(ends)) == len(ends)


def test_postgres_away_in_the_middle_of_many_operations(tmp_path: Path) -> None:
    """It is not needed for anything to be done; what is shown afterwards is what has happened meanwhile."""
    whole = Whole(tmp_path / "whole")
    try:
        whole.start()
        whole.set_up()
        whole.connect_simulator()
        names = [f"app-{number}" for number in range(EACH)]
        asked = [whole.order("POST", "/applications", {"recipe": "debian", "name": name}) for name in names]
        server = whole.children()["postgres"]
        frozen = [server.pid, *(child.pid for child in server.children(recursive=True))]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            until = time.monotonic() + AWAY
            while time.monotonic() < until or not all(whole.journal(name) for name in names):
                assert time.monotonic() < until + PATIENCE, "they were to be made without PostgreSQL"
                time.sleep(0.1)
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        ended = [whole.ended_operation(accepted["operation_id"], PATIENCE) for accepted in asked]
        assert {row["status"] for row in ended} == {"succeeded"}
        assert [whole.journal(name) for name in names] == [["create"]] * EACH
        shown = {row["name"]: row["status"] for row in whole.get("/applications")["items"]}
        assert shown == dict.fromkeys(names, "running")
    finally:
        whole.close()
