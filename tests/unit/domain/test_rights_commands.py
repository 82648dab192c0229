"""The commands that the page shows for making a token, beside what everything needs: neither less nor more."""

import re
from pathlib import Path

import pytest

from proximity.domain.cluster.rights import Permissions, missing_rights

SOURCE = (Path(__file__).resolve().parents[3] / "frontend/src/lib/clusters/pveum.ts").read_text()
ROLES = {
    role: re.findall(r'"([\w.]+)"', privileges)
    for role, privileges in re.findall(r"^  (\w+): \[(.*?)\]", SOURCE, re.DOTALL | re.MULTILINE)
}
# for all guests, not for those of a pool
GRANTS: dict[str, str] = dict(re.findall(r'give\((?:pool === null \? )?"([^"]+)".*?, "(\w+)"\)', SOURCE))
# seeing storages is also a part of filling them
EITHER = {"Datastore.Audit"}


def permissions(without: str = "") -> Permissions:
    """As Proxmox VE tells them of such a token; what is given at the root reaches nothing below it."""
    return {
        path: {privilege: int(path != "/") for privilege in ROLES[role] if privilege != without}
        for path, role in GRANTS.items()
    }


def lacking(of: Permissions) -> object:
    return missing_rights(of, nodes=["pve1", "pve2"], storages=["local"], bridge="vmbr0")


def test_they_are_enough() -> None:
    assert set(GRANTS) == {"/vms", "/storage", "/nodes", "/sdn/zones", "/"}
    assert lacking(permissions()) == {}


@pytest.mark.parametrize("privilege", sorted({name for names in ROLES.values() for name in names} - EITHER))
def test_none_is_given_in_vain(privilege: str) -> None:
    assert lacking(permissions(without=privilege))
