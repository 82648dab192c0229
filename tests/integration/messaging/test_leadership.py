"""One leads at a time, and another one soon after it stopped writing, by the other's own clock."""

import pytest

from proximity.messaging import buckets
from proximity.messaging.buckets import Bucket
from proximity.messaging.leadership import DEPOSED_AFTER, TAKEN_AFTER, Leadership
from support.servers import Nats

SCOPE = "watch.c1"


class Contender:
    """With a clock of its own."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        self.now = 0.0
        self.leadership = Leadership(bucket, name, lambda: self.now)

    async def tend(self, seconds: float = 0.0) -> bool:
        self.now += seconds
        await self.leadership.tend({SCOPE})
        return self.leadership.leads(SCOPE)


@pytest.fixture
async def contenders(nats: Nats) -> tuple[Contender, Contender]:
    bucket = buckets.leases(await nats.connect("reconciler"))
    return Contender(bucket, "one"), Contender(bucket, "two")


async def test_the_first_one_leads_as_long_as_it_writes(contenders: tuple[Contender, Contender]) -> None:
    one, two = contenders
    assert await one.tend()
    for _ in range(20):
        assert not await two.tend(0.5)
        assert await one.tend(0.5)


async def test_who_stops_writing_is_followed_by_the_other(contenders: tuple[Contender, Contender]) -> None:
    one, two = contenders
    assert await one.tend()
    assert not await two.tend()
    assert not await two.tend(TAKEN_AFTER - 0.1)
    one.now += DEPOSED_AFTER + 0.1
    assert not one.leadership.leads(SCOPE), "it knows before the other acts"
    assert await two.tend(0.2)
    assert not await one.tend(0.1)
    assert await two.tend(0.5)


async def test_who_resigns_is_followed_at_once(contenders: tuple[Contender, Contender]) -> None:
    one, two = contenders
    assert await one.tend()
    await one.leadership.resign(SCOPE)
    assert await two.tend()
    assert not await one.tend()
