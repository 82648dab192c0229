"""What becomes of the other scopes when the write of one is not answered, and who knows of a predecessor."""

import asyncio
from typing import cast

import pytest

from proximity.messaging.buckets import Bucket, Entry
from proximity.messaging.leadership import TAKEN_AFTER, Leadership


class Slow:
    """A bucket in memory. Writes of the key `leader.slow` are answered never, and that is known once `given_up` is."""

    def __init__(self) -> None:
        self.kept: dict[str, Entry] = {}
        self.given_up = asyncio.Event()
        self.others_written = asyncio.Event()

    async def entries(self, prefix: str) -> dict[str, Entry]:
        return dict(self.kept)

    async def create(self, key: str, value: bytes) -> int | None:
        if key == "leader.slow":
            await self.given_up.wait()
            raise TimeoutError
        self.kept[key] = Entry(value, 1)
        if len(self.kept) == 2:
            self.others_written.set()
        return 1

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        if self.kept[key].revision != revision:
            return None
        self.kept[key] = Entry(value, revision + 1)
        return revision + 1


async def test_a_scope_that_is_not_answered_keeps_no_other_waiting() -> None:
    bucket = Slow()
    leadership = Leadership(cast(Bucket, bucket), "me", lambda: 0.0)
    tending = asyncio.create_task(leadership.tend({"slow", "one", "two"}))
    await bucket.others_written.wait()
    assert leadership.leads("one")
    assert leadership.leads("two")
    bucket.given_up.set()
    with pytest.raises(TimeoutError):
        await tending
    assert not leadership.leads("slow")


async def test_who_takes_over_knows_that_somebody_led_before() -> None:
    bucket, now = Slow(), 0.0
    first, second, third, late = (Leadership(cast(Bucket, bucket), name, lambda: now) for name in "abcd")
    await first.tend({"one"})
    assert (first.leads("one"), first.succeeded("one")) == (True, False)
    await second.tend({"one"})
    assert not second.leads("one")
    now += TAKEN_AFTER
    await second.tend({"one"})
    assert (second.leads("one"), second.succeeded("one")) == (True, True)
    await second.resign("one")
    await third.tend({"one"})
    assert (third.leads("one"), third.succeeded("one")) == (True, True), "at once, when it was resigned"
    bucket.kept.clear()
    now += 60
    await late.tend({"one"})
    assert (late.leads("one"), late.succeeded("one")) == (True, False), "nobody led it for long"
