"""What is known of a guest, folded from its events. `evolve` is total. Its id is `<cluster>-<vmid>`."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from proximity.domain.finding import Finding
from proximity.domain.guest import events as ev
from proximity.domain.guest.events import Facts, GuestEvent


@dataclass(frozen=True)
class Unseen:
    handled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Guest:
    """`present`: it is there and nobody's application. `findings`: those that are open, by key."""

    cluster_id: str
    vmid: int
    facts: Facts
    present: bool = True
    adopted_by: str | None = None
    ignored: bool = False
    findings: dict[str, Finding] = field(default_factory=dict)
    handled: frozenset[str] = frozenset()


State = Unseen | Guest
INITIAL = Unseen()


def guest_id(cluster_id: str, vmid: int) -> str:
    return f"{cluster_id}-{vmid}"


def evolve(state: State, event: GuestEvent, at: datetime) -> State:
    if isinstance(event, ev.GuestAppeared):
        return Guest(event.cluster_id, event.vmid, event.facts, handled=state.handled)
    if isinstance(state, Unseen):
        return state
    match event:
        case ev.GuestReconfigured(facts=facts):
            return replace(state, facts=facts)
        case ev.GuestGone():
            return replace(state, present=False, findings={})
        case ev.GuestAdopted(application_id=application_id):
            return replace(state, present=False, adopted_by=application_id, findings={})
        case ev.GuestIgnored(operation_id=op):
            return replace(state, ignored=True, handled=state.handled | {op})
        case ev.GuestNoticed(operation_id=op):
            return replace(state, ignored=False, handled=state.handled | {op})
        case ev.FindingOpened(finding=finding):
            return replace(state, findings={**state.findings, finding.key: finding})
        case ev.FindingClosed(key=key):
            return replace(state, findings={k: f for k, f in state.findings.items() if k != key})
        case ev.OperationSucceeded():
            return state
