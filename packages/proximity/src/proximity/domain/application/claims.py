"""What a fact needs to be unique, granted in the same atomic batch as the fact."""

from proximity.domain.application import events as ev
from proximity.domain.application.events import ApplicationEvent
from proximity.domain.application.state import Absent, Application, State
from proximity.domain.claim.claim import Wish


def wishes(application_id: str, state: State, event: ApplicationEvent) -> list[Wish]:
    """`state` is the one before the event."""
    match event:
        case ev.DeployRequested(slug=slug, cluster_id=cluster, operation_id=op):
            return [
                Wish("name", slug, "take", application_id, op),
                Wish("tenancy", cluster, "take", application_id, op, shared=True),
            ]
        case ev.AdoptRequested(slug=slug, cluster_id=cluster, vmid=vmid, operation_id=op):
            return [
                Wish("name", slug, "take", application_id, op),
                Wish("tenancy", cluster, "take", application_id, op, shared=True),
                Wish("guest", f"{cluster}-{vmid}", "take", application_id, op),
            ]
        case ev.VmidClaimed(cluster_id=cluster, vmid=vmid, operation_id=op):
            return [Wish("vmid", f"{cluster}-{vmid}", "take", application_id, op)]
        case (
            ev.OperationFailed(kind="deploy", left_behind=None)
            | ev.OperationCancelled(kind="deploy", left_behind=None)
            | ev.OperationFailed(kind="adopt", left_behind=None)
            | ev.OperationCancelled(kind="adopt", left_behind=None)
            | ev.OperationSucceeded(kind="delete" | "release")
        ) if not isinstance(state, Absent):
            return [
                Wish("name", state.slug, "release", application_id, event.operation_id),
                Wish("tenancy", state.cluster_id, "release", application_id, event.operation_id, shared=True),
                *_guest(application_id, state, event.operation_id),
            ]
    return []


def _guest(application_id: str, state: Application, operation_id: str) -> list[Wish]:
    """An adopted guest may be adopted again; a number that we gave out is never given out again."""
    if not state.adopted_guest:
        return []
    return [Wish("guest", state.adopted_guest, "release", application_id, operation_id)]
