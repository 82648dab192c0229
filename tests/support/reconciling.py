"""A reconciler on a real NATS server and a simulated cluster."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from proximity.domain.application import events as app
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Application
from proximity.domain.cluster import events as cluster
from proximity.domain.cluster.events import Findings
from proximity.domain.cluster.state import Cluster
from proximity.domain.finding import Finding
from proximity.domain.guest.state import Guest
from proximity.domain.model import Event
from proximity.messaging import buckets, subjects
from proximity.messaging.aggregates import APPLICATION, CLUSTER, GUEST, Aggregate
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import Actor, Origin, Recorded
from proximity.messaging.event_store import EventStore
from proximity.messaging.wake import WakeUp, due
from proximity.vault.key import read_key
from proximity.vault.vault import Vault
from proximity_reconciler.main import run
from proximity_reconciler.settings import Settings
from support.life import SPEC
from support.outside import Outsider
from support.servers import Nats
from support.simulator import SimulatedCluster

TESTER = Actor("system", "test")
PATIENCE = 60.0
LOOK = 0.2
# Sweeps of the simulator's pvestatd take half a second of ours: everything else is as quick.
QUICK: dict[str, Any] = {
    "sweep_every": 0.1,
    "look_every": LOOK,
    "tasks_every": 0.1,
    "members_every": 1.0,
    "rights_every": 5.0,
    "requests_a_minute": 6000,
}


async def eventually(condition: Callable[[], Awaitable[Any]], within: float = PATIENCE) -> Any:
    """What the condition gives once it gives something."""
    async with asyncio.timeout(within):
        while not (found := await condition()):  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.05)
        return found


@dataclass
class Stage:
    nats: Nats
    folder: Path
    bus: Bus
    store: EventStore
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def settings(self, **changed: Any) -> Settings:
        return Settings(
            nats_url=self.nats.url,
            nats_password_file=self.nats.password_file("reconciler"),
            vault_key_file=self.folder / "vault.key",
            **{**QUICK, **changed},
        )

    def start(self, **changed: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(run(self.settings(**changed)))
        self.running.append(task)
        return task

    async def stop(self, task: asyncio.Task[None]) -> None:
        self.running.remove(task)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def append(self, aggregate: Aggregate[Any], aggregate_id: str, *events: Event) -> None:
        for event in events:
            loaded = await self.store.load(aggregate, aggregate_id)
            origin = Origin(str(uuid4()), str(uuid4()), TESTER)
            await self.store.append(aggregate, aggregate_id, loaded, [event], origin)

    async def connect_cluster(
        self, simulator: SimulatedCluster, secret: str | None = None, token_id: str | None = None
    ) -> str:
        """As the provisioner leaves it."""
        api = await self.nats.connect("api")
        vault = Vault(buckets.vault(api), read_key(self.folder / "vault.key"))
        known = simulator.connection()
        cluster_id, operation = str(uuid4()), str(uuid4())
        await self.append(
            CLUSTER,
            cluster_id,
            cluster.ConnectRequested(
                operation_id=operation,
                name="Home",
                slug="home",
                endpoints=(known.url,),
                token_id=token_id or known.token_id,
                token_secret=await vault.seal(secret or known.token_secret),
                fingerprint=known.fingerprint,
                ca=None,
                first_vmid=20000,
                last_vmid=29999,
                simulator=True,
            ),
            cluster.ClusterConnected(
                operation_id=operation, findings=Findings(version="9.2", proxmox_name=None, nodes=(), missing={})
            ),
            cluster.OperationSucceeded(operation_id=operation, kind="connect"),
        )
        return cluster_id

    async def intended(self, runner: str) -> str:
        """An application whose operation is carried on by that runner. Its operation's id."""
        operation = str(uuid4())
        intended = app.StepIntended(
            operation_id=operation, step="start", runner=runner, attempt=1, node="pve1", node_time=0
        )
        await self.append(APPLICATION, str(uuid4()), app_requested(operation), intended)
        return operation

    async def application(
        self, simulator: SimulatedCluster, cluster_id: str, vmid: int = 20001, name: str = "Wiki", **settings: Any
    ) -> str:
        """One that was deployed and runs, as the provisioner leaves it, container included. Its id."""
        application_id, operation = str(uuid4()), str(uuid4())
        slug = name.lower()
        marker = Marker(self.nats.installation_id, application_id, operation, vmid)
        ourselves = Outsider.ourselves(simulator)
        await self.append(
            APPLICATION,
            application_id,
            app_requested(operation).model_copy(update={"name": name, "slug": slug, "cluster_id": cluster_id}),
            app.VmidClaimed(operation_id=operation, cluster_id=cluster_id, node="pve1", vmid=vmid),
            app.StepIntended(
                operation_id=operation, step="create", runner="r1", attempt=1, node="pve1", vmid=vmid, node_time=0
            ),
        )
        await ourselves.create(vmid, "pve1", slug, marker, tags="proximity", **settings)
        await ourselves.power(vmid, "start")
        ourselves.close()
        await self.append(
            APPLICATION,
            application_id,
            app.ContainerCreated(operation_id=operation, node="pve1", vmid=vmid),
            app.ContainerStarted(operation_id=operation),
            app.OperationSucceeded(operation_id=operation, kind="deploy"),
        )
        return application_id

    async def said_of(self, application_id: str) -> list[Any]:
        """The corrections of an application."""
        recorded = await self.store.read(0, categories=["application"])
        mine = [r for r in recorded if r.aggregate_id == application_id]
        return [r.event for r in mine if r.metadata.actor.id == "reconciler"]

    async def findings(self, application_id: str) -> dict[str, Finding]:
        """Those that are open, by key."""
        state = (await self.store.load(APPLICATION, application_id)).state
        assert isinstance(state, Application)
        return state.findings

    async def observed(self, application_id: str) -> None:
        """It was looked at: its configuration is in the log."""

        async def there() -> bool:
            return any(isinstance(event, app.ConfigurationObserved) for event in await self.said_of(application_id))

        await eventually(there)

    async def finding(self, application_id: str, key: str) -> Finding:
        """Once it is open."""

        async def there() -> Finding | None:
            return (await self.findings(application_id)).get(key)

        found: Finding = await eventually(there)
        return found

    async def no_finding(self, application_id: str) -> None:
        """Once none is open."""

        async def none() -> bool:
            return not await self.findings(application_id)

        await eventually(none)

    async def guests(self, cluster_id: str) -> dict[int, Guest]:
        """Those that are there and nobody's, by VMID."""
        found: dict[int, Guest] = {}
        for recorded in await self.store.read(0, 100_000, categories=["guest"]):
            if recorded.aggregate_id.startswith(cluster_id):
                state = (await self.store.load(GUEST, recorded.aggregate_id)).state
                if isinstance(state, Guest) and state.present:
                    found[state.vmid] = state
                else:
                    found.pop(int(recorded.aggregate_id.rpartition("-")[2]), None)
        return found

    async def quiet(self, simulator: SimulatedCluster, lists: int = 10) -> None:
        """So many lists later nothing was written."""
        head = await self.store.head()
        await listed(simulator, lists)
        new = [r.event for r in await self.store.read(head)]
        assert new == []

    async def cluster(self, cluster_id: str) -> Cluster:
        state = (await self.store.load(CLUSTER, cluster_id)).state
        assert isinstance(state, Cluster)
        return state

    async def corrections(self, cluster_id: str) -> list[Recorded[Any]]:
        recorded = await self.store.read(0, categories=["cluster"])
        return [r for r in recorded if r.aggregate_id == cluster_id and r.metadata.actor.id == "reconciler"]

    async def saw(self, cluster_id: str, kind: type[Event], times: int = 1) -> list[Any]:
        """The corrections of that kind, once there are so many."""

        async def there() -> list[Any]:
            found = [r.event for r in await self.corrections(cluster_id) if isinstance(r.event, kind)]
            return found if len(found) >= times else []

        found: list[Any] = await eventually(there)
        return found


async def listed(simulator: SimulatedCluster, times: int) -> None:
    """So many lists were asked for since."""

    def count() -> int:
        return sum(request["path"].endswith("/cluster/resources") for request in simulator.requests())

    before = await asyncio.to_thread(count)

    async def more() -> bool:
        return await asyncio.to_thread(count) >= before + times

    await eventually(more)


def app_requested(operation_id: str) -> app.DeployRequested:
    return app.DeployRequested(
        operation_id=operation_id, name="Wiki", slug="wiki", cluster_id="c1", node=None, spec=SPEC
    )


class Wakes:
    """What the provisioner would be woken for."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription

    @classmethod
    async def bind(cls, nats: Nats) -> "Wakes":
        bus = await nats.connect("provisioner")
        return cls(await bus.js.pull_subscribe_bind(durable=subjects.PROVISIONER_WAKE, stream=subjects.WAKE))

    async def next(self, within: float = PATIENCE) -> WakeUp | None:
        """The next one; None: nobody is woken in that time."""
        try:
            [message] = await self._subscription.fetch(1, timeout=within)
        except TimeoutError:
            return None
        await message.ack()
        return due(message)
