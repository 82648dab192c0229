"""A home cluster as many have it: two nodes, three storages, a dozen guests that somebody else made."""

import time
from typing import Any

from .calls import on_node
from .guests import pace
from .rights import ALL
from .simulator import Simulator
from .templates import TEMPLATES

GIB = 1 << 30
NODES = ("pve1", "pve2")
TOKEN = "proximity@pve!simulator"  # noqa: S105  the name of a token, not its secret
STANDARD = "debian-12-standard_12.12-1_amd64.tar.zst"
# vmid, name, node, running, cores, memory in MiB, disk in GiB, tags
CONTAINERS = (
    (100, "pihole", "pve1", True, 1, 512, 4, "dns"),
    (101, "jellyfin", "pve1", True, 4, 4096, 16, "media"),
    (102, "nextcloud", "pve2", True, 2, 4096, 32, "cloud"),
    (103, "vaultwarden", "pve1", True, 1, 512, 4, None),
    (104, "grafana", "pve2", True, 2, 1024, 8, "monitoring"),
    (105, "unifi", "pve2", False, 2, 2048, 12, None),
    (106, "minecraft", "pve2", False, 4, 8192, 20, "games"),
)
MACHINES = (
    (200, "homeassistant", "pve1", True, 2, 4096, 32, "smarthome"),
    (201, "windows11", "pve2", False, 4, 8192, 128, None),
    (202, "truenas", "pve2", True, 4, 16384, 32, "storage"),
    (203, "docker", "pve1", True, 4, 8192, 64, None),
    (900, "debian-13-cloud", "pve1", False, 1, 1024, 8, None),
)


def furnish(simulator: Simulator) -> None:
    """Nodes and storages: always the same, so they are not part of a saved state."""
    for node in NODES:
        simulator.add_node(node)
    simulator.add_storage("local", "dir", "vztmpl,iso,backup", 94 * GIB, 11 * GIB, path="/var/lib/vz")
    simulator.add_storage("local-lvm", "lvmthin", "rootdir,images", 348 * GIB, 2 * GIB, vgname="pve", thinpool="data")
    simulator.add_storage(
        "nfs-share", "nfs", "backup,vztmpl", 1862 * GIB, 911 * GIB, shared=1, path="/mnt/pve/nfs-share",
        server="192.168.1.5", export="/volume1/proxmox",
    )  # fmt: skip


def populate(simulator: Simulator, extra: int = 0) -> None:
    """`extra`: so many small containers more, on all nodes."""
    for number in range(extra):
        node = NODES[number % len(NODES)]
        _container(simulator, 1000 + number, f"guest{number}", node, number % 3 > 0, 1, 512, 4, None)
    for row in CONTAINERS:
        _container(simulator, *row)
    for row in MACHINES:
        _machine(simulator, *row)
    with on_node("pve1"):
        simulator.put_template("local", STANDARD, TEMPLATES[STANDARD]["size"])
    known = simulator.apitokens.get(TOKEN)
    simulator.add_token(TOKEN, [{"path": "/", "privileges": list(ALL)}], known)


def _config(vmid: int, cores: int, memory: int, tags: str | None) -> dict[str, Any]:
    mac = f"BC:24:11:5E:{vmid >> 8:02X}:{vmid & 255:02X}"
    config = {"cores": cores, "memory": memory, "onboot": 1}
    return config | {"tags": tags, "mac": mac} if tags else config | {"mac": mac}


def _container(
    simulator: Simulator, vmid: int, name: str, node: str, running: bool, cores: int, memory: int, disk: int,
    tags: str | None,
) -> None:  # fmt: skip
    config = _config(vmid, cores, memory, tags)
    # the demo's own are in the first network; many more need others
    third, fourth = divmod(vmid - 2, 253)
    network = f"192.168.{third + 1}"
    card = f"name=eth0,bridge=vmbr0,gw={network}.1,hwaddr={config.pop('mac')},ip={network}.{fourth + 2}/24,type=veth"
    config |= {
        "hostname": name, "ostype": "debian", "arch": "amd64", "swap": 512, "unprivileged": 1, "net0": card,
        "features": "nesting=1", "rootfs": f"local-lvm:vm-{vmid}-disk-0,size={disk}G",
    }  # fmt: skip
    container = simulator.add_ct(vmid, node=node, config=config, status="running" if running else "stopped")
    container.started_at = time.time() - 86400 * (vmid % 9 + 1) if running else None
    pace(container)


def _machine(
    simulator: Simulator, vmid: int, name: str, node: str, running: bool, cores: int, memory: int, disk: int,
    tags: str | None,
) -> None:  # fmt: skip
    config = _config(vmid, cores, memory, tags)
    config |= {
        "net0": f"virtio={config.pop('mac')},bridge=vmbr0", "scsihw": "virtio-scsi-single", "boot": "order=scsi0",
        "scsi0": f"local-lvm:vm-{vmid}-disk-0,size={disk}G", "ostype": "win11" if "windows" in name else "l26",
    }  # fmt: skip
    status = "running" if running else "stopped"
    machine = simulator.add_vm(vmid, name, node=node, status=status, config=config, template=vmid == 900)
    machine.started_at = time.time() - 86400 * (vmid % 7 + 1) if running else None
