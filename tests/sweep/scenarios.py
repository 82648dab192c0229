"""What is asked for in a run, and how it has to end whatever goes wrong on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.events import StepName
from proximity.domain.application.image import Image, Volume
from proximity.domain.application.spec import Probe, Resources, Spec, Template
from sweep.guests import Stage
from sweep.world import CLUSTER_ID, World

APP = "a1"
Past = Literal["nothing", "running", "stopped", "adopted"]
UNTIL_SOMEBODY_COMES = 40.0  # seconds
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
    # until that step is intended, all is as in another scenario: faults are tried from there on
    since: StepName | None = None
    within: float = 600.0


def _ends(**ends: End | tuple[End, ...]) -> dict[str, frozenset[End]]:
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


def _then(
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


_CANCEL = cmd.CancelOperation(operation_id="op-cancel", application_id=APP, target_operation_id="op-deploy")
_DELETE = cmd.DeleteApplication(operation_id="op-delete", application_id=APP)


_CANCEL_ADOPTION = _CANCEL.model_copy(update={"target_operation_id": "op-adopt"})


_RELEASE = cmd.ReleaseApplication(operation_id="op-release", application_id=APP)


def _tag_refused(world: World) -> None:
    """The cluster's options leave tags to others."""
    _found_running(world)
    world.proxmox.tags_refused = True


def _found_running(world: World) -> None:
    world.stranger_has(_FOUND, running=True)


def _found_stopped(world: World) -> None:
    world.stranger_has(_FOUND, running=False)


def _broken(world: World) -> None:
    """The container cannot be started: the deployment fails, and cleans up."""
    world.proxmox.startable = False


def _stubborn(world: World) -> None:
    world.proxmox.stubborn = True


def _stranger_first(world: World) -> None:
    """Between the look for a free number and the create somebody else takes it."""
    world.proxmox.on_create = world.stranger_takes


RUNNING: frozenset[Guest] = frozenset({"running"})
STOPPED: frozenset[Guest] = frozenset({"stopped"})
NONE: frozenset[Guest] = frozenset({"none"})

PAST = Scenario("deploy and restart", "nothing", _restarted, _ends(deploy="succeeded", earlier="succeeded"), RUNNING)
SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("deploy template", "nothing", _one("deploy"), _ends(deploy="succeeded"), RUNNING),
        Scenario("deploy oci", "nothing", _one("deploy", OCI), _ends(deploy="succeeded"), RUNNING),
        Scenario("start", "stopped", _one("start"), _ends(start="succeeded"), RUNNING),
        Scenario("shutdown", "running", _one("shutdown"), _ends(shutdown="succeeded"), STOPPED),
        Scenario("stop", "running", _one("stop"), _ends(stop="succeeded"), STOPPED),
        Scenario("restart", "running", _one("restart"), _ends(restart="succeeded"), RUNNING),
        Scenario("delete", "running", _one("delete"), _ends(delete="succeeded"), NONE),
        Scenario(
            "delete, shutdown in vain", "running", _one("delete"), _ends(delete="succeeded"), NONE, prepare=_stubborn
        ),
        Scenario(
            "cancel in the middle",
            "nothing",
            _then(_CANCEL, ev.StepIntended, step="create"),
            _ends(deploy=("cancelled", "succeeded"), cancel=("succeeded", "rejected")),
            frozenset({"none", "running"}),
            since="create",
        ),
        Scenario(
            "delete during a deployment",
            "nothing",
            _then(_DELETE, ev.StepIntended, step="start"),
            _ends(deploy=("cancelled", "succeeded"), delete="succeeded"),
            NONE,
            since="start",
        ),
        Scenario(
            "failing deployment",
            "nothing",
            _one("deploy"),
            _ends(deploy="failed"),
            NONE,
            prepare=_broken,
            since="start",
        ),
        Scenario(
            "number taken first",
            "nothing",
            _one("deploy"),
            # a second number is for whose very first call was answered "already exists"
            _ends(deploy=("succeeded", "failed")),
            frozenset({"running", "none"}),
            prepare=_stranger_first,
            since="create",
        ),
        Scenario("adopt", "nothing", _one("adopt"), _ends(adopt="succeeded"), RUNNING, prepare=_found_running),
        Scenario(
            "adopt what is stopped", "nothing", _one("adopt"), _ends(adopt="succeeded"), STOPPED, prepare=_found_stopped
        ),
        Scenario(
            "adopt without the tag", "nothing", _one("adopt"), _ends(adopt="succeeded"), RUNNING, prepare=_tag_refused
        ),
        Scenario(
            "adopt and release",
            "nothing",
            _then(_RELEASE, ev.OperationSucceeded, _ADOPT, kind="adopt"),
            _ends(adopt="succeeded", release="succeeded"),
            RUNNING,
            prepare=_found_running,
        ),
        Scenario("release", "adopted", _one("release"), _ends(release="succeeded"), RUNNING),
        Scenario("stop what was adopted", "adopted", _one("stop"), _ends(stop="succeeded"), STOPPED),
        Scenario("delete what was adopted", "adopted", _one("delete"), _ends(delete="succeeded"), RUNNING),
        Scenario("destroy what was adopted", "adopted", _one("destroy"), _ends(delete="succeeded"), NONE),
        Scenario(
            "cancel an adoption",
            "nothing",
            _then(_CANCEL_ADOPTION, ev.StepIntended, _ADOPT, step="mark"),
            _ends(adopt=("cancelled", "succeeded"), cancel=("succeeded", "rejected")),
            RUNNING,
            prepare=_found_running,
        ),
        Scenario(
            "delete during an adoption",
            "nothing",
            _then(_DELETE, ev.StepIntended, _ADOPT, step="mark"),
            _ends(adopt=("cancelled", "succeeded"), delete="succeeded"),
            RUNNING,
            prepare=_found_running,
        ),
    )
}


