"""The clock of pvestatd."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .resources import SWEEP_SECONDS
from .simulator import Simulator


@asynccontextmanager
async def sweeping(simulator: Simulator) -> AsyncIterator[None]:
    """Within, the figures of guests are taken anew every ten seconds of the simulator's time."""
    simulator.sweep()
    task = asyncio.create_task(_sweep(simulator))
    try:
        yield
    finally:
        task.cancel()


async def _sweep(simulator: Simulator) -> None:
    while True:
        await asyncio.sleep(simulator.scaled(SWEEP_SECONDS))
        simulator.sweep()
