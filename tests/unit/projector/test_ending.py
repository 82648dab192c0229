"""Told to end while its connection breaks: the error takes the place of the cancellation."""

import asyncio
from typing import Any, cast

import asyncpg
import pytest

from proximity.messaging.connection import Bus
from proximity.messaging.observations import Observations
from proximity_projector import figures


async def test_figures_end_although_the_connection_breaks_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting = asyncio.Event()

    async def bind(bus: Bus) -> Any:
        return None

    async def connect() -> asyncpg.Connection:
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ConnectionResetError from error
        raise AssertionError("nobody sets that")

    monkeypatch.setattr(Observations, "bind", bind)
    monkeypatch.setattr(figures, "_PAUSE", 0.0)
    writing = asyncio.create_task(figures.write_all(cast(Bus, None), connect))
    await connecting.wait()
    writing.cancel()
    await asyncio.wait({writing}, timeout=10)
    assert writing.done()
