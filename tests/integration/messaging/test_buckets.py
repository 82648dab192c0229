"""Reading a whole bucket."""

import asyncio

from proximity.messaging import subjects
from proximity.messaging.buckets import Bucket
from support.servers import Nats

# more than NATS tells the last messages of with one request
MANY = 1100


async def test_a_bucket_is_read_whole_however_many_keys_it_has(nats: Nats) -> None:
    bucket = Bucket(await nats.connect("api"), subjects.SESSIONS)
    keys = [f"{number:04}" for number in range(MANY)]
    await asyncio.gather(*(bucket.put(key, b"first") for key in keys))
    await bucket.delete(keys[0])
    await bucket.put(keys[1], b"second")
    found = await bucket.entries()
    assert sorted(found) == keys[1:]
    assert found[keys[1]].value == b"second"
