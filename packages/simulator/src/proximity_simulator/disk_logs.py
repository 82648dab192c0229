"""What making, growing and copying a disk writes into the log of its task."""

import random
import textwrap
import uuid
from typing import Any

BLOCK = 4096
BLOCKS_PER_GROUP = 32768
BLOCKS_PER_INODE = 4
LINE = 72


def made(store: dict[str, Any], folder: str, volume: str, size: int, chance: random.Random) -> list[str]:
    """`folder`: where the storage's files are; `volume`: its name within the storage; `size`: bytes."""
    kind = store["type"]
    if kind == "zfspool":
        return []  # a dataset, without a file system in it
    if kind in ("lvm", "lvmthin"):
        group = store.get("vgname", "pve")
        return [
            f'  Logical volume "{volume}" created.',
            f"  Logical volume {group}/{volume} changed.",
            *filesystem(size, chance),
        ]
    if kind in ("btrfs", "rbd"):
        return filesystem(size, chance)
    return [f"Formatting '{folder}/images/{volume}', fmt=raw size={size} preallocation=off", *filesystem(size, chance)]


def filesystem(size: int, chance: random.Random) -> list[str]:
    blocks = size // BLOCK
    groups = [1] + [base**power for base in (3, 5, 7) for power in range(1, 20)]
    copies = sorted(group * BLOCKS_PER_GROUP for group in groups if group * BLOCKS_PER_GROUP < blocks)
    return [
        f"Creating filesystem with {blocks} 4k blocks and {blocks // BLOCKS_PER_INODE} inodes",
        f"Filesystem UUID: {uuid.UUID(bytes=chance.randbytes(16), version=4)}",
        "Superblock backups stored on blocks: ",
        *(f"\t{line}" for line in textwrap.wrap(", ".join(map(str, copies)), LINE)),
    ]


def grown(path: str, before: int, after: int) -> list[str]:
    """Bytes."""
    old, new = before // BLOCK, after // BLOCK
    passes = ("inodes, blocks, and sizes", "directory structure", "directory connectivity", "reference counts")
    return [
        "Image resized.",
        "e2fsck 1.47.2 (1-Jan-2025)",
        *(f"Pass {number}: Checking {what}" for number, what in enumerate(passes, 1)),
        "Pass 5: Checking group summary information",
        f"{path}: {old // 12}/{old // BLOCKS_PER_INODE} files (0.1% non-contiguous), {old // 5}/{old} blocks",
        "resize2fs 1.47.2 (1-Jan-2025)",
        f"Resizing the filesystem on {path} to {new} (4k) blocks.",
        f"The filesystem on {path} is now {new} (4k) blocks long.",
        "",
    ]


def copied(chance: random.Random) -> list[str]:
    """What rsync says of a small root file system."""
    files, links = chance.randrange(9000, 9900), chance.randrange(1800, 2100)
    folders, size = chance.randrange(900, 1100), chance.randrange(170, 220) << 20
    kinds = f"{files + links + folders:,} (reg: {files:,}, dir: {folders:,}, link: {links:,})"
    return [
        "",
        f"Number of files: {kinds}",
        f"Number of created files: {kinds}",
        "Number of deleted files: 0",
        f"Number of regular files transferred: {files:,}",
        f"Total file size: {size:,} bytes",
        f"Total transferred file size: {size:,} bytes",
        f"Literal data: {size:,} bytes",
        "Matched data: 0 bytes",
        "File list size: 262,108",
        "File list generation time: 0.001 seconds",
        "File list transfer time: 0.000 seconds",
        f"Total bytes sent: {size + 912_000:,}",
        "Total bytes received: 201,455",
        "",
        f"sent {size + 912_000:,} bytes  received 201,455 bytes  {size // 2:,} bytes/sec",
        f"total size is {size:,}  speedup is 1.00",
    ]
