"""Fixtures around provisioning.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proximity_launcher.up.ports import free_ports
from support.provisioning import Stage
from support.servers import Nats
from support.simulator import SimulatorProcess


@pytest.fixture
async def stage(nats: Nats, simulator: SimulatorProcess, tmp_path: Path) -> AsyncIterator[Stage]:
    """NATS and a simulated cluster; no provisioner yet."""
    made = await Stage.make(nats, simulator, tmp_path)
    yield made
    made.end()


@pytest.fixture
async def running_stage(stage: Stage) -> Stage:
    """With one provisioner, and the cluster connected."""
    stage.provisioner()
    await stage.connected()
    return stage


@pytest.fixture
def free_port() -> int:
    return free_ports(1)[0]
