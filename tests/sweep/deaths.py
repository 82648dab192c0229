"""A worker of Proxmox dies, and what follows: what is done by itself, and what a person does or says."""

import asyncio
import itertools
from dataclasses import replace
from functools import partial
from typing import Literal

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from sweep.guests import Stage
from sweep.scenarios import (
    APP,
    CANCEL,
    NONE,
    RUNNING,
    SCENARIOS,
    TEMPLATE,
    Scenario,
    ask,
    broken,
    deploy,
    ends_of,
    happened,
    then,
)
from sweep.world import World

UNTIL_SOMEBODY_COMES = 40.0  # seconds
PATIENCE = 600.0
BOTH = "pct unlock {vmid} && pct destroy {vmid} --purge"


def _dying(name: str, type_: str, stage: Stage, operation: str, command: str | None = None) -> Scenario:
    """The worker dies at that stage; where only a person can go on, one does what is said."""
    usual = SCENARIOS[operation]

    async def play(world: World) -> None:
        world.proxmox.deaths.append((type_, stage))
        await usual.play(world)
        if command and await world.until(lambda: happened(world, ev.OperationUndecided), PATIENCE):
            await asyncio.sleep(UNTIL_SOMEBODY_COMES)
            _do_as_said(world)

    return replace(usual, name=name, play=play, undecided=command)


def _do_as_said(world: World) -> None:
    """The last that was said; whoever was asked for nothing does nothing."""
    said = [r.event.command for r in world.of_application(APP) if isinstance(r.event, ev.OperationUndecided)]
    for command in said[-1:]:
        world.proxmox.do(command)


DEATHS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        _dying("create dies before its task", "vzcreate", "gap", "deploy template", BOTH),
        _dying("create dies early", "vzcreate", "early", "deploy template", BOTH),
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


def _half_made(world: World) -> None:
    """The first create leaves something without a lock: it is removed, and made anew under the same number."""
    world.proxmox.deaths.append(("vzcreate", "late"))


def _half_made_and_broken(world: World) -> None:
    _half_made(world)
    broken(world)


REMADE: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        replace(
            SCENARIOS["failing deployment"],
            name="made anew, then it fails",
            prepare=_half_made_and_broken,
            since="destroy",
            until="configure",
        ),
        Scenario(
            "made anew, then cancelled",
            "nothing",
            then(CANCEL, ev.StepIntended, step="destroy"),
            ends_of(deploy=("cancelled", "succeeded"), cancel=("succeeded", "rejected")),
            frozenset({"none", "running"}),
            prepare=_half_made,
            since="destroy",
        ),
    )
}


Verdict = Literal["succeeded", "not_executed", "failed"]


async def _say(world: World, verdict: Verdict) -> None:
    """Again, if the operation was not undecided any more when that was read, and is so once more."""
    for number in itertools.count(1):
        if not await world.until(lambda: _is_undecided(world) or _is_over(world), PATIENCE) or _is_over(world):
            return
        operation = f"op-resolve-{number}"
        said = cmd.ResolveOperation(
            operation_id=operation, application_id=APP, target_operation_id="op-deploy", verdict=verdict
        )
        await ask(world, said)
        await world.until(partial(_is_answered, world, operation), PATIENCE)
        if happened(world, ev.OperationResolved):
            return


def _is_answered(world: World, operation: str) -> bool:
    return happened(world, ev.OperationResolved) or bool(world.rejected(operation))


def _is_undecided(world: World) -> bool:
    app = world.application(APP) if happened(world, ev.OperationUndecided) else None
    return app is not None and app.operation is not None and app.operation.undecided


def _is_over(world: World) -> bool:
    return happened(world, ev.Ended, operation_id="op-deploy")  # type: ignore[arg-type]


async def _clears_away_and_says_so(world: World) -> None:
    """The look that comes by itself may be faster than what the person says."""
    world.proxmox.deaths.append(("vzcreate", "early"))
    await ask(world, deploy(TEMPLATE))
    if await world.until(lambda: happened(world, ev.OperationUndecided), PATIENCE):
        _do_as_said(world)
        await _say(world, "not_executed")


def _mistaken(verdict: Verdict) -> Scenario:
    """A person says it of a create that left its lock: nothing is touched, the deployment fails and says what is left,
    and in the end the person clears that away.
    """

    async def play(world: World) -> None:
        world.proxmox.deaths.append(("vzcreate", "early"))
        await ask(world, deploy(TEMPLATE))
        await _say(world, verdict)

    return Scenario(
        f"a person says {verdict}",
        "nothing",
        play,
        ends_of(deploy="failed"),
        NONE,
        undecided=BOTH,
        since=ev.OperationUndecided,
        afterwards=_do_as_said,
    )


RESOLVED: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "a person says not_executed",
            "nothing",
            _clears_away_and_says_so,
            ends_of(deploy="succeeded"),
            RUNNING,
            undecided=BOTH,
            since=ev.OperationUndecided,
            until="configure",
        ),
        _mistaken("succeeded"),
        _mistaken("failed"),
    )
}


def _slow(world: World) -> None:
    world.proxmox.slower = 10.0


_OTHERS = (replace(SCENARIOS["deploy template"], name="slow deployment", prepare=_slow),)
SWEPT = SCENARIOS | REMADE | RESOLVED
EVERY = SWEPT | DEATHS | {scenario.name: scenario for scenario in _OTHERS}
