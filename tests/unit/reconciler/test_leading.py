"""Who may ask: only the replica that leads, and it looks at that before each turn."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from proximity.vault.hashes import ConfigurationHash
from proximity_reconciler import watch as module
from proximity_reconciler.settings import Settings
from proximity_reconciler.watch import Watch


class Counting(Watch):
    turns = 0

    async def turn(self) -> float:
        self.turns += 1
        return 0.0


async def test_a_deposed_watch_asks_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.0)
    bus = SimpleNamespace(clock=SimpleNamespace(now=None))
    follower = SimpleNamespace(knowledge=SimpleNamespace(wrote=None))
    settings = Settings.model_construct(requests_a_minute=45)
    parts = (bus, None, follower, None, ConfigurationHash(b"k" * 32), settings)
    watch = Counting("c1", *cast(Any, parts))
    answers = iter([True, True, False, False, True])
    asked = asyncio.Event()

    def leads() -> bool:
        answer = next(answers, None)
        if answer is None:
            asked.set()
        return bool(answer)

    running = asyncio.create_task(watch.run(leads))
    await asked.wait()
    running.cancel()
    assert watch.turns == 3
