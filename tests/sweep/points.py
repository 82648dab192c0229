"""Where a replica touches the world: every call on the log or on Proxmox is a numbered point, where a fault may happen.

Numbers are counted over the whole run, successors included, so that a plan can hold a second fault for the successor.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

Kind = Literal["read", "hint", "write", "look", "effect"]
"""`read`, `write`, `hint` (whatever else is written: a wake-up, a lease, an acknowledgement): on the log. `look`,
`effect`: on Proxmox.
"""
Mode = Literal[
    "dies before",  # the call is never sent
    "dies after",  # it took place, and nobody reads the answer
    "unanswered",  # read, look: no answer
    "unstored",  # write: no answer, nothing stored
    "stored",  # write: no answer, and stored all the same
    "away",  # write: no answer, nothing stored, and none to anything on the log for a while
    "stored, away",
    "lost",  # effect: executed at once, the answer got lost
    "late",  # effect: no answer, executed later
    "never",  # effect: no answer, never executed
    "held",  # effect: no answer, executed right before the next call, or after a while
    "dies, late",  # effect: the replica dies, executed later
    "frozen",  # it stands still before the call, for a while
    "unleased",  # its lease vanishes, it knows nothing of that
]


@dataclass(frozen=True)
class Fault:
    """`seconds`: how late, how long away or frozen."""

    mode: Mode
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.mode} {self.seconds:g} s" if self.seconds else self.mode


LATE = (1.0, 45.0, 100.0)
HELD = 150.0
FEW = 0.001  # seconds: so short a way takes no time, unless ways are left to chance
AWAY = 25.0  # longer than an append tries, and than a lease lives
_DIES = Fault("dies before")
FAULTS: Mapping[Kind, tuple[Fault, ...]] = {
    "read": (_DIES, Fault("unanswered")),
    "look": (_DIES, Fault("unanswered")),
    # to die after it is to die before the next point
    "hint": (_DIES, Fault("away", AWAY)),
    "write": (
        _DIES,
        Fault("dies after"),
        Fault("unstored"),
        Fault("stored"),
        Fault("away", AWAY),
        Fault("stored, away", AWAY),
    ),
    "effect": (
        _DIES,
        Fault("dies after"),
        Fault("lost"),
        Fault("never"),
        Fault("held", HELD),
        *(Fault("late", seconds) for seconds in LATE),
        *(Fault("dies, late", seconds) for seconds in LATE),
    ),
}


_STRANGE = (Fault("frozen", 15.0), Fault("frozen", 60.0), Fault("unleased"))
ALL = {kind: (*faults, *_STRANGE) for kind, faults in FAULTS.items()}


@dataclass(frozen=True)
class Point:
    """`position`, `world`: how far the log was, and what all was like, where somebody asked for that."""

    number: int
    kind: Kind
    name: str
    position: int = 0
    world: object = None

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


Plan = Mapping[int, Fault]


@dataclass
class Points:
    """The points of one run, in the order in which they were reached. `chance`: shuffles how long calls travel."""

    plan: Plan = field(default_factory=dict)
    chance: random.Random | None = None
    often: float = 0.0
    menu: Mapping[Kind, tuple[Fault, ...]] = field(default_factory=lambda: FAULTS)
    reached: list[Point] = field(default_factory=list)
    struck: list[tuple[Point, Fault]] = field(default_factory=list)
    quiet: bool = False
    world: Callable[[], tuple[int, object]] | None = None

    def reach(self, kind: Kind, name: str) -> Fault | None:
        point = Point(len(self.reached), kind, name, *(self.world() if self.world else ()))
        self.reached.append(point)
        fault = self.plan.get(point.number)
        if fault is None and self.chance and not self.quiet and self.chance.random() < self.often:
            fault = self.chance.choice(self.menu[kind])
        if fault is not None:
            self.struck.append((point, fault))
        return fault

    def travel(self, usual: float) -> float:
        """Seconds until a request arrives, or its answer."""
        return usual if self.chance is None else usual * 10 ** self.chance.uniform(-1.5, 1.0)

    def singles(self) -> Iterator[tuple[Point, Fault]]:
        """Every fault at every point, once each.

        To die where the next point finds the same world is to die there: a dead replica has no memory, so only what is
        different outside of it makes another run.
        """
        for point, next_one in zip_longest(self.reached, self.reached[1:]):
            same = next_one is not None and point.world is not None and point.world == next_one.world
            for fault in FAULTS[point.kind]:
                if not (same and fault == _DIES):
                    yield point, fault


class Died(BaseException):
    """The process is no more. What still runs of it is unwound, and nothing of it acts again."""


class Gate:
    """Between one replica and the world."""

    def __init__(self, points: Points, name: str) -> None:
        self.points = points
        self.name = name
        self.dead = False
        self.away_until = 0.0
        self.on_death: Callable[[], None] = lambda: None
        self.on_unleased: Callable[[], None] = lambda: None
        self._frozen_until = 0.0

    async def arrive(self, kind: Kind, name: str, usual: float) -> Fault | None:
        """The fault to be carried out by the caller, once the request has arrived. Raises Died."""
        await self._thawed()
        fault = self.points.reach(kind, f"{self.name} {name}")
        match fault:
            case Fault("dies before"):
                self.die()
            case Fault("frozen", seconds):
                self._frozen_until = asyncio.get_running_loop().time() + seconds
                await self._thawed()
                fault = None
            case Fault("unleased"):
                self.on_unleased()
                fault = None
        await asyncio.sleep(self.points.travel(usual) if usual > FEW or self.points.chance else 0)
        self.must_live()
        return fault

    async def leave(self, usual: float = 0.0) -> None:
        """The answer travels back. Raises Died."""
        if usual or self.points.chance:
            await asyncio.sleep(self.points.travel(usual or 0.0005))
        await self._thawed()

    def die(self) -> None:
        """Raises Died."""
        self.dead = True
        self.on_death()
        raise Died

    def must_live(self) -> None:
        if self.dead:
            raise Died

    async def _thawed(self) -> None:
        self.must_live()
        while (wait := self._frozen_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait)
            self.must_live()
