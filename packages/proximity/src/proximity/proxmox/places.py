"""Where a container could go: everything a placement is chosen by, looked at and not changed."""

import asyncio
from dataclasses import dataclass, replace

from proximity.domain.application.placement import ClusterFacts, NodeFacts, StorageFacts
from proximity.domain.application.spec import Runtime
from proximity.domain.cluster.rights import Permissions, has, missing_rights
from proximity.proxmox.errors import ProxmoxError, RightsMissingError, UnansweredError, UnreachableError
from proximity.proxmox.observe import NodeSeen, Observer, StorageOnNode


@dataclass(frozen=True)
class Seen:
    """`silent`: why a node that is said to be online could not be looked at, if there is one."""

    cluster: ClusterFacts
    silent: ProxmoxError | None


async def look(proxmox: Observer, runtime: Runtime, bridge: str, wanted_node: str | None) -> Seen:
    """At all nodes, or at the wanted one: of the others there is only the name. Raises ProxmoxError."""
    quorate, nodes, permissions = await asyncio.gather(_quorate(proxmox), proxmox.nodes(), proxmox.permissions())
    asked = [node for node in nodes if wanted_node in (None, node.node)]
    at = _Look(runtime, proxmox, permissions)
    looked = await asyncio.gather(*(at.node(node) for node in asked))
    others = tuple(NodeFacts(node.node, node.online, _free(node)) for node in nodes if node not in asked)
    found = tuple(node for node in looked if isinstance(node, NodeFacts))
    missing = missing_rights(
        permissions,
        nodes=[node.node for node in asked],
        storages=sorted({storage.storage for node in found for storage in node.storages}),
        bridge=bridge,
    )
    silent = next((node for node in looked if isinstance(node, ProxmoxError)), None)
    return Seen(ClusterFacts(quorate, (*found, *others), missing.get("deploy", ())), silent)


def _free(node: NodeSeen) -> int | None:
    """Bytes of memory."""
    return None if node.memory is None or node.memory_used is None else node.memory - node.memory_used


async def _quorate(proxmox: Observer) -> bool:
    """Without the right to see it, a lost quorum shows at the first write."""
    try:
        return (await proxmox.membership()).quorate
    except RightsMissingError:
        return True


@dataclass(frozen=True)
class _Look:
    runtime: Runtime
    proxmox: Observer
    permissions: Permissions

    async def node(self, node: NodeSeen) -> NodeFacts | UnreachableError | UnansweredError:
        """The error: it is said to be online, and does not answer."""
        free = _free(node)
        if not node.online:
            return NodeFacts(node.node, online=False, memory_free=free)
        try:
            stores, source = await asyncio.gather(self.proxmox.storages(node.node), self._source(node.node))
            storages = tuple(await asyncio.gather(*(self._storage(node.node, storage) for storage in stores)))
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

    async def _storage(self, node: str, seen: StorageOnNode) -> StorageFacts:
        wanted = seen.active and "vztmpl" in seen.content
        return StorageFacts(
            seen.storage,
            seen.content,
            seen.available,
            seen.active,
            tuple(await self.proxmox.templates(node, seen.storage)) if wanted else (),
            may_pull=has(self.permissions, f"/storage/{seen.storage}", "Datastore.AllocateTemplate"),
        )
