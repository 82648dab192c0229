"""The whole: fakepve with everything of this package over it."""

from typing import Any

from .faults import Fault
from .guests import Guests
from .network import Network
from .resources import Resources
from .rights import Rights
from .state import State
from .storages import Storages
from .tasks import Tasks
from .templates import Templates
from .wire import Wire


class Simulator(Wire, Network, State, Guests, Rights, Resources, Templates, Storages, Tasks):
    def place(self, fault: Fault) -> None:
        """Begin a state that lies in a guest."""
        if fault.kind == "lock":
            self._guest(fault).lock = fault.lock
            self.changed()

    def lift(self, fault: Fault) -> None:
        """End a fault; a lock that was placed goes with it."""
        self.faults.remove(fault)
        guest = self.guest(fault.match.vmid) if fault.kind == "lock" else None
        if guest is not None and guest.lock == fault.lock:
            guest.lock = None
            self.changed()

    def _guest(self, fault: Fault) -> Any:
        guest = self.guest(fault.match.vmid)
        if guest is None:
            raise KeyError(f"no guest {fault.match.vmid}")
        return guest
