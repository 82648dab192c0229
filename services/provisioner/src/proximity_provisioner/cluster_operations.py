"""Carries a cluster's operation on: connecting to it and checking it are both a look at it."""

import asyncio
from datetime import timedelta

import structlog

from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.cluster import decider
from proximity.domain.cluster.events import ClusterEvent, Findings, NodeIdentity
from proximity.domain.cluster.rights import missing_rights
from proximity.domain.cluster.state import Absent, Cluster, Operation, State
from proximity.domain.operation.cause import Cause
from proximity.messaging.event_store import Conflict, Loaded
from proximity.proxmox.certificate import probe
from proximity.proxmox.errors import NotExecutedError, ProxmoxError
from proximity_provisioner import causes
from proximity_provisioner.job import growing
from proximity_provisioner.journal import origin_of
from proximity_provisioner.tools import Tools

log = structlog.get_logger(__name__)

BRIDGE = "vmbr0"  # the one every installation of Proxmox VE has; recipes use it unless they say otherwise


class ClusterOperations:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def run(self, cluster_id: str) -> None:
        while not self._tools.stopping.is_set():
            try:
                await self._advance(cluster_id)
            except Conflict:
                continue
            return

    async def _advance(self, cluster_id: str) -> None:
        loaded = await self._tools.journal.cluster(cluster_id)
        cluster = loaded.state
        if isinstance(cluster, Absent) or cluster.operation is None:
            return
        op = cluster.operation
        if self._tools.clock.now() - op.since >= decider.DEADLINE:
            cause = op.postponed_because or Cause(
                code="deadline_passed", message="Looking at the cluster took too long."
            )
            await self._append(cluster_id, loaded, op, decider.failed(cluster, op.id, cause))
            return
        loaded = await self._take(cluster_id, loaded, op)
        try:
            findings = await self._look(cluster_id, cluster)
        except ProxmoxError as error:
            await self._not_seen(cluster_id, loaded, op, error)
        else:
            await self._seen(cluster_id, loaded, op, findings)

    async def _take(self, cluster_id: str, loaded: Loaded[State], op: Operation) -> Loaded[State]:
        """Looking twice is harmless; the name is there so that a replica's end is noticed."""
        me = self._tools.me.name
        if op.runner is not None and op.runner in await self._tools.me.living():
            return loaded
        return await self._append(cluster_id, loaded, op, decider.taken(loaded.state, op.id, me))

    async def _look(self, cluster_id: str, cluster: Cluster) -> Findings:
        proxmox = await self._tools.clusters.hypervisor(cluster_id, cluster)
        version = await proxmox.version()
        nodes, permissions = await asyncio.gather(proxmox.nodes(), proxmox.permissions())
        online = [node.node for node in nodes if node.online]
        listed = await asyncio.gather(*(proxmox.storages(node) for node in online))
        missing = missing_rights(
            permissions,
            nodes=[node.node for node in nodes],
            storages=sorted({storage.storage for of_node in listed for storage in of_node}),
            bridge=BRIDGE,
        )
        membership = await proxmox.membership() if "quorum" not in missing else None
        identities = [NodeIdentity(name=node.node, fingerprint=node.fingerprint or "") for node in nodes]
        if not any(identity.fingerprint for identity in identities):
            # Proxmox does not always say: then it is the certificate that the endpoint shows
            shown = cluster.fingerprint or (await probe(cluster.endpoints[0])).fingerprint
            identities[0] = identities[0].model_copy(update={"fingerprint": shown})
        return Findings(
            version=version.version,
            proxmox_name=membership.name if membership else None,
            nodes=tuple(identities),
            missing={**missing},
        )

    async def _seen(self, cluster_id: str, loaded: Loaded[State], op: Operation, findings: Findings) -> None:
        try:
            await self._append(cluster_id, loaded, op, decider.found(loaded.state, op.id, findings))
        except ClaimRefusedError as refused:
            message = "This Proxmox cluster is connected already: one of its certificates is known."
            cause = Cause(code="already_connected", message=message, proxmox=", ".join(sorted(refused.holders)))
            await self._append(cluster_id, loaded, op, decider.failed(loaded.state, op.id, cause))

    async def _not_seen(self, cluster_id: str, loaded: Loaded[State], op: Operation, error: ProxmoxError) -> None:
        cause = causes.cause_of(error)
        may_pass = causes.passes(error) or not isinstance(error, NotExecutedError)
        if not may_pass:
            await self._append(cluster_id, loaded, op, decider.failed(loaded.state, op.id, cause))
            return
        await self._append(cluster_id, loaded, op, decider.postponed(loaded.state, op.id, cause))
        waited = self._tools.clock.now() - op.since
        after = min(growing(waited, 1.0, 10.0, 0.25), max(decider.DEADLINE - waited, timedelta(seconds=1)))
        await self._tools.wake.schedule(op.id, "retry", "cluster", cluster_id, after)

    async def _append(
        self, cluster_id: str, loaded: Loaded[State], op: Operation, events: list[ClusterEvent]
    ) -> Loaded[State]:
        after = await self._tools.journal.append_to_cluster(cluster_id, loaded, events, origin_of(loaded, op.id))
        for event in events:
            log.info("written", cluster=cluster_id, operation=op.id, type=event.TYPE)
        return after
