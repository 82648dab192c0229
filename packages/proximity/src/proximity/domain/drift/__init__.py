"""What is otherwise than it should be. Pure and level-triggered: the same view says the same, however it came about.

A list of the cluster (up to ten seconds old) only raises a suspicion: `suspects` says who deserves a direct look. What
a finding is made of is that look (`find_drift`), and only then is something said in the log (`corrections`).
"""

from proximity.domain.drift.corrections import Correction, Damping, corrections
from proximity.domain.drift.find import find_drift
from proximity.domain.drift.history import locked, missing, powers
from proximity.domain.drift.overlooked import End, Followed, Waiting, overlooked
from proximity.domain.drift.suspects import suspects
from proximity.domain.drift.view import Desired, Difference, Drift, FirstSeen, Known, Listed, Look, Moved, View

__all__ = [
    "Correction",
    "Damping",
    "Desired",
    "Difference",
    "Drift",
    "End",
    "FirstSeen",
    "Followed",
    "Known",
    "Listed",
    "Look",
    "Moved",
    "View",
    "Waiting",
    "corrections",
    "find_drift",
    "locked",
    "missing",
    "overlooked",
    "powers",
    "suspects",
]
