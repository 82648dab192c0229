"""The commands: each is decided against its aggregate's state, and acknowledged once the decision is in the log."""

from typing import Any

import structlog

from proximity.domain.application import decider as application_decider
from proximity.domain.application.commands import AdoptGuest, ApplicationCommand, DeployApplication
from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.cluster import decider as cluster_decider
from proximity.domain.cluster.commands import ClusterCommand
from proximity.domain.cluster.state import Absent
from proximity.domain.errors import Rejected
from proximity.domain.guest import decider as guest_decider
from proximity.domain.guest.commands import GuestCommand
from proximity.domain.model import Command
from proximity.domain.operation.events import CommandRejected
from proximity.messaging.delivery import ReceivedCommand
from proximity.messaging.envelope import Origin
from proximity.messaging.event_store import Conflict
from proximity_provisioner.journal import Journal
from proximity_provisioner.refusals import GUEST_TAKEN, rejected

log = structlog.get_logger(__name__)

TRIES = 5


class Decisions:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def decide(self, received: ReceivedCommand) -> None:
        """When it returns, what follows from the command is in the log: facts, a rejection, or it was there before.

        Raises Conflict when others were faster again and again, UnavailableError, TimeoutError.
        """
        command = received.command
        if await self._journal.was_refused(command.operation_id):
            # the process died between the rejection and the acknowledgement: no is no, whatever has changed since
            return
        for attempt in range(TRIES):
            try:
                await self._try(received, command)
            except Rejected as no:
                await self._reject(received, no)
            except ClaimRefusedError as refused:
                await self._reject(received, rejected(refused))
            except Conflict:
                if attempt == TRIES - 1:
                    raise
                continue
            return

    async def _try(self, received: ReceivedCommand, command: Command) -> None:
        origin = Origin.of(received)
        match received.category:
            case "application":
                await self._application(received.aggregate_id, command, origin)
            case "cluster":
                await self._cluster(received.aggregate_id, command, origin)
            case "guest":
                await self._guest(received.aggregate_id, command, origin)
            case category:
                raise Rejected("unknown_category", f"There is nothing that could take a command for a {category}.")

    async def _application(self, application_id: str, command: Any, origin: Origin) -> None:
        if not isinstance(command, ApplicationCommand):
            raise Rejected("wrong_target", "This is no command for an application.")
        loaded = await self._journal.application(application_id)
        events = application_decider.decide(command, loaded.state)
        if isinstance(command, DeployApplication | AdoptGuest) and events:
            await self._needs_cluster(command.cluster_id)
        if isinstance(command, AdoptGuest) and events:
            await self._needs_free_guest(command)
        await self._journal.append_to_application(application_id, loaded, events, origin)

    async def _cluster(self, cluster_id: str, command: Any, origin: Origin) -> None:
        if not isinstance(command, ClusterCommand):
            raise Rejected("wrong_target", "This is no command for a cluster.")
        loaded = await self._journal.cluster(cluster_id)
        events = cluster_decider.decide(command, loaded.state)
        await self._journal.append_to_cluster(cluster_id, loaded, events, origin)

    async def _guest(self, guest_id: str, command: Any, origin: Origin) -> None:
        if not isinstance(command, GuestCommand):
            raise Rejected("wrong_target", "This is no command for a guest.")
        loaded = await self._journal.guest(guest_id)
        events = guest_decider.decide(command, loaded.state)
        await self._journal.append_to_guest(guest_id, loaded, events, origin)

    async def _needs_free_guest(self, command: AdoptGuest) -> None:
        """That of two who adopt it one comes too late is decided by the claim."""
        if await self._journal.keeper(command.cluster_id, command.vmid):
            raise Rejected(*GUEST_TAKEN)

    async def _needs_cluster(self, cluster_id: str) -> None:
        """A removal that comes meanwhile is caught by the claim of the place on the cluster."""
        cluster = (await self._journal.cluster(cluster_id)).state
        if isinstance(cluster, Absent) or cluster.removed:
            raise Rejected("cluster_not_found", "There is no such cluster connection.")
        if not cluster.connected:
            raise Rejected("cluster_not_connected", "The cluster is not connected yet, or connecting to it failed.")

    async def _reject(self, received: ReceivedCommand, no: Rejected) -> None:
        event = CommandRejected(
            operation_id=received.command.operation_id,
            command=received.command.TYPE,
            category=received.category,
            target=received.aggregate_id,
            code=no.code,
            message=no.message,
        )
        await self._journal.append_to_operation(received.command.operation_id, event, Origin.of(received))
        log.info("rejected", command=received.command.TYPE, operation=received.command.operation_id, code=no.code)
