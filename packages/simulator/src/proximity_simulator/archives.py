"""What a backup archive holds and is called, and how a job writes about it."""

import re
import time
from dataclasses import dataclass
from typing import Any

from fakepve.lxc import parse_mount

EXTENSIONS = {"zstd": ".zst", "gzip": ".gz", "1": ".lzo", "lzo": ".lzo"}
SHRINKS_TO = {".zst": 0.31, ".gz": 0.36, ".lzo": 0.44, "": 0.99}
NOT_SAVED = ("lock", "parent", "snapshots", "pending")
MEBIBYTE = 1 << 20
INTERRUPTED = (
    "command 'set -o pipefail && lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar cpf - --totals "
    "--one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' "
    "'--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' "
    "--one-file-system '--warning=no-file-ignored' '--directory={stem}.tmp' ./etc/vzdump/pct.conf ./etc/vzdump/pct.fw "
    "'--directory=/mnt/vzsnap0' --no-anchored '--exclude=lost+found' --anchored '--exclude=./tmp/?*' "
    "'--exclude=./var/tmp/?*' '--exclude=./var/run/?*.pid' ./ {filter}>{stem}.tar.dat' failed: {how}"
)
FILTERS = {".zst": "| zstd --rsyncable --threads=1 ", ".gz": "| gzip --rsyncable ", ".lzo": "| lzop ", "": ""}


@dataclass(frozen=True)
class Archive:
    """`stem`: the path on the node without any ending; `packed` and `plain`: bytes."""

    name: str
    stem: str
    ending: str
    made_at: int
    plain: int
    packed: int

    @property
    def path(self) -> str:
        return self.stem + self.ending

    def failure(self, how: str) -> str:
        packing = "." + self.ending.rpartition(".")[2] if self.ending.count(".") > 1 else ""
        return INTERRUPTED.format(stem=self.stem, filter=FILTERS[packing], how=how)


def is_container(guest: Any) -> bool:
    return not hasattr(guest, "agent")


def archive_of(guest: Any, folder: str, compress: str, made_at: int, plain: int) -> Archive:
    packing = EXTENSIONS.get(compress, "")
    kind, form = ("lxc", ".tar") if is_container(guest) else ("qemu", ".vma")
    stamp = time.strftime("%Y_%m_%d-%H_%M_%S", time.localtime(made_at))
    stem = f"vzdump-{kind}-{guest.vmid}-{stamp}"
    ending = form + packing
    return Archive(stem + ending, f"{folder}/dump/{stem}", ending, made_at, plain, int(plain * SHRINKS_TO[packing]))


def volume_of(archive: Archive, guest: Any, notes: str, protected: bool) -> dict[str, Any]:
    """The backup as it lies in a storage; `config` is what a restore finds in it."""
    volume = {
        "content": "backup", "size": archive.packed, "used": archive.packed + 3 * 1024, "ctime": archive.made_at,
        "format": archive.ending.lstrip("."), "vmid": guest.vmid, "subtype": "lxc" if is_container(guest) else "qemu",
        "config": {key: value for key, value in guest.config.items() if key not in NOT_SAVED},
    }  # fmt: skip
    given = {"notes": notes} if notes else {}
    return volume | given | ({"protected": True} if protected else {})


def config_text(config: dict[str, Any]) -> str:
    """A guest's config as the file that an archive holds: the description as comments, then the keys in order."""
    lines = [f"#{line}" for line in str(config.get("description") or "").splitlines()]
    for key in sorted(config):
        if key == "lxc":
            lines += [f"{name}: {value}" for name, value in config[key]]
        elif key != "description":
            lines.append(f"{key}: {config[key]}")
    return "".join(f"{line}\n" for line in lines)


def notes_from(template: str, guest: Any, cluster: str) -> str:
    """The placeholders of `notes-template`, and its two escapes."""
    for name, value in (("cluster", cluster), ("guestname", guest.name), ("node", guest.node), ("vmid", guest.vmid)):
        template = template.replace(f"{{{{{name}}}}}", str(value))
    return re.sub(r"\\([n\\])", lambda found: "\n" if found.group(1) == "n" else "\\", template)


def mount_lines(guest: Any) -> list[str]:
    if not is_container(guest):
        disks = sorted(key for key in guest.config if re.fullmatch(r"(scsi|virtio|sata|ide)\d+", key))
        return [f"INFO: VM Name: {guest.name}"] + [
            f"INFO: include disk '{key}' '{guest.config[key].split(',')[0]}'" for key in disks
        ]
    lines = [f"INFO: CT Name: {guest.name}"]
    for key in sorted(guest.config, key=lambda key: (key != "rootfs", key)):
        if key == "rootfs":
            lines.append("INFO: including mount point rootfs ('/') in backup")
        elif re.fullmatch(r"mp\d+", key):
            mount = parse_mount(guest.config[key])
            where = f"mount point {key} ('{mount.get('mp')}')"
            if mount["volume"].startswith("/"):
                lines.append(f"INFO: excluding bind {where} from backup (not a volume)")
            elif mount.get("backup") == "1":
                lines.append(f"INFO: including {where} in backup")
            else:
                lines.append(f"INFO: excluding volume {where} from backup (disabled)")
    return lines


def written(archive: Archive, container: bool, seconds: int) -> list[str]:
    size = f"INFO: archive file size: {max(1, archive.packed // MEBIBYTE)}MB"
    if not container:
        return [f"INFO: transferred {archive.plain / (1 << 30):.2f} GiB in {seconds} seconds", size]
    plain = archive.plain // MEBIBYTE
    return [f"INFO: Total bytes written: {archive.plain} ({plain}MiB, {plain // seconds}MiB/s)", size]


def sync_lines(guest: Any, archive: Archive) -> list[str]:
    """What mode `suspend` does before the archive: two rounds of copying."""
    way = f"/proc/{guest.pid}/root/ to {archive.stem}.tmp"
    return [
        f"INFO: starting first sync {way}",
        "INFO: first sync finished - transferred 192.83M bytes in 2s",
        "INFO: suspending guest",
        f"INFO: starting final sync {way}",
        "INFO: final sync finished - transferred 0 bytes in 1s",
        "INFO: resuming guest",
        "INFO: guest is online again after 1 seconds",
    ]
