"""What workers write into their logs on a real node."""

import base64
import random
from typing import Any

UNPACK_FAILED = (
    "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals "
    "--one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' "
    "'--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' "
    "-C /var/lib/lxc/rootfs --skip-old-files --anchored --exclude './dev/*'' failed: exit code 2"
)
NO_SPACE = [
    "tar: ./usr/sbin/devlink: Wrote only 512 of 10240 bytes",
    "tar: ./usr/sbin/findfs: Cannot write: No space left on device",
    "tar: ./usr/lib/dpkg: Cannot mkdir: No space left on device",
    "tar: Exiting with failure status due to previous errors",
]


def template_path(volid: str) -> str:
    storage, _, name = volid.partition(":")
    base = "/var/lib/vz" if storage == "local" else f"/mnt/pve/{storage}"
    return f"{base}/template/cache/{name.partition('/')[2]}"


def unpacked(container: Any, chance: random.Random) -> list[str]:
    size = chance.randrange(180, 420)
    lines = [
        f"Total bytes read: {size << 20} ({size}MiB, {chance.randrange(110, 190)}MiB/s)",
        f"Detected container architecture: {container.config.get('arch', 'amd64')}",
    ]
    for kind in ("ecdsa", "rsa", "ed25519"):
        print_ = base64.b64encode(chance.randbytes(32)).decode().rstrip("=")
        lines.append(f"Creating SSH host key 'ssh_host_{kind}_key' - this may take some time ...")
        lines.append(f"done: SHA256:{print_} root@{container.config.get('hostname', 'localhost')}")
    return lines
