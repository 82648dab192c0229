"""What becomes of the other scopes when the write of one is not answered."""

import asyncio
from typing import cast

import pytest

from proximity.messaging.buckets import Bucket, Entry
from proximity.messaging.leadership import Leadership


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
