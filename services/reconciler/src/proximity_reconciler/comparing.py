"""Compares what the log wants with what is seen of a cluster, and writes what differs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice
from typing import TypeVar

from proximity.domain.application import events as app
from proximity.domain.application.decider import correct
from proximity.domain.application.evolve import evolve as evolve_application
from proximity.domain.application.state import NEVER
from proximity.domain.drift import Correction, Damping, corrections, find_drift, suspects
from proximity.domain.finding import Explanation, Finding
from proximity.domain.guest import decider as guest_decider
from proximity.domain.guest import events as guest_events
from proximity.domain.guest import state as guest
from proximity.domain.guest.state import guest_id
from proximity.domain.model import Event
from proximity.messaging.aggregates import APPLICATION, GUEST
from proximity.messaging.connection import Bus
from proximity.messaging.event_store import Loaded
from proximity_reconciler.following import Follower
from proximity_reconciler.knowledge import present
from proximity_reconciler.picture import Picture
from proximity_reconciler.strangers import Strangers
from proximity_reconciler.tasks import TaskLog
from proximity_reconciler.writing import Entry, Writer

# Of the guests that are new to the log so many are written with one list: thousands would keep others waiting.
BATCH = 500

K = TypeVar("K")
E = TypeVar("E")


class Comparison:
    """Of one cluster. `suspects`: who deserves a direct look, most urgent first, as of the last comparison."""

    def __init__(self, cluster_id: str, bus: Bus, follower: Follower, writer: Writer) -> None:
        self.strangers = Strangers(cluster_id)
        self.suspects: list[int] = []
        self._cluster_id = cluster_id
        self._bus = bus
        self._follower = follower
        self._writer = writer
        self._damping = Damping()

    async def compare(
        self, picture: Picture, tasks: TaskLog, ask_tasks: Callable[[], Awaitable[bool]], *, new_list: bool
    ) -> None:
        """`ask_tasks`: brings `tasks` up to date. Raises TimeoutError, UnavailableError."""
        await self._follower.follow()
        knowledge = self._follower.knowledge
        desired, view = knowledge.desired(self._cluster_id), picture.view(self._bus.clock.now())
        open_ = self.findings_of_guests()
        differences = find_drift(desired, view, self._bus.installation_id, knowledge.names, open_)
        stored = {d.vmid: d.since for d in desired}

        def explain(vmid: int, key: str) -> Explanation | None:
            since = max(stored.get(vmid, NEVER), picture.looked_before.get(vmid, NEVER))
            return tasks.explanation(vmid, key, since)

        said, damping = corrections(desired, differences, self._damping, view.at, explain, open_)
        # the list may have been quicker than the last look at the tasks, and what is told is told once
        if any(_is_unexplained(c) for c in said) and await ask_tasks():
            said, damping = corrections(desired, differences, self._damping, view.at, explain, open_)
        self._damping = damping
        self.suspects = suspects(desired, view, open_)
        await self._writer.append_all(APPLICATION, self._of_applications(said))
        of_guests: list[tuple[int, guest_events.Observed]] = [
            (c.vmid, c.event)
            for c in said
            if isinstance(c.event, guest_events.FindingOpened | guest_events.FindingClosed)
        ]
        if new_list:
            settled = {
                vmid: application_id if knowledge.is_deployed(application_id) else None
                for vmid, application_id in knowledge.managed(self._cluster_id).items()
            }
            known = knowledge.guests(self._cluster_id)
            of_guests += islice(self.strangers.compare(picture, settled, known), BATCH)
        await self._writer.append_all(GUEST, self._of_guests(of_guests))

    async def proven_gone(self, vmid: int) -> None:
        """A guest that no application has. Raises as above."""
        await self._writer.append_all(GUEST, self._of_guests([(vmid, guest_events.GuestGone())]))

    def findings_of_guests(self) -> dict[int, Mapping[str, Finding]]:
        """Those that are open."""
        known = self._follower.knowledge.guests(self._cluster_id)
        return {vmid: g.findings for vmid, loaded in known.items() if (g := present(loaded)) and g.findings}

    def _of_applications(self, said: Iterable[Correction]) -> list[Entry]:
        found: list[Entry] = []
        for application_id, events in _grouped((c.application_id, c.event) for c in said if c.application_id):
            loaded = self._follower.knowledge.applications[application_id]
            state, news = loaded.state, list[Event]()
            for candidate in events:
                # an event of a guest is never about an application
                if isinstance(candidate, guest_events.FindingOpened | guest_events.FindingClosed):
                    continue
                for event in correct(state, candidate):
                    state = evolve_application(state, event, NEVER)
                    news.append(event)
            found.append((application_id, loaded, news))
        return found

    def _of_guests(self, said: Iterable[tuple[int, guest_events.Observed]]) -> list[Entry]:
        found: list[Entry] = []
        for vmid, events in _grouped(said):
            loaded: Loaded[guest.State] = self._follower.knowledge.guests(self._cluster_id).get(
                vmid, Loaded(guest.INITIAL)
            )
            state, news = loaded.state, list[Event]()
            for candidate in events:
                for event in guest_decider.observed(state, candidate):
                    state = guest.evolve(state, event, NEVER)
                    news.append(event)
            found.append((guest_id(self._cluster_id, vmid), loaded, news))
        return found


def _is_unexplained(correction: Correction) -> bool:
    match correction.event:
        case app.FindingOpened(finding=finding) | guest_events.FindingOpened(finding=finding):
            return finding.explained is None
        case app.ContainerFoundMoved(explained=explained):
            return explained is None
    return False


def _grouped(pairs: Iterable[tuple[K, E]]) -> Iterable[tuple[K, list[E]]]:
    groups: dict[K, list[E]] = {}
    for key, event in pairs:
        groups.setdefault(key, []).append(event)
    return groups.items()
