"""What is asked for in a run, and how it has to end whatever goes wrong on the way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import StepName
from proximity.domain.application.image import Image, Volume
from proximity.domain.application.spec import Probe, Resources, Spec, Template
from sweep.world import CLUSTER_ID, World

APP = "a1"
Past = Literal["nothing", "running", "stopped", "adopted"]
PASTS: tuple[Past, ...] = get_args(Past)
Guest = Literal["running", "stopped", "none"]
End = Literal["succeeded", "failed", "cancelled", "rejected"]

_RESOURCES = Resources(cores=1, memory_mib=512, disk_gib=4)
TEMPLATE = Spec(
    recipe="wiki",
    recipe_version="1",
    runtime="template",
    template=Template(name="debian-12-standard", version="12.12-1"),
    resources=_RESOURCES,
    probe=Probe(kind="tcp", port=80),
)
OCI = Spec(
    recipe="wiki",
    recipe_version="1",
    runtime="oci",
    image=Image(reference="docker.io/library/nginx:1.27.3"),
    resources=_RESOURCES,
    volumes=(Volume(path="/data", size_gib=1),),
    environment={"MODE": "production"},
    entrypoint="/entrypoint.sh serve",
    probe=Probe(kind="tcp", port=80),
)


@dataclass(frozen=True)
class Scenario:
    """`ends`: operation id -> how it may end. `guest`: what may be left of it. `undecided`: the command for a
    person that has to be said, None: nothing is undecided.
    """

    name: str
    past: Past
    play: Callable[[World], Awaitable[None]]
    ends: dict[str, frozenset[End]]
    guest: frozenset[Guest]
    prepare: Callable[[World], None] = lambda world: None
    undecided: str | None = None
    # what a person does when nothing is going on any more
    afterwards: Callable[[World], None] = lambda world: None
    # before the one step is intended (or that happens), and after the other is, all is as in another scenario: faults
    # are tried between them
    since: StepName | type[ev.OperationUndecided] | None = None
    until: StepName | None = None
    within: float = 600.0


def ends_of(**ends: End | tuple[End, ...]) -> dict[str, frozenset[End]]:
    return {f"op-{name}": frozenset((end,) if isinstance(end, str) else end) for name, end in ends.items()}


def deploy(spec: Spec) -> cmd.DeployApplication:
    return cmd.DeployApplication(
        operation_id="op-deploy", application_id=APP, name="Wiki", cluster_id=CLUSTER_ID, spec=spec
    )


_FOUND = 150
_ADOPT = cmd.AdoptGuest(
    operation_id="op-adopt",
    application_id=APP,
    name="Wiki",
    cluster_id=CLUSTER_ID,
    node="pve1",
    vmid=_FOUND,
    spec=Spec(recipe="adopted", recipe_version="1", runtime="adopted", resources=_RESOURCES),
)


async def ask(world: World, command: cmd.ApplicationCommand) -> None:
    await world.send(APP, command)


def _one(name: str, spec: Spec | None = None) -> Callable[[World], Awaitable[None]]:
    commands: dict[str, cmd.ApplicationCommand] = {
        "deploy": deploy(spec or TEMPLATE),
        "start": cmd.StartApplication(operation_id="op-start", application_id=APP),
        "shutdown": cmd.ShutdownApplication(operation_id="op-shutdown", application_id=APP),
        "stop": cmd.StopApplication(operation_id="op-stop", application_id=APP),
        "restart": cmd.RestartApplication(operation_id="op-restart", application_id=APP),
        "delete": cmd.DeleteApplication(operation_id="op-delete", application_id=APP),
        "destroy": cmd.DeleteApplication(operation_id="op-delete", application_id=APP, destroy=True),
        "adopt": _ADOPT,
        "release": _RELEASE,
    }

    async def play(world: World) -> None:
        await ask(world, commands[name])

    return play


def happened(world: World, event: type, **fields: object) -> bool:
    return any(
        isinstance(r.event, event) and all(getattr(r.event, key) == value for key, value in fields.items())
        for r in world.of_application(APP)
    )


def then(
    command: cmd.ApplicationCommand, event: type, first: cmd.ApplicationCommand | None = None, **fields: object
) -> Callable[[World], Awaitable[None]]:
    """The command comes in the middle of a deployment, or of what was asked for first, once that event has happened."""

    async def play(world: World) -> None:
        await ask(world, first or deploy(TEMPLATE))
        await world.until(lambda: happened(world, event, **fields) or happened(world, ev.Ended), 300)  # type: ignore[arg-type]
        await ask(world, command)

    return play


async def _restarted(world: World) -> None:
    """Up twice: that there was an earlier start must mislead nobody."""
    await ask(world, deploy(TEMPLATE))
    await world.until(lambda: happened(world, ev.OperationSucceeded), 300)
    await ask(world, cmd.RestartApplication(operation_id="op-earlier", application_id=APP))


async def _adopted_and_changed(world: World) -> None:
    """Between the look at it and the mark somebody changes it."""
    await ask(world, _ADOPT)
    await world.until(lambda: happened(world, ev.ContainerInspected), 300)
    world.somebody_changes(_FOUND)


CANCEL = cmd.CancelOperation(operation_id="op-cancel", application_id=APP, target_operation_id="op-deploy")
_DELETE = cmd.DeleteApplication(operation_id="op-delete", application_id=APP)
_CANCEL_ADOPTION = CANCEL.model_copy(update={"target_operation_id": "op-adopt"})
_RELEASE = cmd.ReleaseApplication(operation_id="op-release", application_id=APP)


def _tag_refused(world: World) -> None:
    """The cluster's options leave tags to others."""
    _found_running(world)
    world.proxmox.tags_refused = True


