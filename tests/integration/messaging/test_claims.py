"""What must be unique is, whoever is faster; what is shared is not fought over in vain."""

import asyncio
from typing import Any

import pytest

from proximity.domain.application import events as ev
from proximity.domain.claim.claim import ClaimRefusedError, Wish
from proximity.domain.cluster import events as cluster_events
from proximity.messaging.aggregates import APPLICATION, CLAIM, CLUSTER
from proximity.messaging.event_store import EventStore
from support.messages import deploy_requested, deploy_wishes, new_id, origin
from support.servers import Nats


async def _deploy(store: EventStore, application_id: str, slug: str, cluster_id: str = "c1") -> str:
    event = deploy_requested(slug, cluster_id, operation_id=new_id())
    fresh: Any = await store.load(APPLICATION, application_id)
    try:
        await store.append(APPLICATION, application_id, fresh, [event], origin(), deploy_wishes(application_id, event))
    except ClaimRefusedError as refused:
        return f"refused {refused.wish.kind}"
    return "stored"


async def test_a_name_goes_to_one(nats: Nats) -> None:
    stores = [EventStore(await nats.connect("provisioner")) for _ in range(3)]
    results = await asyncio.gather(*(_deploy(stores[n % 3], f"a{n}", "wiki") for n in range(9)))
    assert sorted(results) == ["refused name"] * 8 + ["stored"]
    winner = f"a{results.index('stored')}"
    assert (await stores[0].load(CLAIM, "name.wiki")).state.holders == {winner}
    assert await stores[0].aggregate_ids("application") == [winner]


async def test_a_vmid_goes_to_one_and_the_loser_learns_who_has_it(nats: Nats) -> None:
    store = EventStore(await nats.connect("provisioner"))
    await _deploy(store, "a1", "one")
    await _deploy(store, "a2", "two")

    async def claim(application_id: str) -> frozenset[str]:
        loaded = await store.load(APPLICATION, application_id)
        event = ev.VmidClaimed(operation_id="op1", cluster_id="c1", node="pve1", vmid=20000)
        wish = Wish("vmid", "c1-20000", "take", application_id, "op1")
        try:
            await store.append(APPLICATION, application_id, loaded, [event], origin(), [wish])
        except ClaimRefusedError as refused:
            return refused.holders
        return frozenset()

    first, second = await asyncio.gather(claim("a1"), claim("a2"))
    assert {first, second} in ({frozenset(), frozenset({"a1"})}, {frozenset(), frozenset({"a2"})})


async def test_many_on_one_cluster_all_get_in(nats: Nats) -> None:
    """They share the cluster's tenancy, a subject all of them append to: who loses the race tries again by itself."""
    stores = [EventStore(await nats.connect("provisioner")) for _ in range(3)]
    results = await asyncio.gather(*(_deploy(stores[n % 3], f"a{n}", f"app{n}") for n in range(24)))
    assert set(results) == {"stored"}
    assert len((await stores[0].load(CLAIM, "tenancy.c1")).state.holders) == 24


@pytest.mark.parametrize("attempt", range(5))
async def test_a_cluster_is_closed_or_lived_in_but_never_both(nats: Nats, attempt: int) -> None:
    store = EventStore(await nats.connect("provisioner"))
    other = EventStore(await nats.connect("provisioner"))

    async def close() -> str:
        loaded = await other.load(CLUSTER, "c1")
        wish = Wish("tenancy", "c1", "close", "c1", "op2", shared=True)
        try:
            await other.append(
                CLUSTER, "c1", loaded, [cluster_events.ClusterRemoved(operation_id="op2")], origin(), [wish]
            )
        except ClaimRefusedError:
            return "lived in"
        return "closed"

    closed, deployed = await asyncio.gather(close(), _deploy(store, "a1", "wiki"))
    assert (closed, deployed) in {("closed", "refused tenancy"), ("lived in", "stored")}
    tenancy = (await store.load(CLAIM, "tenancy.c1")).state
    assert tenancy.closed != bool(tenancy.holders)


async def test_a_released_name_can_be_taken_again(nats: Nats) -> None:
    store = EventStore(await nats.connect("provisioner"))
    assert await _deploy(store, "a1", "wiki") == "stored"
    assert await _deploy(store, "a2", "wiki") == "refused name"
    loaded = await store.load(APPLICATION, "a1")
    # both ends of a superseded deployment release the name: once is enough
    release = Wish("name", "wiki", "release", "a1", "op1")
    await store.append(
        APPLICATION, "a1", loaded, [ev.ContainerConfigured(operation_id="op1")], origin(), [release, release]
    )
    assert (await store.load(CLAIM, "name.wiki")).version == 2
    assert await _deploy(store, "a2", "wiki") == "stored"


async def test_a_retry_is_recognised_though_its_claim_belongs_to_another_by_now(nats: Nats) -> None:
    store = EventStore(await nats.connect("provisioner"))
    cause, event = origin(), deploy_requested("wiki")
    fresh = await store.load(APPLICATION, "a1")
    stored = await store.append(APPLICATION, "a1", fresh, [event], cause, deploy_wishes("a1", event))
    release = Wish("name", "wiki", "release", "a1", "op1")
    later = await store.append(
        APPLICATION, "a1", stored, [ev.ContainerConfigured(operation_id="op1")], origin(), [release]
    )
    assert await _deploy(store, "a2", "wiki") == "stored"
    assert await store.append(APPLICATION, "a1", fresh, [event], cause, deploy_wishes("a1", event)) == later
