"""Figures over time, from the simulator's records: their shape, gaps, and what happens when nobody answers."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from integration.api.conftest import Api, Log, caught_up
from support.simulator import SimulatorProcess

KEYS = {"at", "cpu", "memory_used", "memory", "disk_used", "disk", "netin", "netout"}


async def running_container(api: Api, log: Log, simulator: SimulatorProcess) -> tuple[str, dict[str, Any]]:
    cluster_id = await log.simulated(api, simulator)
    return cluster_id, next(g for g in simulator.guests() if g["type"] == "lxc" and g["status"] == "running")


async def test_of_an_application_a_guest_and_a_node(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
) -> None:
    cluster_id, there = await running_container(signed_in, log, simulator)
    guest_id = await log.guest(cluster_id, there["vmid"], node=there["node"])
    application_id = await log.adopted(cluster_id, node=there["node"], vmid=there["vmid"])
    await caught_up(signed_in, await signed_in.parts.store.head())
    for path in (f"/guests/{guest_id}", f"/applications/{application_id}", f"/nodes/{cluster_id}/{there['node']}"):
        points = (await signed_in.get(f"{path}/metrics")).json()
        assert len(points) > 50, path
        assert set(points[-1]) == KEYS
        times = [point["at"] for point in points]
        assert times == sorted(times)
        assert times[1] - times[0] == 60
        last = points[-1]
        assert 0 <= last["cpu"] <= 1
        assert 0 < last["memory_used"] <= last["memory"]
        assert 0 < last["disk_used"] <= last["disk"]
    year = (await signed_in.get(f"/nodes/{cluster_id}/{there['node']}/metrics", timeframe="year")).json()
    assert year[1]["at"] - year[0]["at"] == 21600
    assert (await signed_in.get(f"/guests/{guest_id}/metrics", timeframe="decade")).status_code == 422


async def test_of_a_storage(signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    names = ("local-lvm", "odd.name_1")
    for name in names:
        await log.storage(cluster_id, "pve1", name)
    await caught_up(signed_in, await signed_in.parts.store.head())
    path = f"/storages/{cluster_id}/pve1"
    points = (await signed_in.get(f"{path}/local-lvm/metrics", timeframe="day")).json()
    assert len(points) == 1440
    assert set(points[-1]) == {"at", "used", "total"}
    assert 0 < points[-1]["used"] <= points[-1]["total"]
    assert (await signed_in.get(f"{path}/local-lvm/metrics", timeframe="decade")).status_code == 422
    refused = await signed_in.get(f"{path}/odd.name_1/metrics")
    assert (refused.status_code, refused.json()["code"]) == (502, "cluster_unreachable")
    assert refused.json()["detail"] == "storage 'odd.name_1' does not exist", "Proxmox's own words"
    for unknown in ("nothing", "..", "a%2Fb", "-x"):
        assert (await signed_in.get(f"{path}/{unknown}/metrics")).status_code in (404, 422), unknown
    fault = simulator.fault("node_offline", node="pve1")
    assert (await signed_in.get(f"{path}/local-lvm/metrics", timeframe="hour")).status_code == 502
    simulator.remove_fault(fault)


async def test_what_was_not_measured_is_null(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    there = next(g for g in simulator.guests() if g["type"] == "lxc" and g["status"] == "stopped")
    guest_id = await log.guest(cluster_id, there["vmid"], node=there["node"])
    await caught_up(signed_in, await signed_in.parts.store.head())
    last = (await signed_in.get(f"/guests/{guest_id}/metrics")).json()[-1]
    assert (last["cpu"], last["memory_used"], last["disk_used"], last["netin"]) == (None, None, None, None)


async def test_what_is_new_has_no_history_yet(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    guest_id = await log.guest(cluster_id, 998, node="pve1")
    await caught_up(signed_in, await signed_in.parts.store.head())
    assert (await signed_in.get(f"/guests/{guest_id}/metrics")).json() == []


async def test_many_screens_ask_proxmox_once(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
) -> None:
    cluster_id = await log.simulated(signed_in, simulator)

    def asked() -> int:
        return sum(request["path"].endswith("/nodes/pve1/rrddata") for request in simulator.requests())

    before = asked()
    path = f"/nodes/{cluster_id}/pve1/metrics"
    answers = await asyncio.gather(*(signed_in.get(path) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert asked() == before + 1


async def test_a_cluster_that_is_away_says_so_and_is_asked_again(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess
) -> None:
    cluster_id = await log.simulated(signed_in, simulator)
    fault = simulator.fault("node_offline", node="pve1")
    path = f"/nodes/{cluster_id}/pve1/metrics"
    answer = await signed_in.get(path)
    assert (answer.status_code, answer.json()["code"]) == (502, "cluster_unreachable")
    simulator.remove_fault(fault)
    assert (await signed_in.get(path)).status_code == 200


@pytest.mark.parametrize(("rights", "code"), [([], "cluster_refused"), (None, "cluster_unreachable")])
async def test_a_token_that_may_not_see_it(
    signed_in: Api, projector: None, log: Log, simulator: SimulatorProcess, rights: list[str] | None, code: str
) -> None:
    there = simulator.connection()
    token_id = "narrow@pve!test"
    secret = simulator.add_token(token_id, [{"path": "/", "privileges": ["VM.Audit"], "propagate": True}])
    if rights is None:
        simulator.revoke_token(token_id)
    sealed = await signed_in.parts.vault.seal(secret)
    cluster_id = await log.cluster(
        "Narrow", endpoints=(there.url,), token_id=token_id, token_secret=sealed, fingerprint=there.fingerprint
    )
    answer = await signed_in.get(f"/nodes/{cluster_id}/pve1/metrics")
    assert (answer.status_code, answer.json()["code"]) == (502, code)
    assert secret not in answer.text


async def test_of_nothing_there_are_none(signed_in: Api, projector: None, log: Log) -> None:
    application_id, _ = await log.application()
    await caught_up(signed_in, await signed_in.parts.store.head())
    paths = (f"/applications/{application_id}", f"/applications/{uuid4()}", f"/guests/{uuid4()}-105")
    for path in (*paths, f"/nodes/{uuid4()}/pve1", f"/storages/{uuid4()}/pve1/local"):
        answer = await signed_in.get(f"{path}/metrics")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
