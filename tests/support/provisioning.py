"""Provisioner processes on a real NATS server and a simulated cluster; the log is read, never guessed."""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.spec import Probe, Resources, Spec, Template
from proximity.domain.application.state import Application, Baseline
from proximity.domain.cluster import commands as cluster_cmd
from proximity.domain.cluster.state import Cluster
from proximity.domain.model import Command
from proximity.messaging.aggregates import APPLICATION, CLUSTER
from proximity.messaging.buckets import vault
from proximity.messaging.commands import Commands
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import Actor, Origin, Recorded
from proximity.messaging.event_store import EventStore
from proximity.proxmox.connection import Connection
from proximity.proxmox.hypervisor import ContainerSpec, ProxmoxHypervisor
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.key import create_key, read_key
from proximity.vault.vault import Vault
from support.processes import Process, fork, interpret
from support.servers import Nats
from support.simulator import SimulatorProcess

ENDS = (ev.OperationSucceeded, ev.OperationFailed, ev.OperationCancelled)
PATIENCE = 90.0
"""Seconds: the machine may be busy, so nothing is concluded from the time that something takes."""
EVERYTHING = [
    *("VM.Allocate", "VM.Audit", "VM.PowerMgmt", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory"),
    *("VM.Config.Network", "VM.Config.Options", "Datastore.Audit", "Datastore.AllocateSpace", "Sys.Audit", "SDN.Use"),
    "VM.Migrate",
]
ALICE = Actor("user", "alice")

DEBIAN = Spec(
    recipe="debian",
    recipe_version="1",
    runtime="template",
    template=Template(name="debian-12-standard", version="12.12-1"),
    resources=Resources(cores=1, memory_mib=512, disk_gib=4),
)


TESTS = Path(__file__).parent.parent


@dataclass
class ServiceProcess:
    """A provisioner or a reconciler; `module` is what is run.

    `cold`: with an interpreter of its own, as it has to be where the environment changes what is imported.
    """

    module: str
    environment: dict[str, str]
    output: Path
    cold: bool = False
    process: Process | None = None

    def start(self) -> None:
        start = interpret if self.cold else fork
        self.process = start(self.module, self.output, environment=self.environment)

    def kill(self) -> None:
        """-9, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.running:
            os.kill(self.process.pid, number)

    def _end(self, number: signal.Signals) -> int:
        self._signal(number)
        return self.process.ended() if self.process else 0


@dataclass
class Stage:
    nats: Nats
    simulator: SimulatorProcess
    folder: Path
    bus: Bus
    store: EventStore
    commands: Commands
    vault: Vault
    cluster_id: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    provisioners: list[ServiceProcess] = field(default_factory=list)
    others: list[ServiceProcess] = field(default_factory=list)
    stranger: ProxmoxHypervisor | None = None
    _read: list[Recorded[Any]] = field(default_factory=list)

    @classmethod
    async def make(cls, nats: Nats, simulator: SimulatorProcess, folder: Path) -> "Stage":
        key_file = folder / "vault.key"
        create_key(key_file)
        bus = await nats.connect("api")
        sealing = Vault(vault(bus), read_key(key_file))
        return cls(nats, simulator, folder, bus, EventStore(bus), Commands(bus), sealing)

    # --- processes

    def provisioner(self, *, clock: str = "", **settings: str) -> ServiceProcess:
        """A replica, started. `clock`: how wrong its wall clock is (see wrong_clock)."""
        output = self.folder / f"provisioner-{len(self.provisioners)}.log"
        environment = self._environment("provisioner") | self.settings | settings
        module = "proximity_provisioner"
        if clock:
            module = "support.wrong_clock"
            environment |= {"WRONG_CLOCK": clock, "PYTHONPATH": str(TESTS)}
        process = ServiceProcess(module, environment, output, cold="PYTHONPATH" in environment)
        process.start()
        self.provisioners.append(process)
        return process

    def reconciler(self) -> ServiceProcess:
        """Started. Its sweep wakes what nobody carries on."""
        environment = self._environment("reconciler")
        process = ServiceProcess("proximity_reconciler", environment, self.folder / "reconciler.log")
        process.start()
        self.others.append(process)
        return process

    def _environment(self, service: str) -> dict[str, str]:
        return {
            "PROXIMITY_NATS_URL": self.nats.url,
            "PROXIMITY_NATS_USER": service,
            "PROXIMITY_NATS_PASSWORD_FILE": str(self.nats.password_file(service)),
            "PROXIMITY_VAULT_KEY_FILE": str(self.folder / "vault.key"),
            "PROXIMITY_LOG_LEVEL": "INFO",
        }

    def end(self) -> None:
        for process in (*self.provisioners, *self.others):
            process.thaw()
            process.kill()

    def logs(self) -> str:
        return "\n".join(p.output.read_text() for p in self.provisioners if p.output.exists())

    # --- commands

    async def send(self, category: str, aggregate_id: str, command: Command) -> str:
        """The operation's id."""
        origin = Origin(command.operation_id, command.operation_id, ALICE)
        await self.commands.send(category, aggregate_id, command, origin)
        return command.operation_id

    async def connect(self, **other: Any) -> str:
        """Asks for the simulated cluster; its id. Do not forget to wait."""
        seen = self.simulator.connection()
        cluster_id = str(uuid4())
        wanted: dict[str, Any] = {
            "name": "Lab",
            "endpoints": (seen.url,),
            "token_id": seen.token_id,
            "token_secret": await self.vault.seal(seen.token_secret),
            "fingerprint": seen.fingerprint,
            **other,
        }
        command = cluster_cmd.ConnectCluster(operation_id=str(uuid4()), cluster_id=cluster_id, **wanted)
        await self.send("cluster", cluster_id, command)
        return cluster_id

    async def connected(self) -> None:
        self.cluster_id = await self.connect()
        await self.until(lambda: self.cluster(self.cluster_id), lambda c: c is not None and c.connected)

    async def deploy(self, name: str = "Wiki", spec: Spec = DEBIAN, **other: Any) -> tuple[str, str]:
        """Asks for it. The ids of the application and the operation."""
        application_id = str(uuid4())
        command = cmd.DeployApplication(
            operation_id=str(uuid4()),
            application_id=application_id,
            name=name,
            spec=spec,
            **{"cluster_id": self.cluster_id, **other},
        )
        return application_id, await self.send("application", application_id, command)

    async def ask(self, kind: type[Command], application_id: str, **fields: Any) -> str:
        command = kind(operation_id=str(uuid4()), application_id=application_id, **fields)  # type: ignore[call-arg]
        return await self.send("application", application_id, command)

    # --- the log

    async def application(self, application_id: str) -> Application | None:
        state = (await self.store.load(APPLICATION, application_id)).state
        return state if isinstance(state, Application) else None

    async def has_its_baseline(self, application_id: str) -> bool:
        """Whether it is compared with what Proxmox has of it now."""
        app = await self.application(application_id)
        assert app is not None
        ct = app.container
        assert ct is not None
        config = await self.proxmox().guest_config(ct.node, ct.vmid)
        hashes = ConfigurationHash(read_key(self.folder / "vault.key"))
        now = hashes.configuration(ct.vmid, config.values, config.environment)
        return app.baseline == Baseline(now.values, now.environment)

    async def cluster(self, cluster_id: str) -> Cluster | None:
        state = (await self.store.load(CLUSTER, cluster_id)).state
        return state if isinstance(state, Cluster) else None

    async def history(self, aggregate_id: str) -> list[Recorded[Any]]:
        return [r for r in await self.everything() if r.aggregate_id == aggregate_id]

    async def everything(self) -> list[Recorded[Any]]:
        """What was read before is not read again: it does not change."""
        while page := await self.store.read(self._position):
            self._read += [recorded for recorded in page if recorded.position > self._position]
        return list(self._read)

    @property
    def _position(self) -> int:
        return self._read[-1].position if self._read else 0

    async def until(self, look: Callable[[], Any], enough: Callable[[Any], Any], patience: float = PATIENCE) -> Any:
        """What `look` gives, as soon as it is enough."""
        seen: Any = None
        try:
            async with asyncio.timeout(patience):
                while True:
                    if enough(seen := await look()):
                        return seen
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"not within {patience} s: {seen}\n{self.logs()[-6000:]}") from None

    async def happened(
        self, aggregate_id: str, kind: type[Any], patience: float = PATIENCE, **fields: Any
    ) -> Recorded[Any]:
        """The first such event, once it is in the log."""

        def fits(record: Recorded[Any]) -> bool:
            return isinstance(record.event, kind) and all(getattr(record.event, k) == v for k, v in fields.items())

        async def look() -> list[Recorded[Any]]:
            return await self.history(aggregate_id)

        seen = await self.until(look, lambda records: any(map(fits, records)), patience)
        found: Recorded[Any] = next(filter(fits, seen))
        return found

    async def postponed(self, application_id: str, code: str, **fields: Any) -> ev.StepPostponed:
        """A step was put off for that cause: for others as well, perhaps, before."""

        def fits(record: Recorded[Any]) -> bool:
            event = record.event
            return (
                isinstance(event, ev.StepPostponed)
                and event.cause.code == code
                and all(getattr(event, key) == value for key, value in fields.items())
            )

        async def look() -> list[Recorded[Any]]:
            return await self.history(application_id)

        seen = await self.until(look, lambda records: any(map(fits, records)))
        found: ev.StepPostponed = next(filter(fits, seen)).event
        return found

    async def ended(self, application_id: str, operation_id: str, patience: float = PATIENCE) -> Any:
        """The event that ended the operation."""

        def end(records: list[Recorded[Any]]) -> Any:
            return next(
                (r.event for r in records if isinstance(r.event, ENDS) and r.event.operation_id == operation_id), None
            )

        async def look() -> list[Recorded[Any]]:
            return await self.history(application_id)

        return end(await self.until(look, end, patience))

    async def succeeded(self, application_id: str, operation_id: str, patience: float = PATIENCE) -> None:
        end = await self.ended(application_id, operation_id, patience)
        assert isinstance(end, ev.OperationSucceeded), f"{end}\n{self.logs()[-6000:]}"

    async def decided(self, operation_id: str) -> str:
        """The type of the first event that the command led to."""

        async def look() -> list[str]:
            return [r.metadata.type for r in await self.everything() if r.metadata.causation_id == operation_id]

        def decision(types: list[str]) -> str | None:
            return next((t for t in types if not t.startswith("claim.")), None)

        return str(decision(await self.until(look, decision)))

    async def running(self, name: str = "Wiki", spec: Spec = DEBIAN) -> str:
        """An application that was deployed and runs; its id."""
        application_id, operation_id = await self.deploy(name, spec)
        await self.succeeded(application_id, operation_id)
        return application_id

    async def get(self, port: int, path: str) -> tuple[int, str]:
        """From a provisioner's health port."""

        def ask() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        return await asyncio.to_thread(ask)

    # --- Proxmox, behind Proximity's back

    def proxmox(self) -> ProxmoxHypervisor:
        """With a token that is not Proximity's, as a person has: nothing it does can be taken for ours."""
        if self.stranger is not None:
            return self.stranger
        seen, token = self.simulator.connection(), "stranger@pve!test"
        secret = self.simulator.add_token(token, [{"path": "/", "privileges": EVERYTHING, "propagate": 1}])
        self.stranger = ProxmoxHypervisor(Connection((seen.url,), token, secret, seen.fingerprint))
        return self.stranger

    def container_spec(self, vmid: int) -> ContainerSpec:
        """A stranger's container."""
        return ContainerSpec(
            vmid=vmid,
            hostname="stranger",
            template_volid="local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst",
            rootfs_storage="local-lvm",
            disk_gib=1,
            cores=1,
            memory_mib=128,
            bridge="vmbr0",
            description="",
        )

    async def task_done(self, upid: str) -> None:
        client = self.proxmox()

        async def look() -> bool:
            task = await client.task(upid)
            return task is not None and task.succeeded

        await self.until(look, bool)

    async def arrived(self, fault_id: int) -> None:
        """The call that the fault waits for came in: what it does to it is going on, or over."""

        async def waiting() -> bool:
            faults = await asyncio.to_thread(self.simulator.faults)
            return any(fault["id"] == fault_id and not fault["struck"] for fault in faults)

        await self.until(waiting, lambda still: not still)

    async def idle(self) -> None:
        """Proxmox has nothing left to do: no call that comes late, no task."""

        async def going_on() -> int:
            state = await asyncio.to_thread(self.simulator.state)
            return int(state["calls_late"]) + int(state["tasks_running"])

        await self.until(going_on, lambda count: count == 0)

    # --- the oracle

    def ours(self) -> list[dict[str, Any]]:
        """Guests on the simulated cluster that have a hostname of ours or carry our marker."""
        return self.simulator.guests_with(f"proximity:{self.nats.installation_id}:")

    async def statuses(self) -> list[str]:
        return [str(guest["status"]) for guest in self.ours()]

    def creates(self) -> list[dict[str, Any]]:
        return [entry for entry in self.simulator.journal() if entry["action"] == "create"]


TCP_PROBE = Probe(kind="tcp", port=12321)
