"""More are adopted at once than can be looked at soon, and some are changed before it is their turn."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import cast

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as app
from proximity.domain.application.decider import decide, record
from proximity.domain.application.marker import Marker
from proximity.domain.application.spec import Resources, Spec
from proximity.domain.application.state import INITIAL
from proximity.domain.model import Event
from proximity.messaging.aggregates import APPLICATION
from proximity.proxmox.connection import Connection
from proximity.vault.hashes import ConfigurationHash
from proximity_provisioner.job import Happened, Job
from proximity_provisioner.steps.adoption import inspect
from reality.oracle import disagreements
from reality.stage import CLUSTER_ID, INSTALLATION, KEY, Stage, surprises
from reality.truth import NODES, OURS
from reality.wire import Window, WireClient
from sweep.loop import run

MANY = 200
FOUND = Spec(
    recipe="adopted",
    recipe_version="1",
    runtime="adopted",
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
)
# Those that are changed: looks are made in the order of the numbers, and four a minute.
EARLY, MIDDLE, LATE = 100, 115, 130
# Until all are listed; and until those were looked at. For all of them it would be an hour.
LISTED, LOOKED = 60.0, 600.0


def _nothing() -> None:
    """Nobody changes it."""


async def _nobody(cluster_id: str, vmid: int, *, but: str) -> None:
    return None


async def _adopt(stage: Stage, client: WireClient, vmid: int, meanwhile: Callable[[], None]) -> None:
    """With the provisioner's own look at it. `meanwhile`: between that and the mark."""
    key, op, guest = f"a{vmid}", f"a{vmid}-adopt", stage.truth.guests[vmid]
    command = cmd.AdoptGuest(
        operation_id=op, application_id=key, name=guest.name, cluster_id=CLUSTER_ID, node=guest.node, vmid=vmid,
        spec=FOUND,
    )  # fmt: skip
    await stage._append(APPLICATION, key, *decide(command, INITIAL))
    marker = Marker(INSTALLATION, key, op, vmid).line()
    stage.made[key], stage.wanted[key] = replace(guest, of=key, marker=marker, tags="proximity"), guest.running
    state = await stage.application(key)
    job = SimpleNamespace(
        application_id=key, container=state.container, op=state.operation, proxmox=client,
        tools=SimpleNamespace(
            installation_id=INSTALLATION, journal=SimpleNamespace(keeper=_nobody), hashes=ConfigurationHash(KEY)
        ),
    )  # fmt: skip
    answer = await inspect(cast(Job, job))
    assert isinstance(answer, Happened)
    await _happen(stage, key, answer.event)
    meanwhile()
    now = stage.truth.guests[vmid]
    stage.truth.set(vmid, replace(now, of=key, marker=marker, tags="proximity"))
    for event in (
        app.StepIntended(
            operation_id=op, step="mark", runner="r", attempt=1, node=guest.node, vmid=vmid, node_time=0
        ),
        app.ContainerMarked(operation_id=op, tagged=True),
        app.AddressFound(operation_id=op, address="10.0.0.9"),
    ):  # fmt: skip
        await _happen(stage, key, event)


async def _happen(stage: Stage, key: str, event: app.ApplicationEvent) -> None:
    events: list[Event] = list(record(await stage.application(key), event))
    assert events
    await stage._append(APPLICATION, key, *events)


def _told(stage: Stage) -> set[tuple[str, str]]:
    return {(e.aggregate_id, e.event.finding.key) for e in stage.said() if isinstance(e.event, app.FindingOpened)}


async def _adopted_and_changed() -> list[str]:
    stage = Stage(Random(1))
    await stage.begin(applications=0, strangers=MANY)
    await asyncio.sleep(LISTED)

    def change(vmid: int, **values: object) -> None:
        stage.truth.set(vmid, replace(stage.truth.guests[vmid], **values))  # type: ignore[arg-type]

    client = WireClient(Window(stage.truth), Connection((f"https://{NODES[0]}:8006",), OURS, "secret", None))
    meanwhile = {EARLY: lambda: change(EARLY, memory=2048)}
    found = sorted(stage.truth.guests)
    await asyncio.gather(*(_adopt(stage, client, vmid, meanwhile.get(vmid, _nothing)) for vmid in found))
    client.close()
    change(MIDDLE, token="another")
    change(LATE, memory=1024)
    await asyncio.sleep(LOOKED)
    assert _told(stage) == {
        (f"a{EARLY}", "configuration_changed:memory"),
        (f"a{MIDDLE}", "configuration_changed:env.TOKEN"),
        (f"a{LATE}", "configuration_changed:memory"),
    }
    assert not [e for e in stage.said() if isinstance(e.event, app.ConfigurationObserved)]
    wrong = await disagreements(stage)
    stage.end()
    return wrong


def test_what_is_changed_after_it_was_inspected_is_told_however_late_its_first_look_is() -> None:
    with surprises() as found:
        assert run(_adopted_and_changed()) == []
    assert found == []
