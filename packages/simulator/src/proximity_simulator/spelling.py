"""How Proxmox VE writes volumes and values, where fakepve writes them differently.

fakepve looks these functions up in its module at each call, so replacing them holds for the whole process.
"""

import re
from typing import Any

import fakepve.lxc
import fakepve.storage

FIRST = ("mp",)
"""Options that a mount point must have are written before the others."""


TEMPLATE_ENDING = r"\.tar(?:\.(?:gz|xz|zst|bz2))?"
"""Images of containers from a registry are not packed."""


def print_mount(mount: dict[str, Any], rootfs: bool = False) -> str:
    keys = sorted((key for key in mount if key != "volume"), key=lambda key: (key not in FIRST, key))
    return ",".join([mount["volume"], *(f"{key}={mount[key]}" for key in keys if not (rootfs and key == "mp"))])


def volume_owner(volume: str) -> int | None:
    """The guest of a volume; a linked clone's own id comes after that of its base."""
    found = re.findall(r"-(\d+)-disk-\d+", volume)
    return int(found[-1]) if found else None


def linkable(volume: str) -> bool:
    """Asked for the volume alone; clones.py looks at its storage too, and beforehand."""
    return True


def described(text: str) -> str:
    """A description comes back with one trailing newline."""
    return text.rstrip("\n") + "\n" if text else ""


def shown(config: dict[str, Any]) -> dict[str, Any]:
    """A stored configuration as it is answered: `cpulimit` is a string."""
    return config | ({"cpulimit": f"{float(config['cpulimit']):g}"} if "cpulimit" in config else {})


def install() -> None:
    fakepve.lxc.print_mount = print_mount
    fakepve.lxc.volume_owner = volume_owner
    fakepve.lxc.os_base = linkable
    fakepve.storage.TEMPLATE_EXT = TEMPLATE_ENDING
