"""Which nodes and storages has a cluster?"""

from datetime import datetime

from proximity.domain.cluster import events as ev
from proximity.domain.cluster.events import ClusterEvent
from proximity.readmodel.rows import Row


def node_id(cluster_id: str, node: str) -> str:
    return f"{cluster_id}/{node}"


def storage_id(cluster_id: str, node: str, storage: str) -> str:
    return f"{cluster_id}/{node}/{storage}"


def project_node(row: Row | None, event: ClusterEvent, cluster_id: str) -> Row | None:
    match event:
        case ev.NodeAppeared(node=node, online=online, cpus=cpus, memory=memory):
            return {
                "id": node_id(cluster_id, node),
                "cluster_id": cluster_id,
                "name": node,
                "online": online,
                "cpus": cpus,
                "memory": memory,
                "removed_at": None,
            }
        case ev.NodeCameOnline() if row:
            return row | {"online": True}
        case ev.NodeWentOffline() if row:
            return row | {"online": False}
    return row


def project_storage(row: Row | None, event: ClusterEvent, cluster_id: str) -> Row | None:
    match event:
        case ev.StorageAppeared(storage=seen) | ev.StorageReconfigured(storage=seen):
            return {
                "id": storage_id(cluster_id, seen.node, seen.storage),
                "cluster_id": cluster_id,
                "node": seen.node,
                "name": seen.storage,
                "type": seen.type,
                "content": list(seen.content),
                "shared": seen.shared,
                "active": seen.active,
                "total": seen.total,
                "removed_at": None,
            }
    return row


def removed(row: Row, at: datetime) -> Row:
    """It is gone, or its cluster is no longer connected."""
    return row | {"removed_at": at}
