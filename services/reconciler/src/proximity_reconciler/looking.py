"""A direct look at one guest: its state and its configuration, or the proof that it is not there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from proximity.domain.application.marker import markers
from proximity.domain.drift import Look
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RightsMissingError
from proximity.proxmox.observe import GuestConfig, GuestStatus, Observer
from proximity.vault.hashes import ConfigurationHash

# A look that takes longer says nothing: others are waiting.
PATIENCE = 6.0
# how many requests one look makes, when the guest is there
REQUESTS = 2
# how many more prove that it is not there: its number, and the quorum
PROOF = 2


@dataclass(frozen=True)
class Looker:
    """`may_ask`: takes one request more from the budget. `quorum`: asks the cluster whether it has it."""

    proxmox: Observer
    hashes: ConfigurationHash
    may_ask: Callable[[], bool]
    quorum: Callable[[], Awaitable[bool]]

    async def at(self, node: str, vmid: int, now: datetime, *, power: bool = True) -> Look | None:
        """None: nothing was learned. Without `power` only the configuration is read."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._look(node, vmid, now, power)
        except (ProxmoxError, TimeoutError):
            return None

    async def _look(self, node: str, vmid: int, now: datetime, power: bool) -> Look | None:
        config, status = await asyncio.gather(
            self.proxmox.guest_config(node, vmid),
            self.proxmox.guest_status(node, vmid) if power else _nothing(),
            return_exceptions=True,
        )
        if isinstance(config, GuestMissingError):
            return await self._not_there(node, vmid, now, "elsewhere")
        if isinstance(config, RightsMissingError):
            # the environment needs more rights than the rest, and then only the state can be seen
            if isinstance(status, GuestStatus):
                return Look(now, "there", node, running=status.status == "running", lock=status.lock)
            if not isinstance(status, RightsMissingError | None):
                # its state may be seen, perhaps: that it was not answered says nothing
                return None
            return await self._not_there(node, vmid, now, "forbidden")
        if isinstance(config, BaseException):
            raise config
        running = status.status == "running" if isinstance(status, GuestStatus) else None
        return self._there(node, vmid, now, config, running)

    def _there(self, node: str, vmid: int, now: datetime, config: GuestConfig, running: bool | None) -> Look:
        return Look(
            now,
            "there",
            node,
            running=running,
            hostname=config.values.get("hostname"),
            lock=config.lock,
            markers=tuple(markers(config.description)),
            values=self.hashes.settings(vmid, config.values),
            environment=self.hashes.environment(vmid, config.environment),
        )

    async def _not_there(self, node: str, vmid: int, now: datetime, otherwise: str) -> Look | None:
        """Whether the number is in use can be asked without any right, so it tells gone from forbidden and moved."""
        if not self.may_ask():
            return None
        if await self.proxmox.vmid_in_use(vmid):
            return Look(now, "forbidden" if otherwise == "forbidden" else "elsewhere", node)
        return Look(now, "gone", node) if await self.quorum() else None


async def _nothing() -> None:
    return None
