"""What is done to the stack, and when: a pure function of the seed, so that a run can be had again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

ROUND = 10
"""So many trials follow each other; then all faults heal, everything has to end, and the oracles are asked."""
FROZEN_SECONDS = 12.0
"""Longer than a lease (10 s): whoever wakes up has been replaced."""

How = Literal["kill", "freeze"]
T = TypeVar("T")

BOTH = ("provisioner-1", "provisioner-2")
TARGETS: tuple[tuple[str, ...], ...] = (
    ("provisioner-1",), ("provisioner-2",), BOTH, ("api",), ("projector",), ("reconciler",), ("nats",), ("postgres",),
)  # fmt: skip
FREEZES = 2
"""In each round, beside one kill of each target; with them a round has its ten trials."""
TROUBLED = 6
"""So many trials of a round have a fault of the simulator, too."""

CALLS: tuple[dict[str, str], ...] = (
    {"method": "POST", "path": r"/lxc$|/status/\w+$"},
    {"method": "POST", "path": r"/status/\w+$"},
    {"method": "POST", "path": r"/lxc$"},
    {"method": "PUT", "path": r"/config$"},
    {"method": "DELETE", "path": r"/lxc/\d+$"},
    {"method": "POST", "path": r"/oci-registry-pull$"},
)


@dataclass(frozen=True)
class Blow:
    """`targets` are killed or frozen `after` seconds from a moment at which several tasks run on Proxmox."""

    how: How
    targets: tuple[str, ...]
    after: float

    @property
    def name(self) -> str:
        return f"{self.how} {' and '.join(self.targets)}"


@dataclass(frozen=True)
class Trouble:
    """A fault of the simulator, in its own words; `of`: which of the guests it strikes, as a share of their list."""

    name: str
    kind: str
    cluster: int
    match: dict[str, Any]
    what: dict[str, Any]
    of: float | None = None


@dataclass(frozen=True)
class Trial:
    """`pause`: seconds to the next one."""

    number: int
    blow: Blow
    trouble: Trouble | None
    pause: float

    def __str__(self) -> str:
        trouble = f", {self.trouble.name} on cluster {self.trouble.cluster + 1}" if self.trouble else ""
        return f"trial {self.number}: {self.blow.name} after {self.blow.after:.2f} s{trouble}"


def plan(seed: str, trials: int) -> tuple[Trial, ...]:
    """Every target is killed once in each round of ten; freezes and faults come in turn, in an order by chance.

    They come early in a round: who is frozen has to wake up, and a fault to meet somebody, before it ends.
    """
    chance = random.Random(f"{seed} plan")
    freezes, troubles = _turns(chance, TARGETS), _turns(chance, tuple(TROUBLES))
    made: list[Trial] = []
    while len(made) < trials:
        blows: list[tuple[How, tuple[str, ...]]] = [("kill", targets) for targets in _turned(chance, TARGETS)]
        for _ in range(FREEZES):
            blows.insert(chance.randrange(ROUND // 2), ("freeze", next(freezes)))
        troubled = set(chance.sample(range(ROUND - 2), TROUBLED))
        for index, (how, targets) in enumerate(blows):
            blow = Blow(how, targets, round(chance.uniform(0.0, 0.4), 3))
            trouble = _trouble(chance, next(troubles)) if index in troubled else None
            made.append(Trial(len(made) + 1, blow, trouble, round(chance.uniform(0.5, 1.5), 3)))
    return tuple(made[:trials])


def rounds(trials: Sequence[Trial]) -> list[Sequence[Trial]]:
    return [trials[begin : begin + ROUND] for begin in range(0, len(trials), ROUND)]


def _turns(chance: random.Random, of: Sequence[T]) -> Iterator[T]:
    """All of them in an order by chance, then all of them again in another one."""
    while True:
        yield from _turned(chance, of)


def _turned(chance: random.Random, of: Sequence[T]) -> list[T]:
    return chance.sample(of, len(of))


TROUBLES = {
    "slow": "slow",
    "dropped before": "drop_before",
    "dropped after": "drop_after",
    "late effect": "late",
    "596": "596",
    "596 after the effect": "596",
    "no worker": "task_lost",
    "task fails": "task_error",
    "create killed early": "task_killed",
    "create killed late": "task_killed",
    "worker killed early": "task_killed",
    "worker killed late": "task_killed",
    "worker hangs": "task_held",
    "task log gone": "task_log_gone",
    "locked": "lock",
    "node offline": "node_offline",
    "daemon down": "pvedaemon_down",
    "quorum lost": "quorum_lost",
    "token revoked": "token_revoked",
    "storage full": "storage_full",
    "storage away": "storage_away",
    "clock astray": "time_skew",
    "certificate replaced": "certificate",
    "old version": "old_version",
    "no skopeo": "no_skopeo",
    "no DHCP": "no_dhcp",
}
"""Name -> kind of the simulator's fault."""

OF_IMAGES = ("old version", "no skopeo")
"""Only who has to pull an image meets these: they last longer."""
OLD_VERSION = "8.4.1"
OTHER_TASKS = ("vzstart", "vzshutdown", "vzstop", "vzdestroy", "ociregistrypull")


def _trouble(chance: random.Random, name: str) -> Trouble:
    kind, cluster = TROUBLES[name], chance.randrange(2)
    struck: dict[str, Any] = {}
    what: dict[str, Any] = {}
    of = None
    match kind:
        case "slow" | "drop_before" | "drop_after" | "late" | "596":
            struck = dict(chance.choice(CALLS))
            what = {"times": chance.randint(1, 3)}
            if kind in ("slow", "late"):
                what["seconds"] = round(chance.uniform(0.5, 3.0), 2)
            if kind == "596":
                what["effect"] = "effect" in name
        case "task_lost" | "task_error":
            struck = {"type": chance.choice(("vzcreate", *OTHER_TASKS))}
            what = {"effect": chance.random() < 0.5} if kind == "task_error" else {}
        case "task_killed":
            struck = {"type": "vzcreate" if "create" in name else chance.choice(OTHER_TASKS)}
            what = {"stage": "early" if "early" in name else "late"}
        case "task_held":
            what = {"stage": chance.choice(("early", "late")), "seconds": round(chance.uniform(1.0, 5.0), 2)}
        case "lock":
            what, of = {"lock": chance.choice(("backup", "mounted")), "seconds": _while(chance)}, chance.random()
        case "node_offline" | "pvedaemon_down":
            struck, what = {"node": chance.choice(("pve1", "pve2"))}, {"seconds": _while(chance)}
        case "old_version":
            what = {"text": OLD_VERSION, "seconds": 2 * _while(chance)}
        case "no_skopeo":
            what = {"seconds": 2 * _while(chance)}
        case "time_skew":
            what = {"skew": chance.choice((-5.0, 5.0)), "seconds": _while(chance)}
        case _:
            what = {"seconds": _while(chance)}
    return Trouble(name, kind, cluster, struck, what, of)


def _while(chance: random.Random) -> float:
    return round(chance.uniform(1.0, 4.0), 2)
