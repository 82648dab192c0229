"""What the handlers of this process share. Made once, in main.py."""

import asyncio
from dataclasses import dataclass, field

from proximity.messaging.clock import ServerClock
from proximity.messaging.wake import Wake
from proximity.vault.hashes import ConfigurationHash
from proximity.vault.vault import Vault
from proximity_provisioner.clusters import Clusters
from proximity_provisioner.incarnation import Incarnation
from proximity_provisioner.journal import Journal
from proximity_provisioner.pace import Pace
from proximity_provisioner.settings import Settings
from proximity_provisioner.slots import OperationSlots


@dataclass
class Tools:
    """`cursor`: per cluster, the VMID to try next. `stopping`: what is in hand ends at its next safe point.
    `restored`: the log comes from a backup, so things were done on Proxmox of which it does not tell.
    """

    settings: Settings
    installation_id: str
    journal: Journal
    clock: ServerClock
    wake: Wake
    vault: Vault
    hashes: ConfigurationHash
    slots: OperationSlots
    clusters: Clusters
    me: Incarnation
    restored: bool = False
    pace: Pace = field(default_factory=Pace)
    cursor: dict[str, int] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
