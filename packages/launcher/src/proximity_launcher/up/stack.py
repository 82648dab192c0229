"""What runs: each program with its files, ports and variables, in the order of need."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from proximity.messaging.permissions import ADMIN, SERVICES, server_config
from proximity_launcher.failure import Failure
from proximity_launcher.up import postgres
from proximity_launcher.up.data import DataFolder, key, write_private
from proximity_launcher.up.logs import last_words
from proximity_launcher.up.options import Options
from proximity_launcher.up.ports import LOOPBACK, accepts, check_free, fetch, free_ports
from proximity_launcher.up.processes import Ledger
from proximity_launcher.up.supervisor import Program, Say, Supervised

# all that a child gets to know of our own environment: whatever else is there, such as a token, is none of its business
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")

Variables = dict[str, str]


class Stack:
    """Everything between `start` and `stop`. Nothing secret is in a command line or a variable: files are named."""

    def __init__(self, options: Options, data: DataFolder, ledger: Ledger, say: Say) -> None:
        self._options = options
        self._data = data
        self._ledger = ledger
        self._say = say
        self._servers: list[Supervised] = []
        self._services: list[Supervised] = []
        ports = free_ports(4 + options.provisioners)
        self._nats_port = options.nats_port or ports[0]
        self._postgres_port = options.postgres_port or ports[1]
        self._health_ports = ports[2:]
        # by the program's name: where it says how it is
        self._asked_at: dict[str, int] = {}

    async def start(self) -> None:
        """Returns when every program is ready. What does not need each other starts side by side."""
        for port, variable in (
            (self._nats_port, "PROXIMITY_NATS_PORT"),
            (self._postgres_port, "PROXIMITY_POSTGRES_PORT"),
        ):
            check_free(port, variable)
        async with _together() as group:
            prepared = group.create_task(self._start_nats())
            database = group.create_task(self._start_postgres())
            proxmox = group.create_task(self._find_proxmox())
            await prepared
            for number in range(1, self._options.provisioners + 1):
                group.create_task(self._start_service("provisioner", number))
            group.create_task(self._start_service("reconciler"))
            await database
            group.create_task(self._start_service("projector"))
            group.create_task(self._start_api(await proxmox))
        self._announce()

    def _announce(self) -> None:
        """For those that want to do something with what runs, such as a rebuild."""
        projector = _environment() | self._nats_variables("projector") | self._database_variables(postgres.OWNER)
        told = {"pid": os.getpid(), "health_ports": self._asked_at, "projector": projector}
        write_private(self._data.running, json.dumps(told, indent=2))

    async def broken(self) -> None:
        """Ends only by raising: the Failure of a program that cannot even be started again."""
        keepers = [program.kept() for program in (*self._servers, *self._services)]
        await asyncio.gather(*keepers)

    async def stop(self, *, at_once: bool = False) -> None:
        """The services first, together; then what they stand on, the log last."""
        await asyncio.gather(*(service.stop(at_once=at_once) for service in self._services))
        for server in sorted(self._servers, key=lambda each: _LAST_TO_END.index(each.program.name)):
            await server.stop(at_once=at_once)

    async def _start_nats(self) -> None:
        """NATS with its users, then streams, buckets and durables."""
        passwords = {user: self._data.secret(f"nats-{user}").read_text() for user in (ADMIN, *SERVICES)}
        config = self._data.nats / "nats.conf"
        store = self._data.nats / "jetstream"
        write_private(config, server_config(port=self._nats_port, store=store, passwords=passwords))
        server = Path(sys.executable).parent / "nats-server"
        await self._start_server("nats", [str(server), "-c", str(config)], lambda: accepts(self._nats_port))
        await self._bootstrap()

    async def _bootstrap(self) -> None:
        log = self._data.log("bootstrap")
        with log.open("ab") as stream:
            step = await asyncio.create_subprocess_exec(
                *_python("proximity.messaging.bootstrap"),
                env=_environment() | self._nats_variables(ADMIN),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
            status = await _ended(step)
        if status:
            raise Failure(f"The streams could not be prepared: {last_words(log)}", code="not_prepared")

    async def _start_postgres(self) -> None:
        cluster = postgres.cluster(self._data.postgres)
        owner, reader = self._password_file(postgres.OWNER), self._password_file(postgres.READER)
        if not cluster.is_made():
            self._say("Preparing PostgreSQL.")
            await asyncio.to_thread(postgres.make, cluster, owner, reader)

        async def ready() -> bool:
            return await asyncio.to_thread(cluster.answers, self._postgres_port)

        await self._start_server(
            "postgres",
            cluster.command(self._postgres_port),
            ready,
            stop_signal=signal.SIGINT,
            death_signal=None if cluster.ends_with_parent else signal.SIGINT,
        )

    async def _find_proxmox(self) -> Variables:
        """A real one if the environment offers it, else the simulator: as variables of the api."""
        if self._options.offered is not None:
            return self._offer()
        state_file, ready_file = self._data.simulator / "state.json", self._data.simulator / "ready.json"
        ready_file.unlink(missing_ok=True)
        options = {
            # it is in the log by this address from now on: the state remembers it
            "--port": "0" if state_file.exists() else str(free_ports(1)[0]),
            "--state-file": str(state_file),
            "--ready-file": str(ready_file),
            "--time-scale": str(1 / self._options.simulator_speed),
        }

        async def ready() -> bool:
            return ready_file.exists()

        arguments = [part for option in options.items() for part in option]
        await self._start_server("simulator", [*_python("proximity_simulator"), *arguments], ready)
        return {"PROXIMITY_SIMULATOR_FILE": str(ready_file)}

    def _offer(self) -> Variables:
        offered = self._options.offered
        assert offered is not None  # noqa: S101 - asked by the caller
        secret = self._data.secrets / "offered-token"
        write_private(secret, offered.token_secret)
        variables = {
            "PROXIMITY_OFFERED_URL": offered.url,
            "PROXIMITY_OFFERED_TOKEN_ID": offered.token_id,
            "PROXIMITY_OFFERED_TOKEN_SECRET_FILE": str(secret),
            "PROXIMITY_OFFERED_FINGERPRINT": offered.fingerprint,
        }
        if offered.ca:
            ca_file = self._data.root / "offered-ca.pem"
            write_private(ca_file, offered.ca)
            variables["PROXIMITY_OFFERED_CA_FILE"] = str(ca_file)
        return variables

    async def _start_api(self, proxmox: Variables) -> None:
        variables = {
            "PROXIMITY_PORT": str(self._options.port),
            "PROXIMITY_CATALOG": str(self._options.catalog),
            "PROXIMITY_FRONTEND": str(self._options.frontend),
            "PROXIMITY_SETUP_TOKEN_FILE": str(self._data.secret("setup-token")),
            **self._vault_variables(),
            **self._database_variables(postgres.READER),
            **proxmox,
        }
        await self._start_program("api", "api", variables, self._options.port)

    async def _start_service(self, service: str, number: int = 1) -> None:
        health_port = self._health_ports.pop()
        variables = {"PROXIMITY_HEALTH_PORT": str(health_port)}
        if service == "projector":
            variables |= self._database_variables(postgres.OWNER)
        else:
            variables |= self._vault_variables()
        name = service if number == 1 else f"{service}-{number}"
        await self._start_program(name, service, variables, health_port)

    async def _start_program(self, name: str, service: str, variables: Variables, health_port: int) -> None:
        self._asked_at[name] = health_port

        async def ready() -> bool:
            return (await fetch(health_port, "/readyz"))[0] == 200

        program = Program(
            name,
            _python(f"proximity_{service}"),
            _environment()
            | {"PROXIMITY_LOG_LEVEL": self._options.log_level}
            | self._nats_variables(service)
            | variables,
            self._data.log(name),
            ready,
        )
        await self._start_supervised(program, self._services)

    async def _start_server(
        self,
        name: str,
        argv: list[str],
        ready: Callable[[], Awaitable[bool]],
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals | None = signal.SIGTERM,
    ) -> None:
        log = self._data.log(name)
        program = Program(name, argv, _environment(), log, ready, stop_signal, death_signal)
        await self._start_supervised(program, self._servers)

    async def _start_supervised(self, program: Program, among: list[Supervised]) -> None:
        supervised = Supervised(program, self._ledger, self._say)
        among.append(supervised)
        self._say(f"Starting {program.name}.")
        await supervised.start()

    async def landing(self) -> str:
        """What of the address comes after the slash: where a new installation is set up, with the token for it."""
        status, body = await fetch(self._options.port, "/api/v1/setup")
        if status != 200:
            raise Failure("The api does not say whether it was set up.", code="not_ready")
        return "" if json.loads(body)["done"] else f"setup#{self._data.secret('setup-token').read_text()}"

    def _nats_variables(self, user: str) -> Variables:
        return {
            "PROXIMITY_NATS_URL": f"nats://{LOOPBACK}:{self._nats_port}",
            "PROXIMITY_NATS_USER": user,
            "PROXIMITY_NATS_PASSWORD_FILE": str(self._data.secret(f"nats-{user}")),
        }

    def _database_variables(self, user: str) -> Variables:
        return {
            "PROXIMITY_DATABASE_URL": f"postgresql://{user}@{LOOPBACK}:{self._postgres_port}/{postgres.DATABASE}",
            "PROXIMITY_DATABASE_PASSWORD_FILE": str(self._password_file(user)),
        }

    def _vault_variables(self) -> Variables:
        return {"PROXIMITY_VAULT_KEY_FILE": str(self._data.secret("vault.key", key))}

    def _password_file(self, database_user: str) -> Path:
        return self._data.secret(f"database-{database_user}")


_LAST_TO_END = ("simulator", "postgres", "nats")


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _environment() -> Variables:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first failure is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _ended(process: asyncio.subprocess.Process) -> int:
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
