"""The claim aggregate: who holds a name, a VMID, a certificate, a place on a cluster."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from proximity.domain.model import Event


class ClaimTaken(Event):
    TYPE: ClassVar[str] = "claim.taken.v1"
    holder: str
    operation_id: str


class ClaimReleased(Event):
    TYPE: ClassVar[str] = "claim.released.v1"
    holder: str
    operation_id: str


class ClaimClosed(Event):
    """Nobody may take it from now on."""

    TYPE: ClassVar[str] = "claim.closed.v1"
    operation_id: str


ClaimEvent = ClaimTaken | ClaimReleased | ClaimClosed
EVENTS: tuple[type[Event], ...] = (ClaimTaken, ClaimReleased, ClaimClosed)


@dataclass(frozen=True)
class Claim:
    """State: the present holders (one at most, unless it is shared)."""

    holders: frozenset[str] = frozenset()
    closed: bool = False


@dataclass(frozen=True)
class Wish:
    """What a fact needs of a claim, to be granted in the same atomic batch."""

    kind: str
    key: str
    action: Literal["take", "release", "close"]
    holder: str
    operation_id: str
    shared: bool = False


class ClaimRefusedError(Exception):
    """Somebody else holds it, or it is closed. `holders` are ids of applications, clusters or users."""

    def __init__(self, wish: Wish, claim: Claim) -> None:
        super().__init__(f"claim {wish.kind} {wish.key} refused: closed={claim.closed} holders={sorted(claim.holders)}")
        self.wish = wish
        self.holders = claim.holders
        self.closed = claim.closed


def evolve(claim: Claim, event: ClaimEvent) -> Claim:
    match event:
        case ClaimTaken(holder=holder):
            return Claim(claim.holders | {holder}, claim.closed)
        case ClaimReleased(holder=holder):
            return Claim(claim.holders - {holder}, claim.closed)
        case ClaimClosed():
            return Claim(claim.holders, closed=True)


def decide(wish: Wish, claim: Claim) -> list[ClaimEvent]:
    """Nothing to do is an empty list (taken by the same holder already, released already)."""
    if wish.action == "release":
        return (
            [ClaimReleased(holder=wish.holder, operation_id=wish.operation_id)] if wish.holder in claim.holders else []
        )
    if wish.action == "close":
        if claim.holders:
            raise ClaimRefusedError(wish, claim)
        return [] if claim.closed else [ClaimClosed(operation_id=wish.operation_id)]
    if claim.closed or (not wish.shared and claim.holders - {wish.holder}):
        raise ClaimRefusedError(wish, claim)
    return [] if wish.holder in claim.holders else [ClaimTaken(holder=wish.holder, operation_id=wish.operation_id)]