def _dying(name: str, type_: str, stage: Stage, operation: str, command: str | None = None) -> Scenario:
    """The worker dies at that stage; where only a person can go on, one does what is said."""
    usual = SCENARIOS[operation]

    async def play(world: World) -> None:
        world.proxmox.deaths.append((type_, stage))
        await usual.play(world)
        if command and await world.until(lambda: happened(world, ev.OperationUndecided), 600):
            await asyncio.sleep(UNTIL_SOMEBODY_COMES)
            *_, said = (
                r.event.command for r in world.of_application(APP) if isinstance(r.event, ev.OperationUndecided)
            )
            world.proxmox.do(said)

    return replace(usual, name=name, play=play, undecided=command)


BOTH = "pct unlock {vmid} && pct destroy {vmid} --purge"
DEATHS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        _dying(
            "create dies before its task",
            "vzcreate",
            "gap",
            "deploy template",
            BOTH,
        ),
        _dying(
            "create dies early",
            "vzcreate",
            "early",
            "deploy template",
            BOTH,
        ),
        _dying("create dies late", "vzcreate", "late", "deploy template"),
        _dying("start dies early", "vzstart", "early", "start"),
        _dying("start dies late", "vzstart", "late", "start"),
        _dying("shutdown dies early", "vzshutdown", "early", "shutdown"),
        _dying("shutdown dies late", "vzshutdown", "late", "shutdown"),
        _dying("stop dies early", "vzstop", "early", "stop"),
        _dying("stop dies late", "vzstop", "late", "stop"),
        _dying("destroy dies early", "vzdestroy", "early", "delete"),
        _dying("destroy dies late", "vzdestroy", "late", "delete", BOTH),
        _dying("download dies early", "download", "early", "deploy template"),
        _dying("download dies late", "download", "late", "deploy template"),
        _dying("pull dies early", "ociregistrypull", "early", "deploy oci"),
        _dying("pull dies late", "ociregistrypull", "late", "deploy oci"),
    )
}


def _slow(world: World) -> None:
    world.proxmox.slower = 10.0


_OTHERS = (replace(SCENARIOS["deploy template"], name="slow deployment", prepare=_slow),)
EVERY = SCENARIOS | DEATHS | {scenario.name: scenario for scenario in _OTHERS}
