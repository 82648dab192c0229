"""Which of a container's settings are compared with its baseline. Description, tags, digest, lock and parent are not:
they change without the container being another.
"""

import re
from collections.abc import Mapping

_PLAIN = {"cores", "memory", "swap", "onboot", "entrypoint", "nameserver", "searchdomain", "unprivileged"}
# A command line may hold secrets: of it there is only a keyed hash, as of an environment variable.
SECRET = frozenset({"entrypoint"})
_LISTS = re.compile(r"(?:mp|net)\d+|features")
_SIZE = re.compile(r"(?:^|,)size=([^,]+)")
_HWADDR = re.compile(r"(?:^|,)hwaddr=([^,]+)")


def comparable(values: Mapping[str, str]) -> dict[str, str]:
    """The settings that matter, in one form whichever order Proxmox writes their parts in. Of the root disk only its
    size: a volume that was moved to another storage is the same disk.
    """
    found = {}
    for key, value in values.items():
        if key == "rootfs":
            if size := _SIZE.search(value):
                found["rootfs"] = f"size={size[1]}"
        elif _LISTS.fullmatch(key):
            found[key] = ",".join(sorted(value.split(",")))
        elif key in _PLAIN:
            found[key] = value
    return found


def addresses(values: Mapping[str, str]) -> frozenset[str]:
    """The network cards' hardware addresses. A guest that was made anew under the same VMID has others."""
    nets = (value for key, value in values.items() if key.startswith("net"))
    return frozenset(found[1].upper() for value in nets if (found := _HWADDR.search(value)))
