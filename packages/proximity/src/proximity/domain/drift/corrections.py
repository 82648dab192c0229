"""What is to be said in the log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from proximity.domain.application import events as app
from proximity.domain.damping import Memory
from proximity.domain.drift.view import Desired, Difference, Drift, FirstSeen, Moved
from proximity.domain.finding import Explanation, Finding, Setting
from proximity.domain.guest import events as guest

# VMID and key of the finding (`moved` for a move) -> the task that explains it
Explain = Callable[[int, str], Explanation | None]
# application (None: a guest that no application has) and VMID
Subject = tuple[str | None, int]
Key = tuple[Subject, str]
# what was expected, what is observed: another one is another occurrence
Said = tuple[str, str, Setting | None]
Damping = Memory[Key, Said]


@dataclass(frozen=True)
class Correction:
    """An event for the application, or for the guest `vmid` if `application_id` is None."""

    application_id: str | None
    vmid: int
    event: app.Observed | guest.FindingOpened | guest.FindingClosed


def corrections(
    desired: Sequence[Desired],
    differences: Sequence[Difference],
    damping: Damping,
    at: datetime,
    explain: Explain = lambda vmid, key: None,
    guests: Mapping[int, Mapping[str, Finding]] | None = None,
) -> tuple[list[Correction], Damping]:
    """What to append, in this order, and the memory for the next sweep. `at`: the view's time. Who is refused because
    somebody else appended meanwhile drops it: the next sweep says what is left to say.

    `desired` and `guests`: those that the differences were found with.

    What is open and not among the differences closes. What is open and looks otherwise now closes and opens again,
    damped as what comes and goes.
    """
    open_: dict[Key, Finding] = {}
    for d in desired:
        open_ |= {((d.application_id, d.vmid), key): finding for key, finding in d.open.items()}
    managed = {d.vmid for d in desired}
    for vmid, findings in (guests or {}).items():
        if vmid not in managed:
            open_ |= {((None, vmid), key): finding for key, finding in findings.items()}
    drifts: dict[Key, Finding] = {
        ((d.application_id, d.vmid), d.finding.key): d.finding for d in differences if isinstance(d, Drift)
    }
    damping = damping.after(_said(open_), _said(drifts), at)
    said = [*_moves(differences, explain), *_told(drifts, open_, damping, explain)]
    said += [_closed(key) for key in open_ if key not in drifts]
    said += [_observed(d) for d in differences if isinstance(d, FirstSeen)]
    return said, damping


def _moves(differences: Sequence[Difference], explain: Explain) -> Iterator[Correction]:
    for d in differences:
        if isinstance(d, Moved):
            event = app.ContainerFoundMoved(node=d.node, from_node=d.from_node, explained=explain(d.vmid, "moved"))
            yield Correction(d.application_id, d.vmid, event)


def _told(
    drifts: Mapping[Key, Finding], open_: Mapping[Key, Finding], damping: Damping, explain: Explain
) -> Iterator[Correction]:
    for key, finding in drifts.items():
        known = open_.get(key)
        if known is not None and _said_of(known) == _said_of(finding):
            continue
        # to be gone takes a proof each time, which would be old if it had to wait
        if finding.kind != "gone" and not damping.lets(key):
            continue
        if known is not None:
            yield _closed(key)
        (application_id, vmid), _ = key
        explained = finding.model_copy(update={"explained": explain(vmid, finding.key)})
        opened = app.FindingOpened if application_id is not None else guest.FindingOpened
        yield Correction(application_id, vmid, opened(finding=explained))


def _said(findings: Mapping[Key, Finding]) -> dict[Key, Said]:
    return {key: _said_of(finding) for key, finding in findings.items()}


def _said_of(finding: Finding) -> Said:
    return finding.expected, finding.observed, finding.setting


def _closed(key: Key) -> Correction:
    (application_id, vmid), finding = key
    closed = app.FindingClosed if application_id is not None else guest.FindingClosed
    return Correction(application_id, vmid, closed(key=finding))


def _observed(first: FirstSeen) -> Correction:
    baseline = first.configuration
    event = app.ConfigurationObserved(values=baseline.values, environment=baseline.environment, whole=baseline.whole)
    return Correction(first.application_id, first.vmid, event)
