"""May it be done to the guest, and what follows. Pure."""

from proximity.domain.errors import Rejected
from proximity.domain.guest import commands as cmd
from proximity.domain.guest import events as ev
from proximity.domain.guest.commands import GuestCommand
from proximity.domain.guest.events import GuestEvent, Observed
from proximity.domain.guest.state import Guest, State


def decide(command: GuestCommand, state: State) -> list[GuestEvent]:
    """The facts that follow from the command. Empty: it was handled before. Raises Rejected."""
    op = command.operation_id
    if op in state.handled:
        return []
    if not isinstance(state, Guest) or not state.present:
        raise Rejected("guest_not_found", "There is no such guest, or an application has it.")
    match command:
        case cmd.IgnoreGuest():
            return [ev.GuestIgnored(operation_id=op), ev.OperationSucceeded(operation_id=op, kind="ignore")]
        case cmd.NoticeGuest():
            return [ev.GuestNoticed(operation_id=op), ev.OperationSucceeded(operation_id=op, kind="notice")]


def observed(state: State, event: Observed) -> list[GuestEvent]:
    """A correction by the reconciler; nothing that is known already."""
    there = isinstance(state, Guest) and state.present
    if isinstance(event, ev.GuestAppeared):
        return [] if there else [event]
    if not isinstance(state, Guest) or not state.present:
        return []
    match event:
        case ev.GuestReconfigured(facts=facts):
            news = facts != state.facts
        case ev.FindingOpened(finding=finding):
            news = finding.key not in state.findings
        case ev.FindingClosed(key=key):
            news = key in state.findings
        case ev.GuestGone() | ev.GuestAdopted():
            news = True
    return [event] if news else []
