"""What the log says of applications and guests, as far as a comparison with Proxmox needs it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from proximity.domain.application import state as application
from proximity.domain.application.evolve import evolve as evolve_application
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Application
from proximity.domain.drift import Desired, Followed, Known
from proximity.domain.guest import state as guest
from proximity.domain.guest.state import Guest
from proximity.messaging.envelope import Recorded
from proximity.messaging.event_store import Loaded

# so many causes of our own are remembered
OWN = 10_000
# by VMID, the applications' by application id
Guests = dict[int, Loaded[guest.State]]


class Knowledge:
    """Every aggregate is kept as it was loaded, so that an append expects what was compared. Of a deleted application
    only its name is left. Which commands were handled matters to nobody here.
    """

    def __init__(self, installation_id: str) -> None:
        self._installation_id = installation_id
        self.applications: dict[str, Loaded[application.State]] = {}
        # causes of the corrections that this process wrote: they follow from what it saw, and do not make that old
        self.own: dict[str, None] = {}
        # of all applications there ever were
        self.names: dict[str, Known] = {}
        self._desired: dict[str, dict[str, Desired]] = {}
        self._managed: dict[str, dict[int, str]] = {}
        self._followed: dict[str, dict[str, Followed]] = {}
        self._guests: dict[str, Guests] = {}

    def apply(self, recorded: Recorded[Any]) -> None:
        match recorded.category:
            case "application":
                self._application(recorded)
            case "guest":
                self._guest(recorded)

    def desired(self, cluster_id: str) -> list[Desired]:
        return list(self._desired.get(cluster_id, {}).values())

    def managed(self, cluster_id: str) -> Mapping[int, str]:
        """VMID -> the application that has it, or is about to."""
        return self._managed.get(cluster_id, {})

    def guests(self, cluster_id: str) -> Guests:
        return self._guests.get(cluster_id, {})

    def followed(self, cluster_id: str) -> list[Followed]:
        """The tasks on that cluster that operations wait for."""
        return list(self._followed.get(cluster_id, {}).values())

    def has_guests(self, cluster_id: str) -> bool:
        """Whether there are any on that cluster, be they an application's or nobody's."""
        settled = any(not app.busy for app in self._desired.get(cluster_id, {}).values())
        return settled or any(present(loaded) for loaded in self.guests(cluster_id).values())

    def is_deployed(self, application_id: str) -> bool:
        loaded = self.applications.get(application_id)
        return loaded is not None and isinstance(loaded.state, Application) and loaded.state.deployed

    def _application(self, recorded: Recorded[Any]) -> None:
        key = recorded.aggregate_id
        before = self.applications.get(key, Loaded(application.INITIAL))
        state = evolve_application(before.state, recorded.event, recorded.stored_at)
        state = replace(state, handled=frozenset())
        since = self._since(key, before.state, recorded)
        self._forget(key, before.state)
        if not isinstance(state, Application):
            self.applications[key] = _next(before, state, recorded)
            return
        self.names[key] = Known(state.name, recorded.stored_at, state.container is not None)
        of_cluster = self._followed.setdefault(state.cluster_id, {})
        of_cluster.pop(key, None)
        if followed := Followed.of(key, state):
            of_cluster[key] = followed
        if state.deleted:
            self.applications.pop(key, None)
            return
        self.applications[key] = _next(before, state, recorded)
        if (ct := state.container) is not None:
            self._managed.setdefault(ct.cluster_id, {})[ct.vmid] = key
            desired = self._desired_of(key, state, ct, since)
            self._desired.setdefault(ct.cluster_id, {})[key] = desired

    def wrote(self, causation_id: str) -> None:
        self.own[causation_id] = None
        if len(self.own) > OWN:
            del self.own[next(iter(self.own))]

    def _since(self, key: str, state: application.State, recorded: Recorded[Any]) -> datetime:
        if recorded.metadata.causation_id in self.own and isinstance(state, Application) and state.container:
            return self._desired[state.container.cluster_id][key].since
        return recorded.stored_at

    def _forget(self, key: str, state: application.State) -> None:
        if not isinstance(state, Application) or (ct := state.container) is None:
            return
        self._desired.get(ct.cluster_id, {}).pop(key, None)
        managed = self._managed.get(ct.cluster_id, {})
        if managed.get(ct.vmid) == key:
            del managed[ct.vmid]

    def _desired_of(self, key: str, state: Application, ct: application.Container, since: datetime) -> Desired:
        power: Literal["running", "stopped"] | None = None if state.desired == "absent" else state.desired
        return Desired(
            application_id=key,
            vmid=ct.vmid,
            node=ct.node,
            hostname=state.adoption.hostname if state.adoption else state.slug,
            marker=Marker(self._installation_id, key, ct.operation_id, ct.vmid),
            power=power,
            busy=state.operation is not None or state.queued is not None or not state.deployed,
            since=since,
            baseline=state.baseline,
            open=state.findings,
            lost=state.unsettled.goal if state.unsettled else None,
        )

    def _guest(self, recorded: Recorded[Any]) -> None:
        cluster_id, _, vmid = recorded.aggregate_id.rpartition("-")
        guests = self._guests.setdefault(cluster_id, {})
        before = guests.get(int(vmid), Loaded(guest.INITIAL))
        state = replace(guest.evolve(before.state, recorded.event, recorded.stored_at), handled=frozenset())
        guests[int(vmid)] = _next(before, state, recorded)


def present(loaded: Loaded[guest.State] | None) -> Guest | None:
    """The guest as the log has it; None: unknown, gone or an application's."""
    state = loaded.state if loaded else None
    return state if isinstance(state, Guest) and state.present else None


def _next(before: Loaded[Any], state: Any, recorded: Recorded[Any]) -> Loaded[Any]:
    return Loaded(state, recorded.position, before.version + 1, recorded.stored_at)
