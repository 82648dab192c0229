"""Three NATS servers as one cluster, each a process of its own."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nats.errors
import nats.js.errors
from nats.js.api import StreamInfo

from proximity.messaging.bootstrap import prepare
from proximity.messaging.connection import Bus, open_connection
from proximity.messaging.permissions import ADMIN, ROUTES, SERVICES, Node
from proximity_launcher.nats_server import NatsServer
from proximity_launcher.up.ports import free_ports
from support.servers import Nats

NODES = 3
PATIENCE = 60.0


@dataclass
class NatsCluster(Nats):
    """What a service sees of it is one server with three addresses."""

    nodes: list[NatsServer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes)

    async def prepare(self, replicas: int | None = NODES) -> str:
        return await prepare(self.url, ADMIN, self.passwords[ADMIN], replicas)

    async def admin(self) -> Bus:
        """Closed at the end of the test."""
        bus = await open_connection(self.url, ADMIN, ADMIN, self.passwords[ADMIN])
        self.closing.push_async_callback(bus.close)
        return bus

    async def info(self, admin: Bus, stream: str, enough: Callable[[StreamInfo], bool]) -> StreamInfo:
        """Of the stream, once it is like that; its leader may be elected meanwhile. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(nats.errors.Error, nats.js.errors.Error):
                    if enough(info := await admin.js.stream_info(stream)):
                        return info
                await asyncio.sleep(0.1)

    def node(self, name: str) -> NatsServer:
        return next(node for node in self.nodes if node.node is not None and node.node.name == name)

    async def stop(self) -> None:
        await self.closing.aclose()
        await asyncio.gather(*(node.kill() for node in self.nodes))


def kept_on(copies: int) -> Callable[[StreamInfo], bool]:
    """There are so many copies of the stream, and all are up to date."""

    def enough(info: StreamInfo) -> bool:
        followers = (info.cluster.replicas if info.cluster else None) or []
        led = info.cluster is not None and bool(info.cluster.leader)
        return led and len(followers) == copies - 1 and all(peer.current and not peer.offline for peer in followers)

    return enough


async def start_cluster(folder: Path) -> NatsCluster:
    """Three servers that have found each other; nothing is in them."""
    passwords = {user: secrets.token_urlsafe(16) for user in (ADMIN, ROUTES, *SERVICES)}
    places = [f"127.0.0.1:{port}" for port in free_ports(NODES)]
    nodes = []
    for number, place in enumerate(places, 1):
        node = Node(f"nats-{number}", place, [other for other in places if other != place])
        nodes.append(NatsServer(folder / node.name, passwords, node=node))
    await asyncio.gather(*(node.start() for node in nodes))
    return NatsCluster(nodes[0], passwords, nodes=nodes)
