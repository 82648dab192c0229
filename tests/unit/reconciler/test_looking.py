"""What a direct look tells when only half of it is answered."""

from typing import cast

import pytest

from proximity.proxmox.errors import GuestMissingError, RightsMissingError, UnansweredError
from proximity.proxmox.observe import GuestConfig, GuestStatus, Observer
from proximity.vault.hashes import ConfigurationHash
from proximity_reconciler.looking import Looker
from support.deciders import NOON


class Node:
    """A container with an environment, whose configuration needs more rights than the token has."""

    def __init__(self, status: GuestStatus | Exception) -> None:
        self.status = status

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        raise RightsMissingError(f"Permission check failed (/vms/{vmid}, VM.Config.Options)", 403)

    async def guest_status(self, node: str, vmid: int) -> GuestStatus:
        if isinstance(self.status, Exception):
            raise self.status
        return self.status

    async def vmid_in_use(self, vmid: int) -> bool:
        return True


async def _quorate() -> bool:
    return True


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (GuestStatus("running"), "there"),
        (RightsMissingError("Permission check failed (/vms/101, VM.Audit)", 403), "forbidden"),
        (UnansweredError("nobody answers"), None),
        (GuestMissingError("no such guest", 500), None),
    ],
)
async def test_only_a_state_that_is_forbidden_too_means_that_a_container_may_not_be_seen(
    status: GuestStatus | Exception, told: str | None
) -> None:
    looker = Looker(cast(Observer, Node(status)), ConfigurationHash(b"k" * 32), lambda: True, _quorate)
    look = await looker.at("pve1", 101, NOON)
    assert (look and look.state) == told


async def test_a_guest_of_nobody_is_judged_by_its_configuration_alone() -> None:
    node = Node(AssertionError("not asked"))
    looker = Looker(cast(Observer, node), ConfigurationHash(b"k" * 32), lambda: True, _quorate)
    look = await looker.at("pve1", 101, NOON, power=False)
    assert look is not None
    assert look.state == "forbidden"
