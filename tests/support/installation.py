"""The four services as processes of their own, on a NATS and a database that are there, and a person who uses them."""

import os
from pathlib import Path

from chaos.client import PASSWORD, USERNAME, Client, Row
from proximity_launcher.postgres_server import USER
from proximity_launcher.up.ports import free_ports
from support.provisioning import ServiceProcess
from support.servers import Database, Nats
from support.simulator import SimulatedCluster

CATALOG = Path(__file__).parents[2] / "catalog"
SETUP_TOKEN = "the token of this test"
SETTINGS = {
    "provisioner": {"REPEAT_AFTER_SECONDS": "1"},
    "reconciler": {"LOOK_EVERY": "1", "TASKS_EVERY": "0.5", "REQUESTS_A_MINUTE": "600"},
}


class Installation:
    """`start` to `end`. `key_file`: the vault's key."""

    def __init__(self, nats: Nats, database: Database, folder: Path, key_file: Path) -> None:
        self.nats = nats
        self._folder = folder
        self._database = database
        self._key_file = key_file
        (self._port,) = free_ports(1)
        self.services: dict[str, ServiceProcess] = {}
        self.client = Client(f"http://127.0.0.1:{self._port}")

    @property
    def database(self) -> tuple[str, str]:
        """URL and password of the read model."""
        return self._database.url, self._database.password

    def start(self, *services: str) -> None:
        """Those, or all four; a number behind a name tells replicas apart."""
        for name in services or ("api", "provisioner", "reconciler", "projector"):
            service = name.partition("-")[0]
            module, log = f"proximity_{service}", self._folder / f"{name}.log"
            # the api brings an event loop of its own
            process = ServiceProcess(module, self.environment(service), log, cold=service == "api")
            process.start()
            self.services[name] = process

    async def set_up(self) -> None:
        """The first user, once the api answers."""
        await self.client.set_up(SETUP_TOKEN)

    async def sign_in(self) -> None:
        await self.client.sign_in(USERNAME, PASSWORD)

    async def connect(self, cluster: SimulatedCluster) -> str:
        """The connected cluster's id."""
        seen = cluster.connection()
        body: Row = {
            "name": "home",
            "endpoints": [seen.url],
            "token_id": seen.token_id,
            "token_secret": seen.token_secret,
            "fingerprint": seen.fingerprint,
        }
        return str((await self.done("POST", "/clusters", body))["cluster_id"])

    async def done(self, method: str, path: str, body: Row | None = None) -> Row:
        """An order that has succeeded: its answer."""
        answer = await self.client.order(method, path, body)
        assert answer.accepted, answer
        await self.succeeded(answer.body["operation_id"])
        return answer.body

    async def succeeded(self, operation_id: str) -> None:
        row = await self.client.ended(operation_id)
        assert row["status"] == "succeeded", f"{row}\n{self.logs()[-6000:]}"

    def end(self, *services: str) -> None:
        """-9, of those or of all."""
        for name in services or tuple(self.services):
            self.services.pop(name).kill()

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in sorted(self._folder.glob("*.log")))

    def environment(self, service: str) -> dict[str, str]:
        variables: dict[str, str | Path] = {
            "NATS_URL": self.nats.url,
            "NATS_USER": service,
            "NATS_PASSWORD_FILE": self.nats.password_file(service),
            "LOG_LEVEL": "INFO",
            **SETTINGS.get(service, {}),
        }
        if service != "projector":
            variables["VAULT_KEY_FILE"] = self._key_file
        if service in ("api", "projector"):
            variables |= {"DATABASE_URL": self._database.url, "DATABASE_USER": USER}
            variables["DATABASE_PASSWORD_FILE"] = self._database.password_file
        if service == "api":
            token = self._folder / "setup.token"
            token.touch(mode=0o600)
            token.write_text(SETUP_TOKEN)
            variables |= {"PORT": str(self._port), "CATALOG": CATALOG, "SETUP_TOKEN_FILE": token}
        passed = {name: value for name, value in os.environ.items() if not name.startswith("PROXIMITY_")}
        return passed | {f"PROXIMITY_{name}": str(value) for name, value in variables.items()}
