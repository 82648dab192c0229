"""The roles that are built in, made of privileges by the kind of object and by how far they go."""

from fakepve import shapes

GROUPS = {
    "VM": (
        "VM.Allocate VM.Clone VM.Config.CPU VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network "
        "VM.Config.Options VM.GuestAgent.Unrestricted VM.Migrate VM.Replicate VM.Snapshot VM.Snapshot.Rollback",
        "VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt "
        "VM.GuestAgent.FileWrite VM.PowerMgmt",
        "VM.Audit VM.GuestAgent.Audit",
    ),
    "Datastore": ("Datastore.Allocate Datastore.AllocateTemplate", "Datastore.AllocateSpace", "Datastore.Audit"),
    "SDN": ("SDN.Allocate", "SDN.Use", "SDN.Audit"),
    "Pool": ("Pool.Allocate", "", "Pool.Audit"),
    "Mapping": ("Mapping.Modify", "Mapping.Use", "Mapping.Audit"),
    "Sys": ("Sys.Console Sys.Syslog", "", "Sys.Audit"),
    "User": ("Group.Allocate Realm.AllocateUser User.Modify", "", ""),
}
"""Kind -> what its admin, its user and its auditor may."""
CAPABILITIES = {
    "vms": "VM", "storage": "Datastore", "nodes": "Sys", "sdn": "SDN", "mapping": "Mapping", "access": "User",
    "dc": "Sys",
}  # fmt: skip
"""What the answer of a login calls the kinds."""


def _levels(kind: str, first: int) -> frozenset[str]:
    return frozenset(" ".join(GROUPS[kind][first:]).split())


def built_in() -> dict[str, frozenset[str]]:
    """Role -> privileges."""
    every = frozenset().union(*(_levels(kind, 0) for kind in GROUPS))
    roles = {
        f"PVE{kind}Admin": _levels(kind, 0) for kind in ("VM", "Datastore", "SDN", "Pool", "Mapping", "Sys", "User")
    }
    roles |= {f"PVE{kind}User": _levels(kind, 1) for kind in ("VM", "Datastore", "SDN", "Pool", "Mapping")}
    return roles | {
        "Administrator": frozenset(shapes.PRIVILEGES),
        "NoAccess": frozenset(),
        "PVEAdmin": every - {"Mapping.Modify"},
        "PVEAuditor": frozenset().union(*(_levels(kind, 2) for kind in GROUPS)),
        "PVEMappingAuditor": _levels("Mapping", 2),
        "PVETemplateUser": frozenset({"VM.Audit", "VM.Clone"}),
    }
