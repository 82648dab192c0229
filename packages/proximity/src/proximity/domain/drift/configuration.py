"""Which of a container's settings are compared with its baseline: all but those that change without the container being
another. Its host name and its environment are compared by themselves.
"""

import re
from collections.abc import Mapping

_NOT_COMPARED = re.compile(r"description|tags|digest|lock|parent|snaptime|snapstate|hostname|env|unused\d+")
_LISTS = re.compile(r"(?:mp|net|dev)\d+|features|startup")
# shown as they are; whatever else there is may hold secrets, as a command line does, or what a newer Proxmox adds
_SHOWN = re.compile(
    rf"{_LISTS.pattern}|arch|cmode|console|cores|cpulimit|cpuunits|debug|hookscript|memory|nameserver|onboot|ostype"
    r"|protection|rootfs|rootfs\.options|searchdomain|swap|template|timezone|tty|unprivileged"
)
# those that were compared before all of them were
_AT_FIRST = re.compile(
    r"cores|memory|swap|onboot|entrypoint|nameserver|searchdomain|unprivileged|rootfs|features|(?:mp|net)\d+"
)
_HWADDR = re.compile(r"(?:^|,)hwaddr=([^,]+)")


def is_secret(key: str) -> bool:
    """Of its value there is only a keyed hash, as of an environment variable."""
    return not (_NOT_COMPARED.fullmatch(key) or _SHOWN.fullmatch(key))


def comparable(values: Mapping[str, str]) -> dict[str, str]:
    """The settings that matter, in one form whichever order Proxmox writes their parts in. Of the root disk its size
    and its options: a volume that was moved to another storage is the same disk.
    """
    found: dict[str, str] = {}
    for key, value in values.items():
        if key == "rootfs":
            found |= _root_disk(value)
        elif _LISTS.fullmatch(key):
            found[key] = ",".join(sorted(value.split(",")))
        elif not _NOT_COMPARED.fullmatch(key):
            found[key] = value
    return found


def _root_disk(value: str) -> dict[str, str]:
    parts = sorted(part for part in value.split(",") if "=" in part and not part.startswith("volume="))
    size = [part for part in parts if part.startswith("size=")]
    options = [part for part in parts if part not in size]
    return ({"rootfs": size[0]} if size else {}) | ({"rootfs.options": ",".join(options)} if options else {})


def at_first(values: Mapping[str, str]) -> dict[str, str]:
    """What of them a baseline has that is not whole."""
    return {key: value for key, value in values.items() if _AT_FIRST.fullmatch(key)}


def completed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """A baseline that is not whole, with what it did not have yet as it is now."""
    return {key: value for key, value in now.items() if not _AT_FIRST.fullmatch(key)} | dict(before)


def addresses(values: Mapping[str, str]) -> frozenset[str]:
    """The network cards' hardware addresses. A guest that was made anew under the same VMID has others."""
    nets = (value for key, value in values.items() if key.startswith("net"))
    return frozenset(found[1].upper() for value in nets if (found := _HWADDR.search(value)))
