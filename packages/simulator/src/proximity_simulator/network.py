"""Addresses of containers: DHCP leases that a running container really answers at."""

import asyncio
import hashlib
import logging
import re
import socket
from contextlib import suppress
from typing import Any

from fakepve.lxc import split_props

from .base import LOOPBACK, Base, Values
from .registry import listening

LEASE_SECONDS = 1.5
"""From the start of a container to its address."""
PORT = 12321
"""Where it answers: the port of an appliance's administration page."""
ATTEMPTS = 20


def loopback(mac: str, attempt: int) -> str:
    """An address of 127.64.0.0/10 for a network card, another one at each attempt."""
    digest = hashlib.sha256(f"{mac} {attempt}".encode()).digest()
    return f"127.{64 + digest[0] % 64}.{digest[1]}.{1 + digest[2] % 254}"


def cards(container: Any) -> dict[str, dict[str, str]]:
    """key -> properties of each network card."""
    keys = sorted(key for key in container.config if re.fullmatch(r"net\d+", key))
    return {key: split_props(container.config[key])[1] for key in keys}


class Network(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leases: dict[tuple[int, int], tuple[str, list[asyncio.Server]]] = {}
        self._leasing: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._shared: dict[int, asyncio.Server] = {}

    def changed(self) -> None:
        super().changed()
        running = {(ct.vmid, id(ct)): ct for ct in self.cts if ct.status == "running"}
        for key in [key for key in self.leases if key not in running]:
            for server in self.leases.pop(key)[1]:
                server.close()
        for key in [key for key in self._leasing if key not in running]:
            self._leasing.pop(key).cancel()
        for key, container in running.items():
            served = not self.faults.holds("no_dhcp", node=container.node)
            dynamic = [card for card in cards(container).values() if card.get("ip") == "dhcp" and served]
            if dynamic and key not in self.leases and key not in self._leasing:
                self._leasing[key] = asyncio.create_task(self._lease(key, container, dynamic[0].get("hwaddr", "")))

    async def _lease(self, key: tuple[int, int], container: Any, mac: str) -> None:
        await asyncio.sleep(self.scaled(LEASE_SECONDS))
        if self.host != LOOPBACK:
            await self._share(key, container)
            return
        for attempt in range(ATTEMPTS):
            address = loopback(mac, attempt)
            with suppress(OSError):
                server = await asyncio.start_server(_page(container.name), address, PORT)
                self.leases[key] = (address, [server])
                break
        else:
            logging.getLogger(__name__).warning("container %s found no free address", container.vmid)
        self._leasing.pop(key, None)
        if key in self.leases:
            await self._listen(container, *self.leases[key])

    async def _listen(self, container: Any, address: str, servers: list[asyncio.Server]) -> None:
        """What the program in it listens at; a low port may need rights that this process lacks."""
        for port in listening(container):
            try:
                server = await asyncio.start_server(_page(container.name), address, port)
            except OSError as error:
                logging.getLogger(__name__).warning("container %s: %s", container.vmid, error)
                continue
            # it may have been stopped meanwhile
            if any(each is servers for _, each in self.leases.values()):
                servers.append(server)
            else:
                server.close()

    async def _share(self, key: tuple[int, int], container: Any) -> None:
        """Others cannot reach our loopback: all containers share the address at which they reach us."""
        found = await asyncio.get_running_loop().getaddrinfo(self.host, None, family=socket.AF_INET)
        address = str(found[0][4][0])
        for port in {PORT, *listening(container)} - self._shared.keys():
            try:
                self._shared[port] = await asyncio.start_server(_page("A container"), address, port)
            except OSError as error:
                logging.getLogger(__name__).warning("container %s: %s", container.vmid, error)
        self.leases[key] = (address, [])
        self._leasing.pop(key, None)

    def address_of(self, container: Any) -> str | None:
        lease = self.leases.get((container.vmid, id(container)))
        return lease[0] if lease else None

    async def close_addresses(self) -> None:
        for task in self._leasing.values():
            task.cancel()
        of_their_own = [server for _, servers in self.leases.values() for server in servers]
        for server in (*of_their_own, *self._shared.values()):
            server.close()
        self.leases.clear()
        self._shared.clear()

    async def _lxc_interfaces(self, user: str, v: Values) -> list[dict[str, Any]] | None:
        """Null for a stopped and for a missing container."""
        container = self.ct(int(v["vmid"]))
        if container is None or container.node != v["node"] or container.status != "running":
            return None
        interfaces: list[dict[str, Any]] = await super()._lxc_interfaces(user, v)
        address = self.address_of(container)
        for interface, card in zip(interfaces[1:], cards(container).values(), strict=True):
            mac = card.get("hwaddr", "").lower()
            interface.update({"hwaddr": mac, "hardware-address": mac})
            if card.get("ip") == "dhcp" and address:
                _add(interface, "inet", address, "8")
            if mac:
                _add(interface, "inet6", _link_local(mac), "64")
        return interfaces


def _add(interface: dict[str, Any], family: str, address: str, prefix: str) -> None:
    interface.setdefault(family, f"{address}/{prefix}")
    interface["ip-addresses"].append({"ip-address-type": family, "ip-address": address, "prefix": prefix})


def _link_local(mac: str) -> str:
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    words = (octets[0] << 8 | octets[1], octets[2] << 8 | 0xFF, 0xFE00 | octets[3], octets[4] << 8 | octets[5])
    return "fe80::" + ":".join(f"{word:x}" for word in words)


def _page(name: str) -> Any:
    body = f"<!doctype html><title>{name}</title><h1>{name}</h1><p>A simulated container.</p>\n".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                writer.write(head.encode() + body)
                await writer.drain()
        finally:
            writer.close()

    return answer
