"""Is there a place for it? Everything that is needed is looked at before anything is made."""

import asyncio
from dataclasses import dataclass, replace

from proximity.domain.application import events as ev
from proximity.domain.application.placement import ClusterFacts, NodeFacts, StorageFacts, choose
from proximity.domain.application.spec import Runtime
from proximity.domain.cluster.rights import Permissions, has, missing_rights
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError, RightsMissingError, UnansweredError, UnreachableError
from proximity.proxmox.hypervisor import Hypervisor
from proximity.proxmox.observe import NodeSeen, StorageOnNode
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job


async def preflight(job: Job) -> Answer:
    try:
        facts, silent = await _facts(job)
    except ProxmoxError as error:
        return not_now(job, error)
    chosen = choose(job.app.spec, job.app.wanted_node, facts)
    if isinstance(chosen, Cause):
        # a node that did not answer may have the place, and show the rights, that the others lack
        return not_now(job, silent) if silent else job.failed(chosen)
    place = chosen.placement
    passed = ev.PreflightPassed(
        operation_id=job.op.id,
        node=place.node,
        rootfs_storage=place.rootfs_storage,
        template_storage=place.template_storage,
        template_volid=place.template_volid,
        template_present=place.template_present,
        reason=chosen.reason,
    )
    return Happened(passed)


async def _facts(job: Job) -> tuple[ClusterFacts, ProxmoxError | None]:
    """And why a node that is online could not be looked at, if there is one."""
    proxmox = job.proxmox
    quorate, seen, permissions = await asyncio.gather(_quorate(proxmox), proxmox.nodes(), proxmox.permissions())
    asked = [node for node in seen if job.app.wanted_node in (None, node.node)]
    look = Look(job.app.spec.runtime, proxmox, permissions)
    looked = await asyncio.gather(*(look.at_node(node) for node in asked))
    nodes = tuple(found for found in looked if isinstance(found, NodeFacts))
    missing = missing_rights(
        permissions,
        nodes=[node.node for node in asked],
        storages=sorted({storage.storage for node in nodes for storage in node.storages}),
        bridge=job.app.spec.bridge,
    )
    silent = next((found for found in looked if isinstance(found, ProxmoxError)), None)
    return ClusterFacts(quorate, nodes, missing.get("deploy", ())), silent


async def _quorate(proxmox: Hypervisor) -> bool:
    """Without the right to see it, a lost quorum shows at the first write."""
    try:
        return (await proxmox.membership()).quorate
    except RightsMissingError:
        return True


@dataclass(frozen=True)
class Look:
    """At the nodes and storages a container could go to."""

    runtime: Runtime
    proxmox: Hypervisor
    permissions: Permissions

    async def at_node(self, node: NodeSeen) -> NodeFacts | UnreachableError | UnansweredError:
        """The error: it is said to be online, and does not answer."""
        free = None if node.memory is None or node.memory_used is None else node.memory - node.memory_used
        if not node.online:
            return NodeFacts(node.node, online=False, memory_free=free)
        try:
            stores, source = await asyncio.gather(self.proxmox.storages(node.node), self._source(node.node))
            storages = tuple(await asyncio.gather(*(self._at_storage(node.node, storage) for storage in stores)))
        except (UnreachableError, UnansweredError) as error:
            return error
        return replace(source, memory_free=free, storages=storages)

    async def _source(self, node: str) -> NodeFacts:
        """What the node can fetch, and from where."""
        facts = NodeFacts(node, online=True, memory_free=None)
        if self.runtime == "template":
            return replace(facts, downloadable=tuple(await self.proxmox.downloadable_templates(node)))
        version = await self.proxmox.node_version(node)
        return replace(
            facts, version=version.version, may_pull=has(self.permissions, f"/nodes/{node}", "Sys.AccessNetwork")
        )

    async def _at_storage(self, node: str, seen: StorageOnNode) -> StorageFacts:
        wanted = seen.active and "vztmpl" in seen.content
        return StorageFacts(
            seen.storage,
            seen.content,
            seen.available,
            seen.active,
            tuple(await self.proxmox.templates(node, seen.storage)) if wanted else (),
            may_pull=has(self.permissions, f"/storage/{seen.storage}", "Datastore.AllocateTemplate"),
        )
