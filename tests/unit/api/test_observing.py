"""How much Proxmox is asked for persons, however many there are."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proximity.domain.cluster.state import Cluster
from proximity.messaging.event_store import EventStore
from proximity.proxmox.client import ProxmoxClient
from proximity.proxmox.observe import Version
from proximity.vault.vault import Vault
from proximity_api import observing as module
from proximity_api.observing import Observing
from proximity_api.problems import Problem

CLUSTER = Cluster("Home", "home", ("https://127.0.0.1:1",), "a@pve!t", "sealed", "AA" * 32, None, 1, 2, False, True)


class Store:
    async def load(self, aggregate: Any, aggregate_id: str) -> SimpleNamespace:
        return SimpleNamespace(state=CLUSTER)


class Sealed:
    async def open(self, name: str) -> str:
        return "secret"


@pytest.fixture
def observing() -> Observing:
    return Observing(cast(EventStore, Store()), cast(Vault, Sealed()))


async def refused(observing: Observing, cluster_id: str, question: str) -> str:
    with pytest.raises(Problem) as problem:
        await observing.ask(cluster_id, (question,), ProxmoxClient.version, 5.0)
    return problem.value.code


async def test_a_cluster_gets_so_many_requests_and_another_one_its_own(
    observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PER_MINUTE", 3)
    asked = [await refused(observing, "c1", f"question {number}") for number in range(5)]
    assert asked == ["cluster_unreachable"] * 3 + ["cluster_busy"] * 2
    assert await refused(observing, "c2", "question") == "cluster_unreachable"


async def test_many_who_ask_the_same_ask_once(observing: Observing) -> None:
    asked = 0

    async def ask(proxmox: ProxmoxClient) -> Version:
        nonlocal asked
        asked += 1
        return Version("9.2.11", "9.2")

    answers = await asyncio.gather(*(observing.ask("c1", ("look", "105"), ask, 5.0) for _ in range(20)))
    assert (len(set(answers)), asked) == (1, 1)
