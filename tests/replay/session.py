"""A place of its own for a recording, and the whole of it sent there in order."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proximity_simulator import certificate, places
from proximity_simulator.simulator import Simulator
from proximity_simulator.sweeping import sweeping

from .compare import differences
from .recording import Recording
from .sender import Sender

TIME_SCALE = 0.1
SLOW_SCALE = 0.6
"""While requests look at a task that runs: a busy machine must not miss it."""


@dataclass(frozen=True)
class Result:
    id: str
    area: str
    status_differs: bool
    differences: list[str]


@asynccontextmanager
async def _served(recording: Recording) -> AsyncIterator[tuple[Simulator, Sender]]:
    simulator = Simulator(time_scale=TIME_SCALE)
    places.furnish(simulator, recording.place)
    password = secrets.token_urlsafe(12)
    places.populate(simulator, recording.place, password)
    with tempfile.TemporaryDirectory() as folder:
        authority, pem, key = certificate.make(Path(folder), "replay", [recording.place["node"]])
        simulator.fingerprint = certificate.fingerprint(pem)
        simulator.certificates = (authority.read_bytes(), pem.read_bytes())
        await simulator.start(str(pem), str(key))
    async with sweeping(simulator):
        passwords = dict.fromkeys(recording.place.get("users", {}), password)
        node = recording.place["node"]
        tokens = dict(simulator.apitokens)
        yield simulator, Sender(simulator.url, node, recording.tokens, tokens, passwords, TIME_SCALE)
        await simulator.finish()
        await simulator.close_addresses()
        await simulator.stop()


async def replay(recording: Recording, areas: Collection[str] = ()) -> list[Result]:
    """Everything is sent, whatever areas are asked for: later entries depend on earlier ones."""
    results = []
    async with _served(recording) as (simulator, sender):
        for entry in recording.entries:
            if entry.get("nowait"):
                simulator.time_scale = SLOW_SCALE
            elif not simulator.jobs:
                simulator.time_scale = TIME_SCALE
            outcome = await sender.send(entry)
            found = differences(entry, outcome, TIME_SCALE)
            if not areas or entry["area"] in areas:
                results.append(Result(entry["id"], entry["area"], bool(found) and _status(found), found))
    return results


def _status(found: list[Any]) -> bool:
    return str(found[0]).startswith("status ")
