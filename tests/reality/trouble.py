"""What keeps somebody from seeing a cluster as it is."""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Literal

from reality.truth import NODES

Rights = Literal["everything", "but some guests", "without telling", "no environment", "no Sys.Audit", "nothing"]
# What a cluster as a whole does instead of answering.
Deaf = Literal["", "refuses", "is silent", "596", "proxy's page", "401"]
Question = Literal[
    "resources", "status", "tasks", "permissions", "config", "current", "interfaces", "nextid", "storage", "chart"
]
_QUESTIONS: tuple[Question, ...] = (
    *("resources", "status", "tasks", "permissions"),
    *("config", "current", "interfaces", "nextid", "chart"),
)


@dataclass(frozen=True)
class Trouble:
    """`since`: when it began: a node without quorum knows what was true then. `hidden`: guests that the rights do not
    reach. `omitted`: left out of the list without a word. `halved`: questions that are answered now and then. `stuck`:
    pvestatd tells nothing new. `slow`: seconds until an answer. `skew`: of the clock of who looks. `no_log`: NATS does
    not answer.
    """

    since: float = 0.0
    away: frozenset[str] = frozenset()
    quorate: bool = True
    deaf: Deaf = ""
    rights: Rights = "everything"
    hidden: frozenset[int] = frozenset()
    omitted: frozenset[int] = frozenset()
    halved: frozenset[Question] = frozenset()
    stuck: bool = False
    slow: float = 0.0
    skew: float = 0.0
    no_log: bool = False


def any_trouble(random: Random, now: float, vmids: Collection[int]) -> Trouble:
    """One or several at once; a quarter of the time none."""
    some = frozenset(vmid for vmid in sorted(vmids) if random.random() < 0.3)
    quorate = random.random() > 0.12
    away: frozenset[str] = frozenset()
    if random.random() < 0.2:
        away = frozenset({random.choice(NODES)})
    elif not quorate and random.random() < 0.5:
        away = frozenset(NODES[1:])
    rights: Rights = "everything"
    if random.random() < 0.25:
        rights = random.choice(("but some guests", "without telling", "no environment", "no Sys.Audit", "nothing"))
    return Trouble(
        since=now,
        away=away,
        quorate=quorate,
        deaf=random.choice(("refuses", "is silent", "596", "proxy's page", "401")) if random.random() < 0.1 else "",
        rights=rights,
        hidden=some if rights in ("but some guests", "without telling") else frozenset(),
        omitted=some if random.random() < 0.1 else frozenset(),
        halved=frozenset(q for q in _QUESTIONS if random.random() < 0.3) if random.random() < 0.2 else frozenset(),
        stuck=random.random() < 0.1,
        slow=random.choice((1.0, 5.0, 12.0)) if random.random() < 0.1 else 0.0,
        skew=random.choice((0.0, 0.0, -2.0, 2.0)),
        no_log=random.random() < 0.05,
    )
