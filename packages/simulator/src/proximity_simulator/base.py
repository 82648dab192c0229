"""What every part of the simulator builds on: fakepve's server and the state that the parts share."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from fakepve.model import PveError
from fakepve.server import FakePve

from .calls import Record
from .faults import Faults
from .journal import Journal

Body = Callable[[], Awaitable[str | None]]
Values = dict[str, Any]
"""A request's parameters, checked, path parameters included."""

LOOPBACK = "127.0.0.1"
VERSION, RELEASE, REPOSITORY = "9.2.11", "9.2", "14a22df35955d97d"


def refuse(**fields: str) -> PveError:
    """400 with a reason per parameter."""
    return PveError(400, "Parameter verification failed.", fields)


def answer(data: Any) -> web.Response:
    return web.json_response({"data": data})


class Base(FakePve):  # type: ignore[misc]  # fakepve ships no types
    """The parts are mixins over this class; their methods of fakepve's names replace or extend fakepve's.

    `time_scale`: real seconds per second of Proxmox's; never 0, which would hide running tasks and locks. `host`: the
    name or address at which it listens and is known by.
    """

    def __init__(self, port: int = 0, time_scale: float = 1.0, seed: int = 1, host: str = LOOPBACK) -> None:
        super().__init__(host=host, port=port)
        self.port: int = port
        self.time_scale = max(time_scale, 0.001)
        self.version, self.release_version = VERSION, RELEASE
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311  figures and fingerprints to look at
        self.booted_at = time.time()
        self.fingerprint = ""
        self._random = self.random
        self.certificates: tuple[bytes, ...] = ()
        """The authority's and the node's, PEM."""
        self.node_cpus = 8
        self.bridge = ("vmbr0", "")
        """Name, and address with its prefix length where it is not made up."""
        self.faults = Faults()
        self.journal = Journal()
        self.max_requests = 20_000
        self.vms.clear()
        self.nodes.clear()
        self.storages.clear()

    def changed(self) -> None:
        """Called after everything that changed the state; see state.py."""

    def scaled(self, seconds: float) -> float:
        return seconds * float(self.time_scale)

    def task_record(self, upid: str) -> Record | None:
        record: Record | None = self.tasks.get(upid)
        return record
