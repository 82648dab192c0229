"""The log in memory keeps the contract of the real one: the very tests of that run against it here."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from nats.js import JetStreamContext

from integration.messaging import test_claims, test_event_store, test_leases
from proximity.domain.settings.settings import InstallationFounded
from proximity.messaging.aggregates import INSTALLATION, SETTINGS
from proximity.messaging.client import Client
from proximity.messaging.clock import ServerClock
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import EventStore
from sweep.line import Line
from sweep.log import Log
from sweep.loop import run
from sweep.points import Gate, Points

# these need the server itself: its settings are changed, or it is asked beside the client
_OF_A_SERVER = {"test_a_retry_is_recognised_after_the_duplicate_window"}
Story = Callable[..., Any]


@dataclass
class MemoryNats:
    """In the place of support.servers.Nats."""

    log: Log
    installation_id: str = "installation-1"

    async def connect(self, service: str) -> Bus:
        nc = cast(Client, Line(self.log, Gate(Points(), service)))
        clock = ServerClock(nc, asyncio.get_running_loop().time)
        await clock.refresh()
        return Bus(nc, cast(JetStreamContext, None), service, clock, self.installation_id)


async def prepared() -> MemoryNats:
    """As the bootstrap leaves it."""
    nats = MemoryNats(Log.prepared(datetime.now(UTC), asyncio.get_running_loop().time))
    store = EventStore(await nats.connect("admin"))
    founded = InstallationFounded(installation_id=nats.installation_id)
    loaded = await store.load(SETTINGS, INSTALLATION)
    await store.append(SETTINGS, INSTALLATION, loaded, [founded], Origin("founding", "founding", Actor("system", "t")))
    return nats


def stories() -> list[Any]:
    found: list[Any] = []
    for module in (test_event_store, test_claims, test_leases):
        for name, story in inspect.getmembers(module, inspect.iscoroutinefunction):
            wanted = inspect.signature(story).parameters
            if not name.startswith("test_") or name in _OF_A_SERVER or not wanted.keys() <= _GIVEN:
                continue
            found += [
                pytest.param(story, given, id=" ".join([name, *given_id])) for given, given_id in _parameters(story)
            ]
    return found


_GIVEN = {"nats", "store", "count", "attempt"}


def _parameters(story: Story) -> list[tuple[dict[str, Any], list[str]]]:
    """What the story's own marks give it, and how it is called."""
    marks = [mark for mark in getattr(story, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        return [({}, [])]
    (mark,) = marks
    return [({mark.args[0]: value}, [str(value)]) for value in mark.args[1]]


@pytest.mark.parametrize(("story", "given"), stories())
def test_as_the_real_one(story: Story, given: dict[str, Any]) -> None:
    async def told() -> None:
        nats = await prepared()
        wanted = inspect.signature(story).parameters
        if "nats" in wanted:
            given["nats"] = nats
        if "store" in wanted:
            given["store"] = EventStore(await nats.connect("provisioner"))
        await story(**given)

    run(told())


def test_there_are_stories() -> None:
    assert len(stories()) > 25
