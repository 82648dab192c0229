"""What a cluster really is, whatever is seen of it: its guests, the tasks on its nodes, and all that was before."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

NODES = ("pve1", "pve2", "pve3")
PERSON = "root@pam"
OURS = "proximity@pve!provisioner"
# The node's clock is no other clock's.
NODE_AHEAD = 437.0


@dataclass(frozen=True)
class Guest:
    """`of`: the application whose container it is; None: anything else. `locked`: since when."""

    vmid: int
    node: str
    of: str | None = None
    kind: Literal["lxc", "qemu"] = "lxc"
    running: bool = True
    name: str = "guest"
    marker: str = ""
    memory: int = 512
    token: str = "t1"
    card: str = "BC:24:11:FF:00:00"
    tags: str = ""
    lock: str | None = None
    locked: float = 0.0

    @property
    def config(self) -> dict[str, object]:
        """As GET config answers."""
        config: dict[str, object] = {
            "arch": "amd64",
            "cores": 1,
            "env": f"TOKEN={self.token}",
            "hostname": self.name,
            "memory": self.memory,
            "net0": f"name=eth0,bridge=vmbr0,hwaddr={self.card},ip=dhcp,type=veth",
            "ostype": "debian",
            "rootfs": f"local-lvm:vm-{self.vmid}-disk-0,size=4G",
            "swap": 512,
            "unprivileged": 1,
        }
        config |= {"description": f"Wiki\n{self.marker}\n"} if self.marker else {}
        config |= {"tags": self.tags} if self.tags else {}
        config |= {"lock": self.lock} if self.lock else {}
        return config | {"digest": hashlib.sha1(repr(config).encode(), usedforsecurity=False).hexdigest()}


@dataclass(frozen=True)
class Worker:
    """A task. `began`, `ends` by the true clock."""

    number: int
    node: str
    type: str
    vmid: int
    user: str
    began: float
    ends: float

    @property
    def upid(self) -> str:
        start = int(self.began + NODE_AHEAD)
        return f"UPID:{self.node}:{self.number:08X}:{self.number:08X}:{start:08X}:{self.type}:{self.vmid}:{self.user}:"

    def listed(self, now: float) -> dict[str, object]:
        """As /cluster/tasks has it: who began it is told in full only while it runs."""
        entry: dict[str, object] = {
            "upid": self.upid,
            "node": self.node,
            "type": self.type,
            "id": str(self.vmid),
            "starttime": int(self.began + NODE_AHEAD),
        }
        if now < self.ends:
            return entry | {"user": self.user, "status": "RUNNING", "saved": "0", "pid": 1, "pstart": 1}
        return entry | {
            "user": self.user.partition("!")[0],
            "status": "OK",
            "endtime": int(self.ends + NODE_AHEAD),
            "saved": "1",
        }


@dataclass
class Truth:
    """`seconds`: the true time, since 1970."""

    seconds: Callable[[], float]
    random: Random
    guests: dict[int, Guest] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _states: list[Mapping[int, Guest]] = field(default_factory=list)

    def set(self, vmid: int, guest: Guest | None, task: str = "", user: str = PERSON) -> None:
        """`task`: what brings it about; it goes on for a while."""
        node = (guest or self.guests[vmid]).node
        if guest is None:
            del self.guests[vmid]
        else:
            self.guests[vmid] = guest
        now = self.seconds()
        if task:
            ends = now + self.random.choice((0.0, 0.5, 3.0, 8.0))
            self.workers.append(Worker(len(self.workers) + 1, node, task, vmid, user, now - 1.0, ends))
        self._times.append(now)
        self._states.append(dict(self.guests))

    def at(self, time: float) -> Mapping[int, Guest]:
        place = bisect_right(self._times, time)
        return self._states[place - 1] if place else self._states[0]

    def since(self, time: float) -> list[Mapping[int, Guest]]:
        """All that was true from then on."""
        return [self.at(time), *self._states[bisect_right(self._times, time) :]]
