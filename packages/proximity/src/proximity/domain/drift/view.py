"""What the log wants (Desired) and what Proxmox shows (View): the two sides of a comparison, and what differs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Baseline
from proximity.domain.drift.configuration import comparable
from proximity.domain.finding import Finding


@dataclass(frozen=True)
class Desired:
    """An application's container as the log has it. `busy`: an operation is in flight, or it was never deployed, so
    nothing is said of it.

    `power` None: nothing is wanted of it. `since`: when the log stored the last event about it. `open`: by key. `lost`:
    what a call of ours leads to whose answer was lost, so that it may be carried out late.
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
    lost: Literal["running", "stopped"] | None = None


@dataclass(frozen=True)
class Known:
    """An application of this installation, deleted ones too. `since`: when the log stored the last event about it.
    `has_container`: on whichever cluster.
    """

    name: str
    since: datetime
    has_container: bool = False


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

    `node`: where it was looked at. `running` None: not known. `values`: its whole configuration, empty if that could
    not be read, and then hostname, markers and environment are not known either; of what may be secret a keyed hash.
    `environment`: variable -> keyed hash of its value. `whole` False: only the state was asked for.
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
    whole: bool = True

    @cached_property
    def configuration(self) -> dict[str, str]:
        """What of `values` is compared."""
        return comparable(self.values)


@dataclass(frozen=True)
class View:
    """What is known of a cluster at `at` (the log's clock). `complete`: quorate, every node answered, and no right was
    lost; only then does the list prove anything by what is not in it. `quorate`: known to be so although the view is
    not complete; only then does a direct look count in an incomplete view.

    `away`: nodes that do not answer; what the list says of their guests is old. `missing`: when the complete lists in
    a row were made that did not have the guest, the first few of them. `locked`: which lock a guest has, since when.
    Both are kept from sweep to sweep by history.py.
    """

    at: datetime
    complete: bool
    quorate: bool = False
    away: frozenset[str] = frozenset()
    guests: Mapping[int, Listed] = field(default_factory=dict)
    looks: Mapping[int, Look] = field(default_factory=dict)
    missing: Mapping[int, tuple[datetime, ...]] = field(default_factory=dict)
    locked: Mapping[int, tuple[str, datetime]] = field(default_factory=dict)

    def proof(self, vmid: int, since: datetime) -> Look | None:
        """The direct look that may be judged by: newer than `since`, and its guest is on a node that answers."""
        look = self.looks.get(vmid)
        if look is None or look.at <= since or not (self.complete or self.quorate):
            return None
        listed = self.guests.get(vmid)
        if look.node in self.away or (listed is not None and listed.node in self.away):
            return None
        return look


@dataclass(frozen=True)
class Drift:
    """Something is otherwise than it should be. `application_id` None: a guest that no application has."""

    application_id: str | None
    vmid: int
    finding: Finding


@dataclass(frozen=True)
class Moved:
    """The container is on another node, with its marker. Nothing is wrong with that."""

    application_id: str
    vmid: int
    node: str
    from_node: str


@dataclass(frozen=True)
class FirstSeen:
    """The configuration that later changes will be told by."""

    application_id: str
    vmid: int
    configuration: Baseline


Difference = Drift | Moved | FirstSeen
