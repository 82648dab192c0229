"""What people and other tools do to a cluster, behind Proximity's back."""

from dataclasses import replace
from typing import Any

from proximity.domain.application.marker import Marker
from reality.stage import Stage
from reality.truth import NODES, Guest


async def stir(stage: Stage) -> None:
    """Something may happen, also while an operation of Proximity's is going on."""
    for key in list(stage.busy):
        # some deployments nobody works on for a while
        if stage.random.random() < (0.05 if stage.busy[key] == "deploy" else 0.5):
            in_vain = stage.busy[key] in ("start", "stop") and stage.random.random() < 0.3
            await (stage.in_vain(key) if in_vain else stage.finish(key))
    for key in stage.living:
        if key in stage.busy:
            continue
        if stage.random.random() < 0.01:
            await _order(stage, key)
        elif stage.random.random() < 0.03:
            _interfere(stage, key)
    for key in sorted(stage.deleted):
        vmid = stage.made[key].vmid
        if vmid not in stage.truth.guests and not any(stage.made[k].vmid == vmid for k in stage.living):
            if stage.random.random() < 0.02:
                await stage.deploy(vmid)
            elif stage.random.random() < 0.01:
                stage.truth.set(vmid, stage.made[key], "vzrestore")
        elif vmid in stage.truth.guests and stage.truth.guests[vmid].of == key and stage.random.random() < 0.02:
            stage.truth.set(vmid, None, "vzdestroy")
    if stage.random.random() < 0.02:
        _copy(stage)


async def _order(stage: Stage, key: str) -> None:
    """What succeeds, or comes to nothing; how else operations fail is told elsewhere."""
    there = stage.truth.guests.get(stage.made[key].vmid)
    if there is None or there.marker != stage.made[key].marker:
        return
    await stage.order(key, "delete" if stage.random.random() < 0.1 else stage.random.choice(("stop", "start")))


def _interfere(stage: Stage, key: str) -> None:
    made, pick, dice = stage.made[key], stage.random.choice, stage.random.random()
    there = stage.truth.guests.get(made.vmid)
    if there is None:
        machine = dice < 0.7
        stranger = Guest(made.vmid, pick(NODES), kind="qemu" if machine else "lxc")
        restored = replace(made, node=pick(NODES))
        stage.truth.set(
            made.vmid, *((restored, "vzrestore") if dice < 0.5 else (stranger, "qmcreate" if machine else "vzcreate"))
        )
    elif dice < (0.1 if there.of else 0.5):
        stage.truth.set(made.vmid, None, "vzdestroy")
    elif there.of:
        change, task = _change(stage, made, there)
        stage.truth.set(made.vmid, replace(there, **change), task)


def _change(stage: Stage, made: Guest, there: Guest) -> tuple[dict[str, Any], str]:
    pick = stage.random.choice
    power = ({"running": not there.running}, pick(("", "vzstop" if there.running else "vzstart")))
    options: list[tuple[dict[str, Any], str]] = [
        power,
        power,
        ({"name": pick(("renamed", "another", made.name))}, ""),
        ({"memory": pick((512, 1024, 2048))}, ""),
        ({"token": pick(("t1", "t2"))}, ""),
        ({"node": pick(NODES)}, "vzmigrate"),
        ({"marker": pick(("", made.marker, made.marker))}, ""),
        ({"lock": pick((None, "backup")), "locked": stage.truth.seconds()}, ""),
    ]
    return pick(options)


def _copy(stage: Stage) -> None:
    """Somebody clones a container with its description, or removes what is nobody's."""
    vmid = stage.random.randint(300, 305)
    if vmid in stage.truth.guests:
        stage.truth.set(vmid, None, "vzdestroy")
        return
    marker = stage.random.choice(("", stage.random.choice(list(stage.made.values())).marker))
    marker = stage.random.choice((marker, marker, Marker("other", "a0", "o", vmid).line()))
    stage.truth.set(vmid, Guest(vmid, stage.random.choice(NODES), marker=marker, tags="proximity"), "vzclone")
