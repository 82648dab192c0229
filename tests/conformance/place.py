"""Where the conformance tests run: a Proxmox VE named by the environment, or else the simulator."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proximity.proxmox.client import Connection

PREFIX = "PROXIMITY_TEST_PVE_"


@dataclass(frozen=True)
class Place:
    """`template`: the volume id of a container template. `patience`: seconds the slowest task may take.

    `oci_tar`: an image as an OCI archive, a file on this machine.
    """

    connection: Connection
    node: str
    rootfs_storage: str
    template_storage: str
    template: str
    bridge: str
    vmid_base: int
    patience: float
    real: bool
    oci_tar: Path | None = None


def named_place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """None: the environment names none. KeyError: it names one, but not all that is needed."""
    if f"{PREFIX}URL" not in environment:
        return None
    given = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
    ca = given.get("CA")
    return Place(
        connection=Connection(
            endpoints=tuple(given["URL"].split(",")),
            token_id=given["TOKEN_ID"],
            token_secret=given["TOKEN_SECRET"],
            fingerprint=given.get("FINGERPRINT"),
            ca=Path(ca).read_text() if ca and Path(ca).is_file() else ca,
        ),
        node=given["NODE"],
        rootfs_storage=given["ROOTFS_STORAGE"],
        template_storage=given["TEMPLATE_STORAGE"],
        template=given["TEMPLATE"],
        bridge=given.get("BRIDGE", "vmbr0"),
        vmid_base=int(given.get("VMID_BASE", "90000")),
        patience=300.0,
        real=True,
        oci_tar=Path(given["OCI_TAR"]) if given.get("OCI_TAR") else None,
    )