def _found_running(world: World) -> None:
    world.stranger_has(_FOUND, running=True)


def _found_stopped(world: World) -> None:
    world.stranger_has(_FOUND, running=False)


def broken(world: World) -> None:
    """The container cannot be started: the deployment fails, and cleans up."""
    world.proxmox.startable = False


def _stubborn(world: World) -> None:
    world.proxmox.stubborn = True


def _stranger_first(world: World) -> None:
    """Between the look for a free number and the create somebody else takes it. Nobody shows us whose task that is."""
    world.proxmox.on_create = world.stranger_takes
    world.proxmox.audit = False


def _blind(world: World) -> None:
    world.proxmox.audit = False


RUNNING: frozenset[Guest] = frozenset({"running"})
STOPPED: frozenset[Guest] = frozenset({"stopped"})
NONE: frozenset[Guest] = frozenset({"none"})

PAST = Scenario("deploy and restart", "nothing", _restarted, ends_of(deploy="succeeded", earlier="succeeded"), RUNNING)
SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("deploy template", "nothing", _one("deploy"), ends_of(deploy="succeeded"), RUNNING),
        Scenario("deploy oci", "nothing", _one("deploy", OCI), ends_of(deploy="succeeded"), RUNNING, until="start"),
        Scenario("start", "stopped", _one("start"), ends_of(start="succeeded"), RUNNING),
        Scenario("shutdown", "running", _one("shutdown"), ends_of(shutdown="succeeded"), STOPPED),
        Scenario("stop", "running", _one("stop"), ends_of(stop="succeeded"), STOPPED),
        Scenario("restart", "running", _one("restart"), ends_of(restart="succeeded"), RUNNING),
        Scenario(
            "shutdown in vain",
            "running",
            _one("shutdown"),
            ends_of(shutdown="failed"),
            RUNNING,
            prepare=_stubborn,
            since="shutdown",
        ),
        Scenario(
            "restart in vain",
            "running",
            _one("restart"),
            ends_of(restart="failed"),
            STOPPED,
            prepare=broken,
            since="start",
        ),
        Scenario("delete", "running", _one("delete"), ends_of(delete="succeeded"), NONE),
        Scenario(
            "delete, shutdown in vain",
            "running",
            _one("delete"),
            ends_of(delete="succeeded"),
            NONE,
            prepare=_stubborn,
            until="destroy",
        ),
        Scenario(
            "delete without Sys.Audit",
            "running",
            _one("delete"),
            ends_of(delete="succeeded"),
            NONE,
            prepare=_blind,
            since="destroy",
        ),
        Scenario(
            "cancel in the middle",
            "nothing",
            then(CANCEL, ev.StepIntended, step="create"),
            ends_of(deploy=("cancelled", "succeeded"), cancel=("succeeded", "rejected")),
            frozenset({"none", "running"}),
            since="create",
            until="destroy",
        ),
        Scenario(
            "delete during a deployment",
            "nothing",
            then(_DELETE, ev.StepIntended, step="start"),
            ends_of(deploy=("cancelled", "succeeded"), delete="succeeded"),
            NONE,
            since="start",
            until="destroy",
        ),
        Scenario(
            "failing deployment",
            "nothing",
            _one("deploy"),
            ends_of(deploy="failed"),
            NONE,
            prepare=broken,
            since="start",
        ),
        Scenario(
            "number taken first, without Sys.Audit",
            "nothing",
            _one("deploy"),
            # a second number is for whose very first call was answered "already exists"
            ends_of(deploy=("succeeded", "failed")),
            frozenset({"running", "none"}),
            prepare=_stranger_first,
            since="create",
            until="configure",
        ),
        Scenario("adopt", "nothing", _adopted_and_changed, ends_of(adopt="succeeded"), RUNNING, prepare=_found_running),
        Scenario(
            "adopt what is stopped",
            "nothing",
            _one("adopt"),
            ends_of(adopt="succeeded"),
            STOPPED,
            prepare=_found_stopped,
        ),
        Scenario(
            "adopt without the tag",
            "nothing",
            _one("adopt"),
            ends_of(adopt="succeeded"),
            RUNNING,
            prepare=_tag_refused,
            since="mark",
        ),
        Scenario(
            "adopt and release",
            "nothing",
            then(_RELEASE, ev.OperationSucceeded, _ADOPT, kind="adopt"),
            ends_of(adopt="succeeded", release="succeeded"),
            RUNNING,
            prepare=_found_running,
            since="unmark",
        ),
        Scenario("release", "adopted", _one("release"), ends_of(release="succeeded"), RUNNING),
        Scenario("stop what was adopted", "adopted", _one("stop"), ends_of(stop="succeeded"), STOPPED, since="stop"),
        Scenario("delete what was adopted", "adopted", _one("delete"), ends_of(delete="succeeded"), RUNNING),
        Scenario(
            "destroy what was adopted", "adopted", _one("destroy"), ends_of(delete="succeeded"), NONE, since="destroy"
        ),
        Scenario(
            "cancel an adoption",
            "nothing",
            then(_CANCEL_ADOPTION, ev.StepIntended, _ADOPT, step="mark"),
            ends_of(adopt=("cancelled", "succeeded"), cancel=("succeeded", "rejected")),
            RUNNING,
            prepare=_found_running,
            since="mark",
        ),
        Scenario(
            "delete during an adoption",
            "nothing",
            then(_DELETE, ev.StepIntended, _ADOPT, step="mark"),
            ends_of(adopt=("cancelled", "succeeded"), delete="succeeded"),
            RUNNING,
            prepare=_found_running,
            since="mark",
        ),
    )
}
