"""What an API token must be allowed for each thing Proximity does, and what of it is missing. Pure.

The rules are measured on Proxmox VE 9.2: in `GET /access/permissions` the value says whether a right reaches the
children, not whether it is there, and a deeper entry replaces what would have been inherited.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Permissions = Mapping[str, Mapping[str, int]]
Feature = Literal["observe", "figures", "quorum", "templates", "images", "deploy", "configure", "power", "delete"]
Kind = Literal["guests", "every_node", "a_storage", "bridge", "root"]


@dataclass(frozen=True)
class Need:
    """`privileges`: one of them is enough. `a_storage`: one storage that grants it is enough."""

    kind: Kind
    privileges: tuple[str, ...]


def _guests(*privileges: str) -> tuple[Need, ...]:
    return tuple(Need("guests", (privilege,)) for privilege in privileges)


# A deployment starts the container, then sets its tags; a template is downloaded only if it is not there (`templates`),
# as an image is pulled (`images`).
# Deleting reads the guest first: nothing is destroyed that is not proven ours.
FEATURES: dict[Feature, tuple[Need, ...]] = {
    "observe": (*_guests("VM.Audit"), Need("a_storage", ("Datastore.Audit", "Datastore.AllocateSpace"))),
    "figures": (Need("every_node", ("Sys.Audit",)),),
    "quorum": (Need("root", ("Sys.Audit",)),),
    "templates": (Need("a_storage", ("Datastore.AllocateTemplate",)),),
    "images": (Need("a_storage", ("Datastore.AllocateTemplate",)), Need("every_node", ("Sys.AccessNetwork",))),
    "deploy": (
        *_guests(
            "VM.Allocate",
            "VM.Audit",
            "VM.Config.CPU",
            "VM.Config.Disk",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.PowerMgmt",
        ),
        Need("a_storage", ("Datastore.AllocateSpace",)),
        Need("bridge", ("SDN.Use",)),
    ),
    "configure": _guests("VM.Audit", "VM.Config.Options"),
    "power": _guests("VM.Audit", "VM.PowerMgmt"),
    "delete": _guests("VM.Audit", "VM.PowerMgmt", "VM.Allocate"),
}


def has(permissions: Permissions, path: str, privilege: str) -> bool:
    """Whether the token has the right on this path: its own entry if it is listed, else the nearest listed ancestor's.

    NoAccess on a deeper path does not show in the dump: before a decision hangs on it, ask Proxmox for that very path.
    """
    if path in permissions:
        return privilege in permissions[path]
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        if path in permissions:
            return permissions[path].get(privilege) == 1
    return False


def missing_rights(
    permissions: Permissions, *, nodes: Sequence[str], storages: Sequence[str], bridge: str
) -> dict[Feature, tuple[str, ...]]:
    """Feature -> the rights it lacks, as `path: privilege`; a feature that lacks none is left out.

    `storages`: those that exist, by name. Rights through a pool are not looked at: guests are asked for under /vms.
    """
    missing: dict[Feature, tuple[str, ...]] = {}
    for feature, needs in FEATURES.items():
        lacking = [line for need in needs for line in _lacking(need, permissions, nodes, storages, bridge)]
        if lacking:
            missing[feature] = tuple(lacking)
    return missing


def _lacking(
    need: Need, permissions: Permissions, nodes: Sequence[str], storages: Sequence[str], bridge: str
) -> list[str]:
    def lacks(path: str) -> bool:
        return not any(has(permissions, path, privilege) for privilege in need.privileges)

    wanted = "|".join(need.privileges)
    match need.kind:
        case "guests":
            # any guest without an entry of its own, such as the one to be created: /vms itself must hand the right down
            return [f"/vms: {wanted}"] if lacks("/vms/0") else []
        case "every_node":
            return [f"/nodes/{node}: {wanted}" for node in nodes if lacks(f"/nodes/{node}")]
        case "a_storage":
            paths = [f"/storage/{storage}" for storage in storages]
            if any(not lacks(path) for path in paths):
                return []
            return [f"{paths[0] if len(paths) == 1 else '/storage'}: {wanted}"]
        case "bridge":
            path = f"/sdn/zones/localnetwork/{bridge}"
            return [f"{path}: {wanted}"] if lacks(path) else []
        case "root":
            return [f"/: {wanted}"] if lacks("/") else []
