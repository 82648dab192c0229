"""What the end of configuring notes of the container."""

from types import SimpleNamespace
from typing import cast

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.configuration import Configuration
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Container
from proximity.proxmox.errors import GuestMissingError, ProxmoxError, RightsMissingError, UnansweredError
from proximity.proxmox.observe import GuestConfig
from proximity.vault.hashes import ConfigurationHash
from proximity_provisioner.job import Job
from proximity_provisioner.steps.container import Configure

HASHES = ConfigurationHash(bytes(32))
MARKER = Marker("inst", "a1", "op", 105)


class Node:
    def __init__(self, seen: GuestConfig | ProxmoxError) -> None:
        self._seen = seen

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        if isinstance(self._seen, ProxmoxError):
            raise self._seen
        return self._seen

    async def vmid_in_use(self, vmid: int) -> bool:
        return True


async def outcome(seen: GuestConfig | ProxmoxError) -> Configuration | None:
    job = SimpleNamespace(
        application_id="a1",
        op=SimpleNamespace(id="op"),
        container=Container("c1", "pve1", 105, "op"),
        proxmox=Node(seen),
        tools=SimpleNamespace(installation_id="inst", hashes=HASHES),
    )
    event = await Configure().outcome(cast(Job, job), 0)
    assert isinstance(event, ev.ContainerConfigured)
    return event.configuration


async def test_how_it_is_now_is_what_later_changes_are_told_by() -> None:
    values = {"memory": "512", "tags": "proximity", "entrypoint": "/serve --key canary-line"}
    kept = await outcome(GuestConfig("d", MARKER.line(), None, values, {"TOKEN": "canary-token"}))
    assert kept == Configuration(
        values={"memory": "512", "entrypoint": HASHES.of(105, "entrypoint", values["entrypoint"])},
        environment={"TOKEN": HASHES.of(105, "TOKEN", "canary-token")},
    )


@pytest.mark.parametrize(
    "seen",
    [
        RightsMissingError("Permission check failed (/vms/105, VM.Config.Options)", 403),
        UnansweredError("Broken pipe", 596),
        GuestMissingError("Configuration file 'nodes/pve1/lxc/105.conf' does not exist", 500),
        GuestConfig("d", "somebody else's", None, {"memory": "512", "swap": "512"}),
    ],
    ids=["forbidden", "unanswered", "moved", "not ours"],
)
async def test_it_is_configured_also_if_that_cannot_be_read(seen: GuestConfig | ProxmoxError) -> None:
    assert await outcome(seen) is None
