"""One run of a scenario under virtual time, from its beginning until nothing is going on any more."""

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from proximity.domain.application import events as ev
from proximity.domain.application.events import StepName
from proximity.domain.model import Event
from proximity.domain.operation.events import CommandDeadLettered, CommandRejected
from sweep.deaths import SWEPT
from sweep.loop import VirtualLoop, run
from sweep.oracles import Oracle
from sweep.points import ALL, Died, Plan, Points
from sweep.replica import edge
from sweep.scenarios import PAST, SCENARIOS, Past, Scenario
from sweep.world import World

SKEW = 600.0
QUIET = 5.0  # seconds that are waited after everything is over: whatever still comes must change nothing
_ENDS = {
    event.TYPE
    for event in (
        ev.OperationSucceeded,
        ev.OperationFailed,
        ev.OperationCancelled,
        CommandRejected,
        CommandDeadLettered,
    )
}


@dataclass(frozen=True)
class Outcome:
    """`violations`: of what must hold. `errors`: of the program itself."""

    scenario: Scenario
    points: Points
    violations: Sequence[str]
    errors: Sequence[str]
    seconds: float
    world: World

    @property
    def wrong(self) -> list[str]:
        return [*self.violations, *self.errors]

    def told(self) -> str:
        """For a person who has to find out why."""
        struck = "; ".join(f"{fault} at {point}" for point, fault in self.points.struck)
        history = "\n".join(
            f"  {(r.stored_at - self.world.log.epoch).total_seconds():8.3f} {r.event!r}"
            for r in self.world.events()
            if r.category in ("application", "operation") and r.stored_at >= self.world.log.epoch
        )
        return f"{self.scenario.name}: {struck or 'no fault'}\n" + "\n".join(self.wrong) + f"\n{history}"


def play(
    scenario: Scenario,
    points: Points | None = None,
    seed: int | None = None,
    skews: tuple[float, ...] = (0.0,),
    *,
    look: bool = False,
    impatient: bool = False,
) -> Outcome:
    """`seed`: shuffles what is ready at the same time. `skews`: of the clocks of the replicas, as many as there are.
    `look`: at each point, at what the world is like. `impatient`: as of the world.
    """
    beginning = past(scenario.past)
    with edge():
        return run(_play(beginning, scenario, points or Points(), skews, look=look, impatient=impatient), seed)


async def _play(
    beginning: World | None,
    scenario: Scenario,
    points: Points,
    skews: tuple[float, ...],
    *,
    look: bool,
    impatient: bool,
) -> Outcome:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    world = beginning.copy(points, skews) if beginning else await World.empty()
    points.world = world.fingerprint if look else None
    world.points, world.skews, world.asked, world.everybody = points, skews, [], len(skews) > 1
    world.impatient = impatient
    oracle = Oracle()
    world.told, world.watch = oracle.told, oracle.watch
    await world.begin()
    scenario.prepare(world)
    await scenario.play(world)
    ended = await world.until(lambda: _over(world), scenario.within * (3 if points.chance else 1))
    points.quiet = True
    at = loop.time()
    await world.until(lambda: world.proxmox.under_way == 0 and not world.undecided, 200.0)
    scenario.afterwards(world)
    await asyncio.sleep(QUIET)
    world.end()
    violations = oracle.finish(world, scenario, ended=ended, disturbed=bool(points.struck))
    return Outcome(scenario, points, violations, _errors(world, loop), at, world)


def _errors(world: World, loop: VirtualLoop) -> list[str]:
    errors = [f"{replica.name}: {error}" for replica in world.replicas for error in replica.errors]
    if (reconciling := world.reconciling) and reconciling.done() and not reconciling.cancelled():
        errors.append(f"the reconciler ended: {reconciling.exception()!r}")
    unexpected = [context for context in loop.unexpected if not isinstance(context.get("exception"), Died)]
    return [*errors, *(f"unexpected: {context}" for context in unexpected)]


def _over(world: World) -> bool:
    ended = {r.event.operation_id for r in world.events() if r.metadata.type in _ENDS}
    return ended.issuperset(world.asked)


@cache
def past(name: Past) -> World | None:
    """What the scenario begins with; made by running the product undisturbed."""
    if name == "nothing":
        return None
    made_by = {"running": PAST, "stopped": SCENARIOS["shutdown"], "adopted": SCENARIOS["adopt"]}
    outcome = play(made_by[name])
    assert not outcome.wrong, outcome.told()
    return outcome.world


def singles(scenario: Scenario) -> list[tuple[str, Plan]]:
    """Every fault at every point of an undisturbed run that is the scenario's own, each with its name."""
    dry = play(scenario, look=True)
    assert not dry.wrong, dry.told()
    assert any(point.kind == "effect" for point in dry.points.reached), "nothing was asked of Proxmox"
    since = _position(dry.world, scenario.since) if scenario.since else 0
    # the event before it, too: whoever looked then decided on that step
    since -= isinstance(scenario.since, str)
    until = _position(dry.world, scenario.until) if scenario.until else math.inf
    own = ((point, fault) for point, fault in dry.points.singles() if since <= point.position < until)
    return [(f"{fault} at {point}", {point.number: fault}) for point, fault in own]


def _position(world: World, what: StepName | type[Event]) -> int:
    """Where the log says first that a step is intended, or that something happened. Its past is not looked at."""
    for record in world.events():
        event = record.event
        named = event.step == what if isinstance(event, ev.StepIntended) else type(event) is what
        if named and record.stored_at >= world.log.epoch:
            return record.position
    raise ValueError(f"never: {what}")


def interleaved(seed: int) -> Outcome:
    """Two replicas that live at once, with clocks of their own and faults by chance, and every third time an impatient
    reconciler: all of it is in the seed.
    """
    chance = random.Random(seed)
    scenario = chance.choice(list(SWEPT.values()))
    skews = (chance.uniform(-SKEW, SKEW), chance.uniform(-SKEW, SKEW))
    points = Points(chance=chance, often=10 ** chance.uniform(-3.5, -1.7), menu=ALL)
    return play(scenario, points, seed, skews, impatient=seed % 3 == 0)
