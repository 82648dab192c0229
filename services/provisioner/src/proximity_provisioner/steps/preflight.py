"""Is there a place for it? Everything that is needed is looked at before anything is made."""

import asyncio

from proximity.domain.application import events as ev
from proximity.domain.application.placement import ClusterFacts, NodeFacts, StorageFacts, choose
from proximity.domain.cluster.rights import missing_rights
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError, RightsMissingError, UnansweredError, UnreachableError
from proximity.proxmox.hypervisor import Hypervisor
from proximity.proxmox.observe import NodeSeen, StorageOnNode
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job


async def preflight(job: Job) -> Answer:
    try:
        facts = await _facts(job)
    except ProxmoxError as error:
        return not_now(job, error)
    chosen = choose(job.app.spec, job.app.wanted_node, facts)
    if isinstance(chosen, Cause):
        return job.failed(chosen)
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


async def _facts(job: Job) -> ClusterFacts:
    proxmox = job.proxmox
    quorate, seen, permissions = await asyncio.gather(_quorate(proxmox), proxmox.nodes(), proxmox.permissions())
    asked = [node for node in seen if job.app.wanted_node in (None, node.node)]
    nodes = tuple(await asyncio.gather(*(_node(proxmox, node) for node in asked)))
    missing = missing_rights(
        permissions,
        nodes=[node.node for node in asked],
        storages=sorted({storage.storage for node in nodes for storage in node.storages}),
        bridge=job.app.spec.bridge,
    )
    return ClusterFacts(quorate, nodes, missing.get("deploy", ()))


async def _quorate(proxmox: Hypervisor) -> bool:
    """Without the right to see it, a lost quorum shows at the first write."""
    try:
        return (await proxmox.membership()).quorate
    except RightsMissingError:
        return True


async def _node(proxmox: Hypervisor, node: NodeSeen) -> NodeFacts:
    free = None if node.memory is None or node.memory_used is None else node.memory - node.memory_used
    if not node.online:
        return NodeFacts(node.node, online=False, memory_free=free)
    try:
        stores, downloadable = await asyncio.gather(
            proxmox.storages(node.node), proxmox.downloadable_templates(node.node)
        )
        storages = tuple(await asyncio.gather(*(_storage(proxmox, node.node, storage) for storage in stores)))
    except (UnreachableError, UnansweredError):
        return NodeFacts(node.node, online=False, memory_free=free)
    return NodeFacts(node.node, online=True, memory_free=free, storages=storages, downloadable=tuple(downloadable))


async def _storage(proxmox: Hypervisor, node: str, storage: StorageOnNode) -> StorageFacts:
    wanted = storage.active and "vztmpl" in storage.content
    templates = await proxmox.templates(node, storage.storage) if wanted else []
    return StorageFacts(storage.storage, storage.content, storage.available, storage.active, tuple(templates))
