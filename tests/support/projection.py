"""Events as the log has them, and small stories made of them, for what reads the log."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from proximity.domain.application import events as app
from proximity.domain.application.spec import Probe, Resources, Spec, Template, WebAddress
from proximity.domain.cluster import events as cl
from proximity.domain.finding import Explanation, Finding
from proximity.domain.guest import events as gu
from proximity.domain.model import Event
from proximity.messaging.aggregates import AGGREGATES
from proximity.messaging.connection import Bus
from proximity.messaging.envelope import Actor, Metadata, Origin, Recorded
from proximity.messaging.event_store import EventStore
from proximity_projector.fold import Rows, fold

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Told = tuple[str, str, Event]  # category, aggregate id, event


def spec(probe: bool = True) -> Spec:
    return Spec(
        recipe="nginx",
        recipe_version="18.1",
        runtime="template",
        template=Template(name="debian-12-turnkey-nginx", version="18.1-1"),
        resources=Resources(cores=2, memory_mib=512, disk_gib=8),
        probe=Probe(kind="tcp", port=12321) if probe else Probe(),
        web=WebAddress(scheme="http", port=80),
    )


def findings(version: str = "9.0.3") -> cl.Findings:
    return cl.Findings(
        version=version,
        proxmox_name="lab",
        nodes=(cl.NodeIdentity(name="pve1", fingerprint="AA:BB"), cl.NodeIdentity(name="pve2")),
        missing={"deploy": ("/storage: Datastore.AllocateSpace",)},
    )


def connecting(op: str = "op-connect", name: str = "Lab") -> list[Event]:
    return [
        cl.ConnectRequested(
            operation_id=op,
            name=name,
            slug=name.lower(),
            endpoints=("https://pve1:8006",),
            token_id="root@pam!proximity",
            token_secret="sealed-1",
            fingerprint="AA:BB",
            ca=None,
            first_vmid=20000,
            last_vmid=29999,
            simulator=True,
        ),
        cl.StepTaken(operation_id=op, runner="r1"),
        cl.ClusterConnected(operation_id=op, findings=findings()),
        cl.OperationSucceeded(operation_id=op, kind="connect"),
    ]


def inventory() -> list[Event]:
    storage = cl.StorageSeen(
        node="pve1", storage="local", type="dir", content=("vztmpl",), shared=False, active=True, total=1000
    )
    return [
        cl.NodeAppeared(node="pve1", online=True, cpus=8, memory=2**34),
        cl.NodeAppeared(node="pve2", online=False),
        cl.NodeCameOnline(node="pve2"),
        cl.StorageAppeared(storage=storage),
    ]


def deploying(op: str = "op-deploy", name: str = "Wiki", probe: bool = True) -> list[Event]:
    """A deployment up to the claimed VMID."""
    return [
        app.DeployRequested(
            operation_id=op, name=name, slug=name.lower(), cluster_id="c1", node=None, spec=spec(probe)
        ),
        app.PreflightPassed(
            operation_id=op,
            node="pve1",
            rootfs_storage="local-lvm",
            template_storage="local",
            template_volid="local:vztmpl/t.tar.gz",
            template_present=True,
            reason="pve1: root disk on local-lvm",
        ),
        app.VmidClaimed(operation_id=op, cluster_id="c1", node="pve1", vmid=20000),
    ]


def intended(step: app.StepName, op: str = "op-deploy") -> app.StepIntended:
    return app.StepIntended(operation_id=op, step=step, runner="r1", attempt=1, node="pve1", vmid=20000, node_time=1)


def deployed(op: str = "op-deploy", name: str = "Wiki") -> list[Event]:
    """A whole deployment that succeeds."""
    return [
        *deploying(op, name),
        intended("create", op),
        app.TaskAccepted(operation_id=op, step="create", upid="UPID:pve1:1"),
        app.ContainerCreated(operation_id=op, node="pve1", vmid=20000),
        intended("configure", op),
        app.ContainerConfigured(operation_id=op),
        intended("start", op),
        app.ContainerStarted(operation_id=op),
        app.AddressFound(operation_id=op, address="10.0.0.5"),
        app.ApplicationAnswered(operation_id=op),
        app.OperationSucceeded(operation_id=op, kind="deploy"),
    ]


def deleted(op: str = "op-delete") -> list[Event]:
    return [
        app.DeleteRequested(operation_id=op, force=False),
        intended("shutdown", op),
        app.ContainerShutDown(operation_id=op),
        intended("destroy", op),
        app.ContainerDestroyed(operation_id=op),
        app.ContainerProvenGone(operation_id=op, node="pve1", vmid=20000),
        app.OperationSucceeded(operation_id=op, kind="delete"),
    ]


EXPLAINED = Explanation(user="ada@pam", task="vzstop", upid="UPID:pve1:00000001", at=1)
STOPPED = Finding(
    key="stopped_outside",
    kind="stopped_outside",
    message="It is stopped and should be running.",
    expected="running",
    observed="stopped",
    explained=EXPLAINED,
)
GONE = Finding(key="gone", kind="gone", message="Its container does not exist any more.")
ORPHAN = Finding(key="orphan", kind="orphan", message="It carries Proximity's marker and belongs to nobody.")


def adopting(op: str = "op-adopt", name: str = "Old", power: Literal["running", "stopped"] = "running") -> list[Event]:
    """An adoption up to the marker."""
    found = Spec(
        recipe="adopted",
        recipe_version="1",
        runtime="adopted",
        resources=Resources(cores=1, memory_mib=512, disk_gib=4),
        web=WebAddress(port=8080),
    )
    return [
        app.AdoptRequested(
            operation_id=op, name=name, slug=name.lower(), cluster_id="c1", node="pve1", vmid=105, spec=found
        ),
        app.ContainerInspected(
            operation_id=op, node="pve2", hostname="unifi", power=power, had_tag=False, had_description=True
        ),
        app.ContainerMarked(operation_id=op, tagged=True),
    ]


def adopted(op: str = "op-adopt", name: str = "Old") -> list[Event]:
    """A whole adoption of a running container."""
    return [
        *adopting(op, name),
        app.AddressFound(operation_id=op, address="10.0.0.7"),
        app.OperationSucceeded(operation_id=op, kind="adopt"),
    ]


def released(op: str = "op-release") -> list[Event]:
    return [
        app.ReleaseRequested(operation_id=op),
        app.ContainerUnmarked(operation_id=op),
        app.OperationSucceeded(operation_id=op, kind="release"),
    ]


def guest(name: str | None = "unifi", type: Literal["lxc", "qemu"] = "lxc", **facts: Any) -> gu.GuestAppeared:
    """Guest c1-105."""
    known = {"node": "pve1", "tags": ("lan", "media"), "cores": 2, "memory": 2**29, "disk": 2**32} | facts
    return gu.GuestAppeared(cluster_id="c1", vmid=105, facts=gu.Facts(name=name, type=type, **known))


def of(category: str, aggregate_id: str, events: Iterable[Event]) -> list[Told]:
    return [(category, aggregate_id, event) for event in events]


def recorded(
    told: Iterable[Told], first: int = 1, apart: timedelta = timedelta(seconds=1), actor: Actor | None = None
) -> list[Recorded[Any]]:
    """As the log would have them: positions in a row from `first` on, `apart` in time."""
    return [
        Recorded(
            event,
            Metadata(
                id=f"event-{position}",
                type=event.TYPE,
                source="urn:proximity:test",
                time=START + position * apart,
                causation_id="cause",
                correlation_id=getattr(event, "operation_id", "correlation"),
                actor=actor or Actor("user", "u1"),
                reason="because",
                version=1,
            ),
            category,
            aggregate_id,
            position,
            START + position * apart,
        )
        for position, (category, aggregate_id, event) in enumerate(told, start=first)
    ]


def folded(told: Iterable[Told]) -> Rows:
    rows = Rows({})
    fold(recorded(told), rows)
    return rows


async def append(bus: Bus, told: Sequence[Told]) -> int:
    """Writes them into the log, each an append of its own. Returns the position of the last one."""
    store = EventStore(bus)
    position = 0
    for category, aggregate_id, event in told:
        aggregate = AGGREGATES[category]
        loaded = await store.load(aggregate, aggregate_id)
        origin = Origin(str(uuid4()), getattr(event, "operation_id", str(uuid4())), Actor("user", "u1"), "because")
        position = (await store.append(aggregate, aggregate_id, loaded, [event], origin)).sequence
    return position
