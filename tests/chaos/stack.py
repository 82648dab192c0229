"""A whole Proximity of processes of its own: servers, services, two provisioners, and the simulated clusters."""

import os
import secrets
from pathlib import Path
from typing import Any

from chaos.client import Client
from chaos.lab import Lab
from chaos.processes import Kept, Service
from proximity.messaging.connection import connect
from proximity.messaging.envelope import Recorded
from proximity.messaging.event_store import EventStore
from proximity.vault.key import create_key
from proximity_launcher.nats_server import NatsServer
from proximity_launcher.postgres_server import USER, PostgresServer
from proximity_launcher.up.ports import free_ports
from support.servers import Nats, start_nats

CATALOG = Path(__file__).parents[2] / "catalog"
TIME_SCALE = 0.25
"""A create takes 0.9 s, a start 0.4 s: long enough to be struck in the middle."""
SETTLE_SECONDS = 15.0
"""Shorter than the default, and longer than anything here can be late: frozen for 12 s, late by 3."""
SETTINGS = {
    "provisioner": {
        "SETTLE_SECONDS": str(SETTLE_SECONDS),
        "REPEAT_AFTER_SECONDS": "1",
        "SHUTDOWN_TIMEOUT_SECONDS": "10",
    },
    "reconciler": {"LOOK_EVERY": "1", "TASKS_EVERY": "0.5", "REQUESTS_A_MINUTE": "600"},
}
PROCESSES = ("nats", "postgres", "api", "projector", "reconciler", "provisioner-1", "provisioner-2")


class Stack:
    """`start` to `stop`; everything it writes is in `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.lab = Lab(folder / "simulator", TIME_SCALE, seed)
        self.kept: dict[str, Kept] = {}
        (self._port,) = free_ports(1)
        self._setup_token = secrets.token_urlsafe(16)
        self._nats: Nats | None = None
        self._postgres = PostgresServer(folder / "postgres", secrets.token_urlsafe(16))

    @property
    def nats(self) -> Nats:
        if self._nats is None:
            raise RuntimeError("the stack was not started")
        return self._nats

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def database(self) -> tuple[str, str]:
        """URL and password of the read model."""
        return self._postgres.database_url("proximity"), self._postgres.password

    async def start(self) -> Client:
        """A person who is signed in, once everything answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # one after the other: what has been started is known to `stop`, whatever fails next
        self._nats = await start_nats("embedded", self.folder / "nats")
        await self._postgres.start()
        await self.lab.start()
        await self._postgres.create_database("proximity")
        create_key(self.folder / "vault.key")
        self._keep_servers()
        for name in PROCESSES[2:]:
            log = self.folder / f"{name}.log"
            service = name.partition("-")[0]
            self.kept[name] = Kept(name, Service(f"proximity_{service}", self.environment(service), log))
            self.kept[name].keep()
        client = Client(self.url)
        await client.set_up(self._setup_token)
        return client

    def _keep_servers(self) -> None:
        """They were started already: from here on they are started again."""
        server = self.nats.server
        if not isinstance(server, NatsServer):
            raise TypeError("chaos needs a server that is a process of its own")
        self.kept["nats"], self.kept["postgres"] = Kept("nats", server), Kept("postgres", self._postgres)
        for name in ("nats", "postgres"):
            self.kept[name].keep()

    def environment(self, service: str) -> dict[str, str]:
        url, _ = self.database
        variables: dict[str, str | Path] = {
            "NATS_URL": self.nats.url,
            "NATS_USER": service,
            "NATS_PASSWORD_FILE": self.nats.password_file(service),
            "LOG_LEVEL": "INFO",
            **SETTINGS.get(service, {}),
        }
        if service != "projector":
            variables["VAULT_KEY_FILE"] = self.folder / "vault.key"
        if service in ("api", "projector"):
            password = self._secret("database.password", self._postgres.password)
            variables |= {"DATABASE_URL": url, "DATABASE_USER": USER, "DATABASE_PASSWORD_FILE": password}
        if service == "api":
            token = self._secret("setup.token", self._setup_token)
            variables |= {"PORT": str(self._port), "CATALOG": CATALOG, "SETUP_TOKEN_FILE": token}
        else:
            variables["HEALTH_PORT"] = "0"
        passed = {name: value for name, value in os.environ.items() if not name.startswith("PROXIMITY_")}
        return passed | {f"PROXIMITY_{name}": str(value) for name, value in variables.items()}

    def _secret(self, name: str, value: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(value)
        return path

    def thaw(self) -> None:
        for process in self.kept.values():
            process.thaw()

    async def stop(self) -> None:
        self.thaw()
        for name in reversed(PROCESSES):
            if name in self.kept:
                await self.kept[name].let_go()
        if self._nats is not None:
            await self._nats.closing.aclose()
            await self._nats.server.kill()
        await self._postgres.kill()
        await self.lab.stop()

    # ---------------------------------------------------------------- the log

    async def log(self) -> list[Recorded[Any]]:
        """All events, read over a connection of its own."""
        bus = await connect(self.nats.url, "reconciler", "reconciler", self.nats.passwords["reconciler"])
        try:
            store = EventStore(bus)
            records: list[Recorded[Any]] = []
            while page := await store.read(records[-1].position if records else 0):
                records += page
            return records
        finally:
            await bus.close()
