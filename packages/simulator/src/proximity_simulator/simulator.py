"""The whole: fakepve with everything of this package over it."""

import asyncio
from typing import Any

from .access_lists import AccessLists
from .backups import Backups
from .charts import Charts
from .clones import Clones
from .console import Consoles
from .contents import Contents
from .disks import Disks
from .downloads import Downloads
from .faults import Fault
from .guests import Guests
from .hotplug import Hotplug
from .images import Images
from .indexes import Indexes
from .logins import Logins
from .network import Network
from .outages import Outages
from .people import People
from .plain import Plain
from .pruning import Pruning
from .resources import Resources
from .restoring import Restoring
from .rights import Access, Rights, User
from .snapshots import Snapshots
from .state import State
from .storages import PerNode, Storages
from .tasks import Tasks
from .templates import Templates
from .wire import Wire


class Simulator(
    Wire, Network, Outages, Downloads, Plain, Charts, Indexes, AccessLists, People, Logins, State, Backups,
    Pruning, Restoring, Snapshots, Clones, Disks, Contents, Hotplug, Consoles, Images, Guests, Rights, Resources,
    Templates, Storages, Tasks,
):  # fmt: skip
    async def reset(self, keep_token: str) -> None:
        """Nothing but nodes, storages and one token is left; what still ran is thrown away."""
        running = {*self.jobs.values(), *self.late}
        for job in running:
            job.cancel()
        if running:
            await asyncio.wait(running)
        for token in [token for token in self.apitokens if token != keep_token]:
            self.revoke_token(token)
        self.access = Access(tokens={keep_token: self.access.tokens[keep_token]})
        self.access.people[keep_token.partition("!")[0]] = User()
        for fault in list(self.faults.all):
            self.lift(fault)
        self.journal.restore([])
        for store in self.storages.values():
            store["volumes"].nodes.clear() if isinstance(store["volumes"], PerNode) else store["volumes"].clear()
        for state in (self.cts, self.vms, self.pools, self.tasks, self.tasklog, self.requests, self.swept, self.users):
            state.clear()

    def place(self, fault: Fault) -> None:
        """Begin a state that lies in a guest, or in what is served."""
        if fault.kind == "lock":
            self._guest(fault).lock = fault.lock
            self.changed()
        if fault.kind == "certificate":
            self.replace_certificate()

    def lift(self, fault: Fault) -> None:
        """End a fault; a lock that was placed goes with it."""
        self.faults.remove(fault)
        if fault.kind == "certificate" and not self.faults.holds("certificate"):
            self.restore_certificate()
        guest = self.guest(fault.match.vmid) if fault.kind == "lock" else None
        if guest is not None and guest.lock == fault.lock:
            guest.lock = None
            self.changed()
        if fault.kind == "no_dhcp":
            # who runs without an address asks again
            self.changed()

    def _guest(self, fault: Fault) -> Any:
        guest = self.guest(fault.match.vmid)
        if guest is None:
            raise KeyError(f"no guest {fault.match.vmid}")
        return guest
