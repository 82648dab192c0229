import os
from collections.abc import AsyncIterator

import pytest

from conformance.place import Place, named_place
from conformance.workbench import Workbench
from proximity.proxmox.client import Connection
from support.simulator import SimulatorProcess


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    named = named_place()
    return named or simulated_place(request.getfixturevalue("simulator"))


def simulated_place(simulator: SimulatorProcess) -> Place:
    seen = simulator.connection()
    return Place(
        connection=Connection((seen.url,), seen.token_id, seen.token_secret, seen.fingerprint),
        node="pve1",
        rootfs_storage="local-lvm",
        template_storage="local",
        template="local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst",
        bridge="vmbr0",
        vmid_base=90000,
        patience=30.0,
        real=False,
    )


@pytest.fixture
async def bench(place: Place) -> AsyncIterator[Workbench]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    bench = Workbench(place, shift=int(worker))
    yield bench
    await bench.close()
