"""Who lives and who holds a slot, also when clocks and servers do not play along."""

import asyncio

import pytest

from proximity.messaging.buckets import leases
from proximity.messaging.leases import DEAD_AFTER, Lease, Slots, living
from support.servers import Nats


class Time:
    """A monotonic clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_lease_is_seen_by_all_and_gone_when_given_up(nats: Nats) -> None:
    bucket, other = leases(await nats.connect("provisioner")), leases(await nats.connect("reconciler"))
    lease = Lease(bucket, "r1")
    assert not lease.alive
    await lease.start()
    assert lease.alive
    assert await living(other) == {"r1"}
    await lease.stop()
    assert not lease.alive
    assert await living(other) == set()


async def test_an_incarnation_id_is_used_once(nats: Nats) -> None:
    bucket = leases(await nats.connect("provisioner"))
    lease = Lease(bucket, "r1")
    await lease.start()
    with pytest.raises(RuntimeError, match="in use"):
        await Lease(bucket, "r1").start()
    await lease.stop()


async def test_who_could_not_renew_takes_itself_for_dead(nats: Nats) -> None:
    time = Time()
    lease = Lease(leases(await nats.connect("provisioner")), "r1", time)
    await lease.start()
    time.now = DEAD_AFTER
    assert lease.alive
    time.now = DEAD_AFTER + 0.1
    assert not lease.alive
    assert not lease.lost.is_set()
    await lease.stop()


@pytest.mark.slow
async def test_a_lease_is_renewed_and_one_that_is_not_is_gone_within_its_time(nats: Nats) -> None:
    """`frozen` never renews, as a process that hangs or was killed."""
    bucket = leases(await nats.connect("provisioner"))
    lease = Lease(bucket, "r1")
    await lease.start()
    await bucket.create("runner.frozen", b"frozen")
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(60):
        while "frozen" in (seen := await living(bucket)):
            assert "r1" in seen
            await asyncio.sleep(0.1)
    assert loop.time() - start > 9
    assert lease.alive
    assert "r1" in await living(bucket)
    await lease.stop()


@pytest.mark.slow
async def test_a_lease_that_was_taken_away_is_lost_for_good(nats: Nats) -> None:
    bucket = leases(await nats.connect("provisioner"))
    lease = Lease(bucket, "r1")
    await lease.start()
    await bucket.delete("runner.r1")
    await asyncio.wait_for(lease.lost.wait(), 60)
    assert not lease.alive
    assert await living(bucket) == set()
    await lease.stop()


async def test_a_renewal_whose_answer_was_lost_is_no_loss(nats: Nats) -> None:
    """The key then has a newer revision than the holder knows, with the holder's own word in it."""
    bucket, slots = leases(bus := await nats.connect("provisioner")), Slots(leases(bus))
    assert await slots.acquire("node.c1.pve1", "r1", 1)
    await bucket.put("slot.node.c1.pve1.0", b"r1")
    await slots.renew()
    assert slots.holds("node.c1.pve1", "r1")


async def test_slots_are_limited_across_replicas(nats: Nats) -> None:
    replicas = [Slots(leases(await nats.connect("provisioner"))) for _ in range(3)]
    results = await asyncio.gather(
        *(replicas[n % 3].acquire("node.c1.pve1", f"holder{n}", 2) for n in range(9)),
    )
    assert sum(results) == 2
    assert await replicas[0].acquire("node.c1.pve2", "holder0", 2)
    winner = results.index(True)
    assert await replicas[winner % 3].acquire("node.c1.pve1", f"holder{winner}", 2)
    await replicas[winner % 3].release("node.c1.pve1", f"holder{winner}")
    assert await replicas[0].acquire("node.c1.pve1", "late", 2)
    assert not await replicas[1].acquire("node.c1.pve1", "later", 2)


async def test_a_slot_that_another_took_over_is_not_held_any_more(nats: Nats) -> None:
    time, bucket = Time(), leases(await nats.connect("reconciler"))
    slots = Slots(bucket, time)
    assert await slots.acquire("cluster.c1", "r1", 1)
    # it hung for so long that its slot vanished and went to another
    await bucket.delete("slot.cluster.c1.0")
    await bucket.create("slot.cluster.c1.0", b"r2")
    time.now = DEAD_AFTER + 1
    assert not slots.holds("cluster.c1", "r1")
    await slots.release("cluster.c1", "r1")
    assert await bucket.value("slot.cluster.c1.0") == b"r2"


async def test_stopping_gives_up_all_slots(nats: Nats) -> None:
    bucket = leases(await nats.connect("reconciler"))
    slots = Slots(bucket)
    await slots.start()
    assert await slots.acquire("cluster.c1", "r1", 1)
    await slots.stop()
    assert await bucket.entries("slot.cluster.c1") == {}
