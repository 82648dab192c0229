"""The api on a port of its own and the projector, both in this process, on real servers."""

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.spec import Resources, Spec, Template
from proximity.domain.cluster import events as cluster_ev
from proximity.domain.guest import events as guest_ev
from proximity.domain.ids import slug
from proximity.domain.model import Event
from proximity.messaging.aggregates import AGGREGATES
from proximity.messaging.connection import connect
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import EventStore
from proximity_api import main
from proximity_api.parts import Parts
from proximity_api.settings import Settings
from proximity_launcher.up.ports import free_ports
from proximity_projector.database import connect as connect_database
from proximity_projector.health import Health
from proximity_projector.projector import Projector
from proximity_projector.projector import rebuild as rebuild_from
from support.servers import Database, Nats
from support.simulator import SimulatedCluster

PASSWORD = "correct horse battery staple"
TOKEN = "setup-token-of-this-test"
CATALOG = Path(__file__).parents[3] / "catalog"


@dataclass
class Api:
    """A running api and what a person would use to talk to it."""

    parts: Parts
    url: str
    http: httpx2.AsyncClient = field(repr=False)

    @property
    def writing(self) -> dict[str, str]:
        return {"X-Proximity-CSRF": "1", "Origin": self.url}

    def use(self, token: str) -> None:
        """From now on with that session."""
        self.http.cookies.clear()
        self.http.cookies.set("proximity_session", token, domain="127.0.0.1")

    @property
    def token(self) -> str:
        return self.http.cookies["proximity_session"]

    async def get(self, path: str, **params: Any) -> httpx2.Response:
        return await self.http.get(f"/api/v1{path}", params=params)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return await self.http.post(f"/api/v1{path}", json=body, headers=self.writing | headers)

    async def delete(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.delete(f"/api/v1{path}", headers=self.writing | headers)

    async def set_up(self, username: str = "ada") -> httpx2.Response:
        body = {"setup_token": TOKEN, "username": username, "password": PASSWORD}
        return await self.post("/setup", body)

    @asynccontextmanager
    async def stream(self, path: str = "/stream", last: str | None = None, **params: Any) -> AsyncIterator["Frames"]:
        headers = {"Last-Event-ID": last} if last is not None else {}
        async with self.http.stream("GET", f"/api/v1{path}", params=params, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            yield Frames(answer)


@dataclass(frozen=True)
class Frame:
    event: str
    id: str
    data: Any


class Frames:
    """Server-sent events as a browser reads them."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._lines = answer.aiter_lines()
        self.comments = 0
        self.beats = 0

    async def next(self, within: float = 60.0) -> Frame:
        """Raises StopAsyncIteration at the end of the stream, TimeoutError."""
        async with asyncio.timeout(within):
            fields: dict[str, str] = {}
            while True:
                line = await anext(self._lines)
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif fields.get("event") == "beat":
                    self.beats += 1
                    fields = {}
                elif "data" in fields:
                    return Frame(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
                else:
                    fields = {}

    async def ended(self, within: float = 60.0) -> bool:
        try:
            await self.next(within)
        except StopAsyncIteration:
            return True
        return False


class Log:
    """Appends events as the services that own them would, so that no other service has to run."""

    def __init__(self, nats: Nats) -> None:
        self._nats = nats
        self._stores: dict[str, EventStore] = {}

    async def append(self, category: str, aggregate_id: str, *events: Event, reason: str = "") -> int:
        """The position of the last one."""
        store = await self._store("provisioner")
        aggregate = AGGREGATES[category]
        loaded = await store.load(aggregate, aggregate_id)
        correlation = str(getattr(events[0], "operation_id", uuid4()))
        origin = Origin(str(uuid4()), correlation, Actor("user", str(uuid4())), reason)
        return (await store.append(aggregate, aggregate_id, loaded, events, origin)).sequence

    async def application(self, name: str = "Blog", **changes: Any) -> tuple[str, str]:
        """A deployment that has begun: ids of application and operation."""
        application_id, operation_id = str(uuid4()), str(uuid4())
        await self.append("application", application_id, deploy_requested(operation_id, name, **changes))
        return application_id, operation_id

    async def guest(self, cluster_id: str, vmid: int = 105, **facts: Any) -> str:
        """A guest that no application has: its id."""
        known = {"node": "pve2", "type": "lxc", "name": "unifi", "cores": 2, "memory": 2**29, "disk": 2**32} | facts
        guest_id = f"{cluster_id}-{vmid}"
        appeared = guest_ev.GuestAppeared(cluster_id=cluster_id, vmid=vmid, facts=guest_ev.Facts(**known))
        await self.append("guest", guest_id, appeared)
        return guest_id

    async def adopted(self, cluster_id: str, name: str = "Unifi", node: str = "pve2", vmid: int = 105) -> str:
        """An adopted application."""
        application_id, op = str(uuid4()), str(uuid4())
        spec = Spec(
            recipe="adopted",
            recipe_version="1",
            runtime="adopted",
            resources=Resources(cores=1, memory_mib=512, disk_gib=4),
        )
        await self.append(
            "application",
            application_id,
            ev.AdoptRequested(
                operation_id=op, name=name, slug=slug(name), cluster_id=cluster_id, node=node, vmid=vmid, spec=spec
            ),
            ev.ContainerInspected(
                operation_id=op, node=node, hostname="unifi", power="running", had_tag=False, had_description=False
            ),
            ev.ContainerMarked(operation_id=op, tagged=True),
            ev.OperationSucceeded(operation_id=op, kind="adopt"),
        )
        return application_id

    async def storage(self, cluster_id: str, node: str, name: str) -> None:
        seen = cluster_ev.StorageSeen(
            node=node, storage=name, type="dir", content=("rootdir",), shared=False, active=True, total=2**40
        )
        await self.append("cluster", cluster_id, cluster_ev.StorageAppeared(storage=seen))

    async def simulated(self, api: "Api", simulator: SimulatedCluster) -> str:
        """The simulator, connected."""
        there = simulator.connection()
        return await self.cluster(
            "Simulated",
            endpoints=(there.url,),
            token_id=there.token_id,
            token_secret=await api.parts.vault.seal(there.token_secret),
            fingerprint=there.fingerprint,
        )

    async def cluster(self, name: str = "Home", **changes: Any) -> str:
        """A connected cluster."""
        cluster_id, operation_id = str(uuid4()), str(uuid4())
        values: dict[str, Any] = {
            "endpoints": ("https://pve.lan:8006",),
            "token_id": "proximity@pve!test",
            "token_secret": str(uuid4()),
            "fingerprint": ":".join(["AB"] * 32),
        }
        requested = cluster_ev.ConnectRequested(
            operation_id=operation_id,
            name=name,
            slug=name.lower(),
            ca=None,
            first_vmid=20000,
            last_vmid=29999,
            simulator=False,
            **values | changes,
        )
        findings = cluster_ev.Findings(version="9.2.1", proxmox_name=None, nodes=(), missing={})
        connected = cluster_ev.ClusterConnected(operation_id=operation_id, findings=findings)
        done = cluster_ev.OperationSucceeded(operation_id=operation_id, kind="connect")
        await self.append("cluster", cluster_id, requested, connected, done)
        return cluster_id

    async def _store(self, service: str) -> EventStore:
        if service not in self._stores:
            self._stores[service] = EventStore(await self._nats.connect(service))
        return self._stores[service]


def deploy_requested(operation_id: str, name: str = "Blog", **changes: Any) -> ev.DeployRequested:
    spec = Spec(
        recipe="debian",
        recipe_version="1",
        runtime="template",
        template=Template(name="debian-12-standard", version="12.12-1"),
        resources=Resources(cores=1, memory_mib=512, disk_gib=4),
    )
    values = {"slug": "blog", "cluster_id": str(UUID(int=1)), "node": None, "spec": spec} | changes
    return ev.DeployRequested(operation_id=operation_id, name=name, **values)


@pytest.fixture
def settings(nats: Nats, database: Database, tmp_path: Path) -> Settings:
    def secret(name: str, content: str) -> Path:
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(content)
        return path

    return Settings(
        nats_url=nats.url,
        nats_password_file=nats.password_file("api"),
        database_url=database.url,
        database_password_file=database.password_file,
        vault_key_file=secret("vault.key", base64.b64encode(secrets.token_bytes(32)).decode()),
        setup_token_file=secret("setup.token", TOKEN + "\n"),
        catalog=CATALOG,
        frontend=tmp_path / "not-built",
        port=free_ports(1)[0],
        session_cache=0.2,
        stream_heartbeat=0.5,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Api]:
    """An api like the process's own, but for the signals."""
    reasons: list[str] = []
    bus = await connect(settings.nats_url, "api", settings.nats_user, settings.nats_password(), reasons.append)
    parts = main.assemble(settings, bus)
    server = main.server(parts)
    url = f"http://127.0.0.1:{settings.port}"
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        await stack.enter_async_context(main.living(parts))
        serving = asyncio.create_task(server._serve())
        try:
            while not server.started:
                assert not serving.done(), serving
                await asyncio.sleep(0.01)
            # no TLS, and to load what TLS trusts takes longer than most tests
            async with httpx2.AsyncClient(base_url=url, timeout=60, verify=False) as http:
                yield Api(parts, url, http)
        finally:
            parts.hub.close()
            server.should_exit = True
            await serving
    assert reasons == [], "NATS refused the api something"


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """Nobody has set it up, and no projector runs."""
    async with running(settings) as started:
        yield started


@pytest.fixture
async def signed_in(api: Api) -> Api:
    """With an admin's session, but without a setup: hashing a password takes its time."""
    api.use(await api.parts.sessions.open(str(uuid4()), "ada", "admin"))
    return api


async def until(check: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while True:
            if await check():
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def replica(settings: Settings) -> Callable[[], contextlib.AbstractAsyncContextManager[Api]]:
    """A second api on the same servers, on a port of its own."""
    return lambda: running(settings.model_copy(update={"port": free_ports(1)[0]}))


@pytest.fixture
def log(nats: Nats) -> Log:
    return Log(nats)


@pytest.fixture
async def projector(nats: Nats, database: Database, api: Api) -> AsyncIterator[None]:
    """A projector that has caught up once."""
    bus = await nats.connect("projector")
    work = asyncio.create_task(Projector(bus, connecting(database), Health()).run())
    try:
        assert await api.parts.hub.reached(0, 60), "the projector has not built the read model"
        yield
    finally:
        work.cancel()
        await asyncio.wait({work})


@pytest.fixture
def rebuild(nats: Nats, database: Database) -> Callable[[], Awaitable[object]]:
    """Builds the read model anew from the log, beside the one that is read, and switches."""

    async def run() -> object:
        conn = await connecting(database)()
        try:
            return await rebuild_from(await nats.connect("projector"), conn, Health())
        finally:
            conn.terminate()

    return run


def connecting(database: Database) -> Callable[[], Awaitable[asyncpg.Connection]]:
    return lambda: connect_database(database.url, database.password)


async def caught_up(api: Api, position: int) -> None:
    assert await api.parts.hub.reached(position, 60), "the read model does not catch up"
