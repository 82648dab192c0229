"""What is otherwise than it should be: find_drift(desired, view) -> findings. Pure and level-triggered: the same view
says the same, however it came about.

A list of the cluster (up to ten seconds old) only raises a suspicion. What a finding about power, place, name,
configuration or absence is made of is a direct look at the one guest; see `suspects`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Baseline
from proximity.domain.finding import Finding


@dataclass(frozen=True)
class Desired:
    """An application's container as the log has it. `busy`: an operation is in flight, so nothing is said of it.

    `power` None: nothing is wanted of it. `since`: when the log stored the last event about it. `open`: by key.
    """

    application_id: str
    vmid: int
    node: str
    hostname: str
    marker: Marker
    power: Literal["running", "stopped"] | None
    busy: bool
    since: datetime
    baseline: Baseline | None = None
    open: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """A guest in the cluster's list. `running` None: the list does not know (yet)."""

    vmid: int
    node: str
    name: str | None
    running: bool | None
    lock: str | None = None


@dataclass(frozen=True)
class Look:
    """A direct look at one guest. `state` gone: no guest of the cluster has that number, said by a quorate cluster;
    forbidden: it is there, and the token may not see it; elsewhere: on another node.

    `environment`: variable -> keyed hash of its value.
    """

    at: datetime
    state: Literal["there", "gone", "forbidden", "elsewhere"]
    node: str
    running: bool | None = None
    hostname: str | None = None
    lock: str | None = None
    markers: tuple[Marker, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """What is known of a cluster at `at` (the log's clock). `complete`: quorate, every node answered, and no right was
    lost; only then does the list prove anything by what is not in it.

    `away`: nodes that do not answer; what the list says of their guests is old. `missing`: number of complete lists in
    a row that did not have the guest. `locked`: since when the guest has the lock it has.
    """

    at: datetime
    complete: bool
    away: frozenset[str] = frozenset()
    guests: Mapping[int, Listed] = field(default_factory=dict)
    looks: Mapping[int, Look] = field(default_factory=dict)
    missing: Mapping[int, int] = field(default_factory=dict)
    locked: Mapping[int, datetime] = field(default_factory=dict)
